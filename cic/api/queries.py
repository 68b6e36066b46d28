"""Questions on their way, and answers as files, over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from cic.api.parameters import RESPONSES, Cic
from cic.exports import MEDIA, Export
from cid.kit.errors import InvalidInput
from cid.kit.web import Guarded

router = APIRouter(
    route_class=Guarded,
    prefix="/api/cic",
    tags=["cic"],
    responses=RESPONSES,
)
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {media.partition(";")[0]: {} for media in MEDIA.values()},
    }
}


class Wanted(BaseModel):
    """Which answer is wanted as a file."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["csv", "parquet"] = "csv"
    question: dict[str, Any] | None = None
    row: dict[str, Any] | None = None
    sql: str = Field("", max_length=100_000)


@router.get("/queries")
def queries(cic: Cic) -> dict[str, Any]:
    """List the questions on their way, and who read what for lately."""
    return cic.reads()


@router.delete("/queries/{id}")
def stop(cic: Cic, id: Annotated[str, Path(max_length=200)]) -> dict[str, Any]:
    """Stop a question."""
    return cic.stop_query(id)


@router.post("/export", responses=FILE, response_class=StreamingResponse)
def export(cic: Cic, wanted: Annotated[Wanted, Body()]) -> StreamingResponse:
    """Return an answer as a file; who took it is noted."""
    made = cic.exporting.make(wanted.format, wanted.question, wanted.sql, wanted.row)
    return _file(made)


@router.get("/export", responses=FILE, response_class=StreamingResponse)
def export_link(
    cic: Cic,
    format: Literal["csv", "parquet"] = "csv",
    question: Annotated[str, Query(max_length=20_000, description="JSON")] = "",
    row: Annotated[str, Query(max_length=5_000, description="JSON")] = "",
    sql: Annotated[str, Query(max_length=20_000)] = "",
) -> StreamingResponse:
    """Return an answer as a file, from a link; who took it is noted."""
    made = cic.exporting.make(format, _object("question", question), sql, _object("row", row))
    return _file(made)


@router.get("/exports")
def exports(cic: Cic, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> list[dict[str, Any]]:
    """List what was taken out, newest first."""
    return cic.exports(limit)


def _object(name: str, text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(f"{name}: a JSON object is expected.")
    return found


def _file(made: Export) -> StreamingResponse:
    name = f"answer.{made.format}"
    headers = {
        "Content-Disposition": f"attachment; filename={name}",
        "Content-Length": str(made.size),
        "X-Export-Id": made.id,
        "X-Rows": str(made.rows),
        "Digest": f"sha-256={made.sha256}",
    }
    return StreamingResponse(made.parts(), media_type=MEDIA[made.format], headers=headers)
