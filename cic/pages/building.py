"""The segment builder: a condition as rows and as text, what it means for the customers, and saving it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cic.pages.forms import Form, changed, feel_of, form_of, mistake, read_form
from cic.pages.words import GROUPS, OPERATORS, words_of
from cid.kit.errors import ICustomerError
from cid.kit.passages import indented, written
from cid.kit.web import render, role_of

router = APIRouter()

WRITERS = ("analyst", "architect")
DETAILS = (
    *("name", "title_en", "title_zh", "owner", "meaning_en", "meaning_zh"),
    *("stay", "group", "priority", "version", "reason"),
)
LONGEST_NAME = 80
_ALLOWED_NAME = re.compile(r"[^\W_][\w .&/()'-]{0,79}")


@dataclass(frozen=True)
class Draft:
    """A segment as it is being written."""

    when: str = ""
    form: Form | None = field(default_factory=Form)
    details: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, str], words: Mapping[str, Mapping[str, Any]]) -> Draft:
        """Read what was sent: whoever was changed last, the rows or the text, is right."""
        text, synced = _lines(given.get("when", "")), _lines(given.get("synced", ""))
        details = {name: given.get(name, "").strip() for name in DETAILS}
        if given.get("rows") and text == synced:
            form = changed(read_form(given, words), given.get("do", ""))
            return cls(feel_of(form, words), form, details)
        return cls(text, form_of(text, words), details)

    def definition(self) -> dict[str, Any]:
        """Return the segment as it stands in a file, without what is empty."""
        given = self.details
        found: dict[str, Any] = {}
        for word, name in (("title", "title"), ("description", "meaning")):
            texts = {
                language: given[f"{name}_{language}"]
                for language in ("en", "zh")
                if given.get(f"{name}_{language}")
            }
            if texts:
                # English is the language in which everything has a name.
                found[word] = {"en": texts.get("en") or texts["zh"], **texts}
        found |= {name: given[name] for name in ("owner", "stay", "group") if given.get(name)}
        if given.get("priority"):
            priority = given["priority"]
            found["priority"] = (
                int(priority) if priority.isascii() and priority.isdigit() else priority
            )
        return found | {"when": self.when}


async def _given(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


Given = Annotated[dict[str, str], Depends(_given)]


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


@router.get("/segments/new")
def new(request: Request, when: str = "", name: str = "", needs: str = "") -> HTMLResponse:
    """Begin a segment, perhaps from a condition that was found elsewhere with the traits it needs."""
    words = words_of(request.state.company.cic.definitions)
    draft = Draft(when.strip(), form_of(when, words), {"name": name.strip()})
    return _page(request, "", draft, words, needs=_needed(needs, words))


@router.post("/segments/new/traits")
def define(request: Request, given: Given) -> Response:
    """Bring the traits into force that a condition needs, and go on with it."""
    cic = request.state.company.cic
    needed = _needed(given.get("needs", ""), words_of(cic.definitions))
    if needed:
        blocks = [written(name, said) for name, said in needed.items()]
        lines = [line for block in blocks for line in indented(block, 2)]
        text = "\n".join(["traits:", *lines, ""])
        cic.define(
            text,
            reason=given.get("reason", ""),
            actor=str(getattr(request.state, "person", "") or role_of(request)),
            role=role_of(request),
        )
    return RedirectResponse(f"/segments/new?{urlencode({'when': given.get('when', '')})}", 303)


def _needed(text: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Read which traits a condition needs that do not exist yet."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: said for name, said in found.items() if name not in words and isinstance(said, dict)
    }


@router.post("/segments/new")
def create(request: Request, given: Given) -> Response:
    """Add a row, or save what is new."""
    return _take(request, "", given)


@router.get("/segments/{segment}/edit")
def edit(request: Request, segment: str) -> HTMLResponse:
    """Change a segment, seeing before who would enter and who would leave."""
    cic = request.state.company.cic
    words = words_of(cic.definitions)
    held = cic.definition("segment", segment)
    said = held["definition"]
    title, meaning = said.get("title") or {}, said.get("description") or {}
    details = {
        "name": segment,
        "title_en": title.get("en", ""),
        "title_zh": title.get("zh", ""),
        "meaning_en": meaning.get("en", ""),
        "meaning_zh": meaning.get("zh", ""),
        "version": held["version"],
    } | {name: str(said.get(name) or "") for name in ("owner", "stay", "group", "priority")}
    when = str(said["when"])
    return _page(request, segment, Draft(when, form_of(when, words), details), words, held=held)


@router.post("/segments/{segment}/edit")
def change(request: Request, segment: str, given: Given) -> Response:
    """Add a row, or save what was changed."""
    return _take(request, segment, given)


@router.post("/segments/build")
def build(request: Request, given: Given) -> HTMLResponse:
    """While one types: the rows as text or the text as rows, and who would be in."""
    cic = request.state.company.cic
    words = words_of(cic.definitions)
    told = given.get("from", "")
    # Only one of the two was touched: what it says is what counts.
    given["synced"] = given.get("when", "") if told != "text" else "\0"
    draft = Draft.read(given, words)
    shown = tried(cic, draft, given.get("segment", ""))
    return render(
        request,
        "cic/_built.html",
        told=told,
        **_words_of_page(words),
        **_shown(draft, words),
        **shown,
        segment=given.get("segment", ""),
    )


@router.get("/segments/build/past")
def past(request: Request, when: str = "") -> HTMLResponse:
    """How it would have moved over the last 90 days; slower, so it is asked for apart."""
    try:
        found = request.state.company.cic.preview_past(when, days=90, seconds=4.0)
    except ICustomerError as error:
        return render(request, "cic/_past.html", past=None, mistake=error)
    return render(request, "cic/_past.html", past=found, mistake=None)


def _take(request: Request, segment: str, given: dict[str, str]) -> Response:
    cic = request.state.company.cic
    words = words_of(cic.definitions)
    draft = Draft.read(given, words)
    if given.get("do") != "save":
        return _page(request, segment, draft, words)
    name = segment or draft.details["name"]
    wrong = _wrong(name, draft, words)
    if not wrong:
        try:
            done = cic.save(
                "segment",
                name,
                definition=draft.definition(),
                version=draft.details["version"],
                reason=draft.details["reason"],
                actor=str(getattr(request.state, "person", "") or role_of(request)),
                role=role_of(request),
            )
        except ICustomerError as error:
            told = f"{error.message} {error.hint or ''}".strip()
            return _page(request, segment, draft, words, {"save": told})
        moved = f"entered={done['entered']}&left={done['left']}"
        return RedirectResponse(f"/segments/{quote(name, safe='')}?saved=1&{moved}", 303)
    return _page(request, segment, draft, words, wrong)


def _wrong(name: str, draft: Draft, words: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Say what is wrong, by the field where it is wrong, as messages of the catalogue."""
    found = {}
    if not name:
        found["name"] = "Give it a name."
    elif len(name) > LONGEST_NAME:
        found["name"] = "This name is longer than 80 letters."
    elif not _ALLOWED_NAME.fullmatch(name):
        found["name"] = "A name has letters, digits and spaces."
    if not draft.when:
        found["when"] = "Say who belongs to it."
    elif draft.form and any(
        mistake(row, words) for group in draft.form.groups for row in group.rows
    ):
        found["when"] = "Finish the rows that are marked, or take them away."
    return found


