"""The pages of capabilities: the board, one capability, all measures, one measure, one loop."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from cbc.facade import Capabilities
from cid.kit.web import render

SHOWN = 200
"""Rows behind a number on its page; the file has them all."""

router = APIRouter(include_in_schema=False)


async def capabilities_of(request: Request) -> Capabilities:
    """Return the capabilities of the company that is served."""
    found: Capabilities = request.state.cbc
    return found


Cbc = Annotated[Capabilities, Depends(capabilities_of)]


@router.get("/capabilities")
def capabilities(request: Request, cbc: Cbc) -> HTMLResponse:
    """What are we able to do?"""
    return render(request, "cbc/capabilities.html", groups=_groups(cbc.capabilities()))


@router.get("/capabilities/{name}")
def capability(request: Request, cbc: Cbc, name: str, as_of: str = "") -> HTMLResponse:
    """What shows that we are able to do this, and what does it stand on?"""
    return render(
        request,
        "cbc/capability.html",
        capability=cbc.capability(name, _to_its_end(as_of)),
        as_of=as_of,
    )


@router.get("/measures")
def measures(request: Request, cbc: Cbc, as_of: str = "") -> HTMLResponse:
    """All numbers, each with its interval, target and the period before."""
    return render(
        request, "cbc/measures.html", measures=cbc.measures(_to_its_end(as_of)), as_of=as_of
    )


@router.get("/measures/{name}")
def measure(request: Request, cbc: Cbc, name: str, as_of: str = "") -> HTMLResponse:
    """How much is it, how sure, since when, and who is behind it?"""
    found = cbc.measure(name, _to_its_end(as_of), trend=False)
    return render(
        request,
        "cbc/measure.html",
        measure=found,
        # The very moment of the number, so that the rows are the ones it counts.
        drill=None if found["problem"] else cbc.drill(name, found["as_of"], SHOWN),
        as_of=as_of,
    )


@router.get("/measures/{name}/trend")
def trend(request: Request, cbc: Cbc, name: str, as_of: str = "") -> HTMLResponse:
    """The chart of a measure, which its page asks for once it is there."""
    return render(request, "cbc/_trend.html", measure=cbc.trend(name, _to_its_end(as_of)))


@router.get("/loops/{id}")
def loop(request: Request, cbc: Cbc, id: str) -> HTMLResponse:
    """What came of an insight?"""
    return render(request, "cbc/loop.html", trace=cbc.loop(id))


def _groups(board: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Keep apart what the framework names, what a world-class company has, and our own."""
    groups: dict[str, list[dict[str, Any]]] = {"business": [], "world": [], "own": []}
    for each in board:
        seeds = each["seeds"]
        business = any(seed.startswith("S2.B") for seed in seeds)
        world = any(seed.startswith("S2.C") for seed in seeds)
        groups["business" if business else "world" if world else "own"].append(each)
    return groups


def _to_its_end(as_of: str) -> str:
    """Take a day that a reader picks as that day to its end."""
    return f"{as_of}T23:59:59.999Z" if len(as_of) == 10 else as_of
