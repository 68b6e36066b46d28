"""The actions that ship with the product: a task, a case, an offer, an e-mail, a webhook."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from cid.kit.clock import DAY, format_time, parse_duration, to_datetime
from cid.kit.errors import InvalidInput, Refused, Unavailable
from cid.kit.failpoints import reach
from context.ports import ActionRow, Effects

MANY = 50
"""From how many e-mails on one common wait for the disk is shorter than one for each."""


class Task:
    """Put a task on somebody's desk."""

    name = "task"
    local = True

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters, or None."""
        if not parameters.get("queue"):
            return "`queue` is missing: on whose desk?"
        return _length(parameters.get("due"))

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Open the task; its id is the row's, so that it is opened once."""
        said = row.parameters
        effects.desk.open_task(
            id=row.id,
            app=str(said.get("app") or effects.queues.get(str(said["queue"]), "service")),
            queue=str(said["queue"]),
            title=str(said.get("title") or row.rule),
            customer=row.customer,
            identity=row.identity,
            rule=row.rule,
            at=row.at,
            due=row.at + parse_duration(said.get("due") or 2 * DAY),
            loop=row.loop,
            note=_note(said),
        )


class Case:
    """Open a case at the service desk."""

    name = "case"
    local = True

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters, or None."""
        return None if parameters.get("queue") else "`queue` is missing: on whose desk?"

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Open the case; its id is the row's."""
        said = row.parameters
        effects.desk.open_case(
            id=row.id,
            customer=row.customer,
            identity=row.identity,
            subject=str(said.get("subject") or row.rule),
            queue=str(said["queue"]),
            priority=str(said.get("priority") or "normal"),
            channel=str(said.get("channel") or "rule"),
            at=row.at,
            loop=row.loop,
        )


class Offer:
    """Make an offer the customer's next best action."""

    name = "offer"
    local = True

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters, or None."""
        return _length(parameters.get("valid"))

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Present the offer; an empty one means that none fits."""
        said = row.parameters
        if not said.get("offer"):
            return
        effects.desk.present_offer(
            id=row.id,
            customer=row.customer,
            identity=row.identity,
            offer=str(said["offer"]),
            reason=str(said.get("reason") or row.rule),
            at=row.at,
            until=row.at + parse_duration(said.get("valid") or 30 * DAY),
            loop=row.loop,
            decision=row.decision,
        )


class Email:
    """Write an e-mail into the outbox directory, from where a mail system takes it."""

    name = "email"
    local = False

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters, or None."""
        return None if parameters.get("subject") else "`subject` is missing."

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Write the file, named after the row, so that it is written once."""
        (fault,) = self.perform_all([row], effects)
        if fault is not None:
            raise fault

    def perform_all(
        self, rows: Sequence[ActionRow], effects: Effects
    ) -> list[Refused | Unavailable | None]:
        """Write many files; the disk is waited for once."""
        faults: list[Refused | Unavailable | None] = [None] * len(rows)
        drafts: dict[int, Path] = {}
        for number, row in enumerate(rows):
            try:
                drafts[number] = _draft(row, effects)
            except (Refused, Unavailable) as error:
                faults[number] = error
        try:
            # Noted as sent is only what survives a power cut.
            _keep(list(drafts.values()))
        except OSError as error:
            return [fault or _unwritten(error) for fault in faults]
        for number, draft in drafts.items():
            try:
                reach("before letter")
                os.replace(draft, draft.with_suffix(".eml"))
            except OSError as error:
                faults[number] = _unwritten(error)
        return faults


def _draft(row: ActionRow, effects: Effects) -> Path:
    said = row.parameters
    purpose = str(said.get("purpose") or "marketing")
    if effects.address is None:
        raise Unavailable("There is no address book.")
    address = effects.address(row.customer, purpose, "email")
    subject = str(said["subject"])
    if any(sign in f"{address}{subject}" for sign in "\r\n\0"):
        raise Refused("The e-mail's address or subject has a line break.")
    message = MIMEText(str(said.get("text") or said.get("template") or ""), "plain", "utf-8")
    message["To"] = _header(address)
    message["Subject"] = _header(subject)
    message["Message-ID"] = f"<{row.id}@icustomer>"
    message["Date"] = format_datetime(to_datetime(row.at))
    draft = effects.directory / f"{row.id}.tmp"
    try:
        effects.directory.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(bytes(message))
    except OSError as error:
        raise _unwritten(error) from error
    return draft


def _keep(files: Sequence[Path]) -> None:
    """Bring files to the disk; many of them with everything else that waits for it, which is faster."""
    if len(files) > MANY:
        os.sync()
        return
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _unwritten(error: OSError) -> Unavailable:
    return Unavailable(f"The e-mail could not be written: {error.strerror}.")


class Webhook:
    """Tell another system over HTTP; the row's id goes along as idempotency key."""

    name = "webhook"
    local = False

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters, or None."""
        url = str(parameters.get("url") or "")
        if not url.startswith(("http://", "https://")):
            return "`url` is missing or not http(s)."
        return None

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Post the decision as JSON."""
        body = {
            "id": row.id,
            "rule": row.rule,
            "customer": row.customer,
            "at": format_time(row.at),
            "loop": row.loop,
            "parameters": {k: v for k, v in row.parameters.items() if k != "url"},
        }
        request = urllib.request.Request(
            str(row.parameters["url"]),
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Idempotency-Key": row.id},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except urllib.error.HTTPError as error:
            if 400 <= error.code < 500 and error.code not in (408, 425, 429):
                raise Refused(f"The other system refused it ({error.code}).") from error
            raise Unavailable(f"The other system answered {error.code}.") from error
        except OSError as error:
            raise Unavailable(f"The other system cannot be reached: {error}.") from error


def _header(text: str) -> str:
    """Write a header in letters that every mail system reads."""
    return text if text.isascii() else Header(text, "utf-8").encode()


def _length(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.startswith("=")):
        return None
    try:
        parse_duration(value)
    except InvalidInput as error:
        return str(error)
    return None


def _note(said: Mapping[str, Any]) -> str:
    own = ("queue", "title", "due", "app")
    return "; ".join(f"{name}: {value}" for name, value in said.items() if name not in own)
