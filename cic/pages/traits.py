"""The pages of traits: what is known about what customers did, and how each is said."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from cic.model import SEGMENTS, TRAITS
from cic.pages.segments import find_one
from cid.facade import described, titles
from cid.feel import FeelError, names, parse
from cid.kit.definitions import Definitions
from cid.kit.web import render

router = APIRouter()


@router.get("/traits")
def traits(request: Request) -> HTMLResponse:
    """Which traits there are, and which segments read them."""
    definitions = request.state.company.cic.definitions
    readers = readers_of(definitions)
    return render(
        request,
        "cic/traits.html",
        traits=[
            {
                "name": name,
                "title": titles(entry),
                "description": described(entry),
                "aggregate": entry.value.aggregate,
                "of": list(entry.value.of),
                "window": entry.value.window or entry.value.period,
                "unit": entry.value.unit,
                "readers": readers.get(name, []),
            }
            for name, entry in definitions.of(TRAITS).items()
        ],
    )


@router.get("/traits/{name}")
def trait(request: Request, name: str, customer: str = "") -> HTMLResponse:
    """One trait: its definition, who reads it, and what it is for one customer."""
    company = request.state.company
    definitions = company.cic.definitions
    entry = definitions.get(TRAITS, name)
    found = find_one(company, customer) if customer.strip() else ""
    held = (
        next((one for one in company.cic.traits(found)["traits"] if one["name"] == name), None)
        if found
        else None
    )
    return render(
        request,
        "cic/trait.html",
        trait={"name": name, "title": titles(entry), "description": described(entry)},
        entry=entry,
        held=company.cic.definition("trait", name),
        readers=readers_of(definitions).get(name, []),
        customer=customer,
        found=found,
        called=company.cid.customer(found).get("name") if found else "",
        value=held,
    )


@router.get("/traits/{name}/distribution")
def distribution(request: Request, name: str) -> HTMLResponse:
    """How one trait is spread over the customers, as a part of its page: counting all takes a moment."""
    cic = request.state.company.cic
    found = cic.distribution(name)
    most = max((one["count"] for one in found["buckets"]), default=0)
    return render(
        request,
        "cic/_distribution.html",
        found=found,
        most=most,
        unit=cic.definitions.get(TRAITS, name).value.unit,
    )


def readers_of(definitions: Definitions) -> dict[str, list[dict[str, Any]]]:
    """Return for each word the segments whose conditions read it."""
    known = [*definitions.of(TRAITS), *definitions.of(SEGMENTS)]
    found: dict[str, list[dict[str, Any]]] = {}
    for name, entry in definitions.of(SEGMENTS).items():
        try:
            words = names(parse(entry.value.when, known=known))
        except FeelError:
            continue
        for word in words:
            found.setdefault(word, []).append({"name": name, "title": titles(entry)})
    return found
