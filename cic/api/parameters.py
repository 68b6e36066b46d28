"""What every question to intelligence over HTTP has in common."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from cic.facade import Intelligence
from cid.kit.web import MOMENT, Problem

RESPONSES: dict[int | str, dict[str, object]] = {
    403: {"model": Problem, "description": "It may not be done."},
    404: {"model": Problem, "description": "There is no such thing."},
    422: {"model": Problem, "description": "A value is wrong."},
}


async def _cic(request: Request) -> Intelligence:
    found: Intelligence = request.state.cic
    return found


Cic = Annotated[Intelligence, Depends(_cic)]
Name = Annotated[str, Path(max_length=200)]
AsOf = Annotated[
    str,
    Query(
        max_length=40,
        description="Moment in ISO 8601; now where empty.",
        json_schema_extra=MOMENT,
    ),
]
