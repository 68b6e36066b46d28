"""The left rail: the six layers from the ground up, and the pages of each."""

from __future__ import annotations

from typing import NamedTuple


class Link(NamedTuple):
    """A page one can go to; the title is a message of the catalogue."""

    title: str
    path: str


class Layer(NamedTuple):
    """One of the six layers: its package, its title, what it answers, and its pages."""

    key: str
    title: str
    meaning: str
    pages: tuple[Link, ...]


LAYERS = (
    Layer(
        "cid",
        "Definition",
        "What a customer is",
        (Link("Customers", "/customers"), Link("Catalogue", "/describe")),
    ),
    Layer(
        "cii",
        "Integration",
        "How facts arrive and stay in sync",
        (Link("Flows", "/flows"), Link("Quarantine", "/quarantine")),
    ),
    Layer(
        "cic",
        "Intelligence",
        "What the facts mean right now",
        (
            Link("Segments", "/segments"),
            Link("Traits", "/traits"),
            Link("Explore", "/explore"),
            Link("Boards", "/boards"),
            Link("Verify", "/verify"),
        ),
    ),
    Layer(
        "cfa",
        "Applications",
        "Where people work",
        (Link("Tasks", "/tasks"), Link("Sales", "/sales"), Link("Service", "/service")),
    ),
    Layer(
        "context",
        "Context",
        "What we do when",
        (Link("Rules", "/rules"), Link("Decision tables", "/tables")),
    ),
    Layer(
        "cbc",
        "Capabilities",
        "What we are able to do",
        (Link("Capabilities", "/capabilities"), Link("Measures", "/measures")),
    ),
)
