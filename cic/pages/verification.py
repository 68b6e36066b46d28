"""The page of the proof: traits and segments computed once more, and compared."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from cic.model import SEGMENTS, TRAITS
from cic.pages.segments import end_of
from cid.kit.errors import ICustomerError
from cid.kit.web import render

router = APIRouter()


async def _given(request: Request) -> tuple[list[str], list[str], str]:
    form = await request.form()
    traits, segments = (
        [str(name) for name in form.getlist(kind)] for kind in ("traits", "segments")
    )
    return traits, segments, str(form.get("as_of", ""))


Given = Annotated[tuple[list[str], list[str], str], Depends(_given)]


@router.get("/verify")
def verify(request: Request) -> HTMLResponse:
    """What to verify, and what the last runs found."""
    given = request.query_params
    return _page(
        request, given.getlist("traits"), given.getlist("segments"), given.get("as_of", "")
    )


@router.post("/verify")
def run(request: Request, given: Given) -> HTMLResponse:
    """Compute what was chosen once more from history; all of it where nothing was."""
    traits, segments, as_of = given
    chosen = bool(traits or segments)
    try:
        report = request.state.company.cic.verify(
            as_of=end_of(as_of),
            traits=traits if chosen else None,
            segments=segments if chosen else None,
        )
    except ICustomerError as error:
        return _page(request, traits, segments, as_of, mistake=error)
    return _page(request, traits, segments, as_of, report=report)


def _page(
    request: Request, traits: list[str], segments: list[str], as_of: str, **found: Any
) -> HTMLResponse:
    cic = request.state.company.cic
    return render(
        request,
        "cic/verify.html",
        traits=cic.definitions.of(TRAITS),
        segments=cic.definitions.of(SEGMENTS),
        chosen=(*traits, *segments),
        as_of=as_of,
        runs=cic.verifications(limit=30),
        **{"report": None, "mistake": None, **found},
    )
