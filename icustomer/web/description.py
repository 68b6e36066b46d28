"""How the API is described to programs: every answer that it gives, and what leads to what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cid.kit.web import Problem

WIRE = ("/v1/", "/api/s/", "/beacon/", "/sourceConfig")
"""The collect endpoints keep a protocol that others invented, also in what they say of faults."""
REF = {"$ref": "#/components/schemas/Problem"}
ALWAYS = {
    "403": "It may not be done here: a foreign host, another site's page, or a safety rule.",
    "503": "It cannot be done just now; nothing was lost.",
}
WITH_BODY = {
    "400": "The body cannot be read.",
    "408": "The body took too long to arrive.",
    "413": "The body is larger than is taken.",
}
WITH_VALUES = {"422": "A value is wrong."}
ABOUT = {"404": "There is no such thing.", "409": "It contradicts the present state."}


class Link(NamedTuple):
    """What an answer holds leads to another question."""

    path: str
    method: str
    to: str
    to_method: str
    parameters: dict[str, str]


def _first(pointer: str) -> str:
    return f"$response.body#{pointer}"


_FOUND = _first("/0/id")
LINKS = (
    Link("/api/cid/customers", "get", "/api/cid/customers/{id}", "get", {"id": _FOUND}),
    Link("/api/cid/customers", "get", "/api/cid/customers/{id}/timeline", "get", {"id": _FOUND}),
    Link(
        "/api/cid/customers",
        "get",
        "/api/cii/customers/{customer}/evidence",
        "get",
        {"customer": _FOUND},
    ),
    Link(
        "/api/cid/customers",
        "get",
        "/api/cic/customers/{customer}/traits",
        "get",
        {"customer": _FOUND},
    ),
    Link(
        "/api/cid/customers",
        "get",
        "/api/cfa/customers/{id}/next-best-action",
        "get",
        {"id": _FOUND},
    ),
    Link(
        "/api/cid/customers/{id}/timeline",
        "get",
        "/api/cii/records/{message_id}",
        "get",
        {"message_id": _first("/facts/0/message_id")},
    ),
    Link(
        "/api/cic/segments", "get", "/api/cic/segments/{name}", "get", {"name": _first("/0/name")}
    ),
    Link(
        "/api/cic/segments",
        "get",
        "/api/cic/segments/{name}/members",
        "get",
        {"name": _first("/0/name")},
    ),
    Link(
        "/api/cic/segments/{name}/members",
        "get",
        "/api/cic/segments/{name}/why/{customer}",
        "get",
        {"name": _first("/segment"), "customer": _first("/members/0/customer")},
    ),
    Link(
        "/api/context/rules", "get", "/api/context/rules/{name}", "get", {"name": _first("/0/name")}
    ),
    Link(
        "/api/context/decisions",
        "get",
        "/api/context/rules/{name}/why/{customer}",
        "get",
        {"name": _first("/0/rule"), "customer": _first("/0/customer")},
    ),
    Link("/api/cfa/tasks", "get", "/api/cfa/tasks/{id}", "get", {"id": _FOUND}),
    Link("/api/cfa/tasks", "get", "/api/cfa/tasks/{id}/completion", "post", {"id": _FOUND}),
    Link("/api/cfa/cases", "get", "/api/cfa/cases/{id}", "get", {"id": _FOUND}),
    Link("/api/cfa/cases", "get", "/api/cfa/cases/{id}/messages", "post", {"id": _FOUND}),
    Link("/api/cfa/cases", "get", "/api/cfa/cases/{id}/resolution", "post", {"id": _FOUND}),
    *(
        Link(
            "/api/cfa/board",
            "get",
            f"/api/cfa/opportunities/{{id}}{rest}",
            method,
            {"id": _first("/columns/0/cards/0/id")},
        )
        for rest, method in (
            ("", "get"),
            ("/stage", "post"),
            ("/quote", "post"),
            ("/order", "post"),
        )
    ),
    Link(
        "/api/cbc/measures", "get", "/api/cbc/measures/{name}", "get", {"name": _first("/0/name")}
    ),
    Link(
        "/api/cbc/measures",
        "get",
        "/api/cbc/measures/{name}/drill",
        "get",
        {"name": _first("/0/name")},
    ),
    Link(
        "/api/cbc/capabilities",
        "get",
        "/api/cbc/capabilities/{name}",
        "get",
        {"name": _first("/0/name")},
    ),
    Link("/api/cfa/tasks", "get", "/api/cbc/loops/{id}", "get", {"id": _first("/0/loop")}),
)


def describe(app: FastAPI, *, guarded: bool) -> None:
    """Let ``/openapi.json`` say all that the API answers; ``guarded`` where one has to log in."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            _complete(made, guarded)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(made: dict[str, Any], guarded: bool) -> None:
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for path, operation in _operations(made):
        if path.startswith(WIRE):
            # These endpoints look at nothing that could be invalid in FastAPI's sense.
            operation["responses"].pop("422", None)
        else:
            _declare_problems(operation, "{" in path, guarded)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if guarded:
        made["components"]["securitySchemes"] = {"login": {"type": "http", "scheme": "basic"}}
        for path, operation in _operations(made):
            if not path.startswith(WIRE):
                operation["security"] = [{"login": []}]
    for link in LINKS:
        origin = made["paths"][link.path][link.method]
        target = made["paths"][link.to][link.to_method]["operationId"]
        links = origin["responses"]["200"].setdefault("links", {})
        links[target] = {"operationId": target, "parameters": link.parameters}


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for operation in methods.values():
            yield path, operation


def _declare_problems(operation: dict[str, Any], about: bool, guarded: bool) -> None:
    responses = operation["responses"]
    body = "requestBody" in operation
    said = dict(ALWAYS)
    if guarded:
        said["401"] = "Say who you are."
    if body:
        said |= WITH_BODY
    if body or operation.get("parameters"):
        said |= WITH_VALUES | {"404": ABOUT["404"]}
    if about and body:
        said |= ABOUT
    for status, description in said.items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = {"application/problem+json": {"schema": REF}}
