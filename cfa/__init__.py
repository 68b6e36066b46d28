"""Customer-facing applications: where people work, on top of what the layers below know.

Thin by intention: an application keeps its work (tasks, cases, opportunities, offers) and nothing
about the customer. What people do there becomes a fact like any other.
"""

from cfa.model import (
    CALENDARS,
    PIPELINES,
    QUEUES,
    Calendar,
    Change,
    Manifest,
    Pipeline,
    Queue,
    Step,
    Work,
)
from cfa.ports import APPS, STORES, Advisor, App, AppFactory, Keeper, Store

__all__ = [
    "APPS",
    "CALENDARS",
    "PIPELINES",
    "QUEUES",
    "STORES",
    "Advisor",
    "App",
    "AppFactory",
    "Calendar",
    "Change",
    "Keeper",
    "Manifest",
    "Pipeline",
    "Queue",
    "Step",
    "Store",
    "Work",
]
