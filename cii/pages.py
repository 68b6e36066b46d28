"""The pages of integration: flows and their ledger, quarantine, evidence for one customer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cid.kit.web import render

router = APIRouter(include_in_schema=False)


@router.get("/flows")
def flows(request: Request) -> HTMLResponse:
    """Is everything in sync?"""
    cii = request.state.company.cii
    return render(
        request, "cii/flows.html", ledger=cii.ledger(), flows=cii.flows(), matrix=cii.matrix()
    )


@router.get("/quarantine")
def quarantine(request: Request, tried: int = -1, applied: int = 0) -> HTMLResponse:
    """What waits because it broke a contract, and why."""
    return render(
        request,
        "cii/quarantine.html",
        quarantine=request.state.company.cii.quarantine(limit=200),
        tried=tried,
        applied=applied,
    )


@router.post("/quarantine/replay")
def replay(request: Request) -> Response:
    """Try every waiting record again, with the definitions of now."""
    done = request.state.company.cii.replay()
    query = urlencode({"tried": done["tried"], "applied": done["applied"]})
    return RedirectResponse(f"/quarantine?{query}", 303)


@router.get("/customers/{id}/evidence")
def evidence(request: Request, id: str, a: str = "", b: str = "", done: str = "") -> HTMLResponse:
    """Why do we think this is one customer? With ``a`` and ``b``: what if they were two."""
    found = request.state.company.cii.evidence(id)
    return render(
        request,
        "cii/evidence.html",
        id=id,
        evidence=found,
        a=a,
        b=b,
        parts=parts(found, a, b) if a and b else [],
        done=done,
        picture=picture(found),
    )


@router.post("/customers/{id}/evidence")
def decide(
    request: Request,
    id: str,
    a: Annotated[str, Form()],
    b: Annotated[str, Form()],
    decision: Annotated[str, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Say that two identifiers are, or are not, one customer."""
    cii = request.state.company.cii
    act = cii.merge if decision == "merge" else cii.unmerge
    act(a.strip(), b.strip(), reason.strip(), request.cookies.get("role") or "agent")
    return RedirectResponse(f"/customers/{quote(id)}/evidence?done={quote(decision)}", 303)


def parts(evidence: dict[str, Any], a: str, b: str) -> list[list[dict[str, Any]]]:
    """Say into which groups of identifiers a customer would fall without the edges between a and b.

    >>> told = {"identities": [{"identifier": "x"}, {"identifier": "y"}],
    ...         "edges": [{"a": "x", "b": "y", "active": True}]}
    >>> len(parts(told, "x", "y")), len(parts(told, "x", "z"))
    (2, 1)
    """
    own = [one for one in evidence["identities"] if one.get("own", True)]
    group = {one["identifier"]: one["identifier"] for one in own}

    def root(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    for edge in _kept(evidence["edges"], {a, b}):
        group[root(edge["a"])] = root(edge["b"])
    found: dict[str, list[dict[str, Any]]] = {}
    for one in own:
        found.setdefault(root(one["identifier"]), []).append(one)
    return sorted(found.values(), key=len, reverse=True)


def _kept(edges: Iterable[dict[str, Any]], pair: set[str]) -> Iterable[dict[str, Any]]:
    return (edge for edge in edges if edge["active"] and {edge["a"], edge["b"]} != pair)


def picture(evidence: dict[str, Any]) -> dict[str, Any]:
    """Draw the identifiers and the edges between them."""
    return {
        "kind": "graph",
        "nodes": [
            {
                "id": one["identifier"],
                "name": one["identifier"],
                "note": f"{one['identifier']} · {one['records']}",
                "size": min(34, 12 + one["records"] ** 0.5 * 2),
            }
            for one in evidence["identities"]
        ],
        "links": [
            {
                "source": edge["a"],
                "target": edge["b"],
                "reason": edge["reason"],
                "cut": not edge["active"],
            }
            for edge in evidence["edges"]
        ],
    }