def tried(cic: Any, draft: Draft, segment: str) -> dict[str, Any]:
    """Try a condition; a mistake in it is an answer: people are still typing."""
    if not draft.when:
        return {"preview": None, "mistake": None}
    try:
        found = cic.preview(draft.when, segment=segment, stay=draft.details.get("stay", ""))
    except ICustomerError as error:
        return {"preview": None, "mistake": error}
    return {"preview": found, "mistake": None}


def _page(
    request: Request,
    segment: str,
    draft: Draft,
    words: dict[str, dict[str, Any]],
    wrong: Mapping[str, str] | None = None,
    held: Mapping[str, Any] | None = None,
    needs: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    cic = request.state.company.cic
    return render(
        request,
        "cic/build.html",
        segment=segment,
        entry=cic.segment(segment) if segment else None,
        groups=sorted({one["group"] for one in cic.segments() if one.get("group")}),
        wrong=wrong or {},
        held=held,
        needs=needs or {},
        may=role_of(request) in WRITERS,
        **_words_of_page(words),
        **_shown(draft, words),
        **tried(cic, draft, segment),
    )


def _words_of_page(words: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {"words": words, "kinds": GROUPS, "operators": OPERATORS}


def _shown(draft: Draft, words: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    mistakes = {
        (group, row): mistake(each, words)
        for group, rows in enumerate(draft.form.groups if draft.form else ())
        for row, each in enumerate(rows.rows)
    }
    details = dict.fromkeys(DETAILS, "") | dict(draft.details)
    return {"when": draft.when, "form": draft.form, "details": details, "mistakes": mistakes}
