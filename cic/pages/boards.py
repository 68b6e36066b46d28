"""The pages of boards: answers side by side, asked anew whenever somebody looks."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cic import boards as kept
from cic.pages.exploration import answered
from cic.pages.questions import Asked
from cid.kit.errors import NotFound
from cid.kit.web import render, role_of

router = APIRouter()


@router.get("/boards")
def boards(request: Request) -> HTMLResponse:
    """Which boards there are."""
    cic = request.state.company.cic
    return render(
        request, "cic/boards.html", boards=kept.boards(cic.definitions), may=_may(request)
    )


@router.post("/boards")
def add(
    request: Request,
    name: Annotated[str, Form()] = "",
    board: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    question: Annotated[str, Form()] = "",
) -> Response:
    """Put an answer on a board, or begin a new one."""
    definitions = request.state.company.cic.definitions
    name = name.strip() or board.strip()
    try:
        held = kept.board(definitions, name)
    except NotFound:
        held = {"version": "", "tiles": [], "title": {"en": name}}
    if question:
        asked = Asked.read(parse_qsl(question.partition("?")[2], keep_blank_values=True))
        tile: dict[str, Any] = {"question": asked.document()}
        if title.strip():
            tile["title"] = {"en": title.strip()}
        held["tiles"] = [*held["tiles"], tile]
    kept.save_board(definitions, name, held, held["version"], role_of(request))
    return RedirectResponse(f"/boards/{quote(name, safe='')}", 303)


@router.get("/boards/{name}")
def board(request: Request, name: str) -> HTMLResponse:
    """One board; its tiles come by themselves."""
    held = kept.board(request.state.company.cic.definitions, name)
    asked = [_asked(tile) for tile in held["tiles"]]
    return render(request, "cic/board.html", board=held, asked=asked, may=_may(request))


@router.get("/boards/{name}/tiles/{number}")
def tile(request: Request, name: str, number: int) -> HTMLResponse:
    """The answer on one tile, now."""
    cic = request.state.company.cic
    tiles = kept.board(cic.definitions, name)["tiles"]
    if not 0 <= number < len(tiles):
        raise NotFound("tile", str(number), [str(place) for place in range(len(tiles))])
    asked = _asked(tiles[number])
    found = answered(cic, asked, cic.explorable())
    return render(request, "cic/_tile.html", asked=asked, tile=tiles[number], **found)


@router.post("/boards/{name}")
def change(
    request: Request,
    name: str,
    do: Annotated[str, Form()],
    version: Annotated[str, Form()],
) -> Response:
    """Move a tile, take it away, or the whole board: ``up.2``, ``down.2``, ``take.2``, ``remove``."""
    definitions = request.state.company.cic.definitions
    if do == "remove":
        kept.remove_board(definitions, name, version, role_of(request))
        return RedirectResponse("/boards", 303)
    held = kept.board(definitions, name)
    held["tiles"] = moved(held["tiles"], do)
    kept.save_board(definitions, name, held, version, role_of(request))
    return RedirectResponse(f"/boards/{quote(name, safe='')}", 303)


def moved(tiles: list[Any], do: str) -> list[Any]:
    """Return tiles after one was moved or taken away.

    >>> moved(["a", "b", "c"], "up.2"), moved(["a", "b"], "take.0"), moved(["a"], "down.0")
    (['a', 'c', 'b'], ['b'], ['a'])
    """
    way, _, text = do.partition(".")
    place = int(text) if text.isascii() and text.isdigit() else len(tiles)
    if place >= len(tiles):
        return list(tiles)
    rest = [*tiles[:place], *tiles[place + 1 :]]
    if way == "take":
        return rest
    to = max(place - 1, 0) if way == "up" else min(place + 1, len(rest))
    return [*rest[:to], tiles[place], *rest[to:]]


def _asked(tile: dict[str, Any]) -> Asked:
    return Asked.of(tile["question"])


def _may(request: Request) -> bool:
    return role_of(request) in kept.WRITERS
