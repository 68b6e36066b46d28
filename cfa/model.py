"""The nouns of the applications: queues, calendars, pipelines. None of them holds a customer attribute."""

from __future__ import annotations

from pydantic import Field

from cid.kit.definitions import Definition, Section


class Calendar(Definition):
    """When people work: intervals by weekday in a time zone."""

    time_zone: str = Field("UTC", alias="time zone")
    hours: dict[str, tuple[str, ...]]
    """``mon: ["09:00-12:00", "13:00-17:00"]`` and so on; a day that is missing is free."""
    holidays: tuple[str, ...] = ()


class Queue(Definition):
    """A desk where tasks and cases wait for somebody."""

    app: str = "service"
    """sales or service."""
    calendar: str = ""


class Stage(Definition):
    """A column of the pipeline board."""

    probability: float = Field(0, ge=0, le=1)
    closed: bool = False
    won: bool = False


class Pipeline(Definition):
    """The stages an opportunity passes, in order."""

    stages: dict[str, Stage]


CALENDARS = Section("calendars", Calendar)
QUEUES = Section("queues", Queue)
PIPELINES = Section("pipelines", Pipeline)
SECTIONS = (CALENDARS, QUEUES, PIPELINES)
