"""Draws every page: the frame, the reader's language and theme, the templates of all layers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
)
from markupsafe import Markup

from cid.kit.clock import Clock, SystemClock
from cid.kit.privacy import COLUMNS
from cid.kit.web import role_of
from cid.model.definition import Company
from icustomer.web import STATIC
from icustomer.web.language import Reader, choose_language, read_catalogues
from icustomer.web.live import live
from icustomer.web.navigation import LAYERS

HERE = Path(__file__).parent
THEMES = ("auto", "light", "dark")
FILTERS = (
    *("named", "term", "spoken", "told", "personal"),
    *("moment", "day", "ago", "lasting"),
    *("number", "money", "percent"),
)
"""What templates may ask of the reader, e.g. ``{{ order.total|money }}``."""

# Macros of ui.html are imported without context, so they learn who reads the page from here.
_reader: ContextVar[Reader] = ContextVar("reader")


class WebFrame:
    """The renderer of the whole company; the app puts it into its state as ``render``."""

    def __init__(
        self,
        company: Company,
        *,
        templates: Mapping[str, Path] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.company = company
        self.clock = clock or SystemClock()
        self.catalogues = read_catalogues(HERE / "locales")
        self.environment = environment(templates or {})

    def reader(self, request: Request) -> Reader:
        """Say who reads: by cookie, else by what the browser says; careful defaults elsewhere."""
        language = choose_language(
            request.cookies.get("lang", ""),
            request.headers.get("accept-language", ""),
            self.company.languages,
        )
        theme = request.cookies.get("theme", "")
        return Reader(
            catalogue=self.catalogues[language],
            role=role_of(request),
            theme=theme if theme in THEMES else "auto",
            zone=self.company.time_zone,
            currency=self.company.currency,
            now=self.clock.now(),
        )

    def __call__(
        self, request: Request, template: str, values: dict[str, Any], status: int = 200
    ) -> HTMLResponse:
        """Return the page."""
        reader = self.reader(request)
        token = _reader.set(reader)
        try:
            text = self.environment.get_template(template).render(
                {
                    "request": request,
                    "reader": reader,
                    "company": self.company,
                    "layers": LAYERS,
                    "here": request.url.path,
                    "live": _Later(lambda: live(request.state.company)),
                    **values,
                }
            )
        finally:
            _reader.reset(token)
        return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})

    def error(self, request: Request, status: int, message: str, hint: str = "") -> HTMLResponse:
        """Return a page that says what went wrong, where, and what to do."""
        values = {"code": status, "message": message, "hint": hint}
        return self(request, "error.html", values, status)


class Missing(StrictUndefined):
    """A value that a template asks about but was not given: it may be tested, never printed."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


class _Later:
    """Asks for the live figures only if the template shows them: fragments do not."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        self.ask = ask

    def __call__(self) -> dict[str, Any]:
        return self.ask()


def environment(templates: Mapping[str, Path]) -> Environment:
    """Make the Jinja environment: ``cic/x.html`` is in cic/templates, ``base.html`` is ours."""
    folders = {layer.key: _folder(layer.key) for layer in LAYERS} | dict(templates)
    prefixes: dict[str, BaseLoader] = {
        name: FileSystemLoader(folder) for name, folder in folders.items()
    }
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), PrefixLoader(prefixes)]),
        autoescape=True,
        undefined=Missing,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in FILTERS:
        env.filters[name] = _for_reader(name)
    env.filters["json"] = _json
    env.globals.update(
        _=_say,
        _n=_count,
        asset=asset,
        personal_columns=COLUMNS,
        spark_points=spark_points,
    )
    return env


def _say(text: str, /, **values: Any) -> str:
    return _reader.get().catalogue.say(text, **values)


def _count(one: str, many: str, n: int, /, **values: Any) -> str:
    reader = _reader.get()
    return reader.catalogue.count(one, many, n, **{"n": reader.number(n), **values})


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None, package
    assert spec.submodule_search_locations is not None, package
    return Path(next(iter(spec.submodule_search_locations))) / "templates"


def _for_reader(name: str) -> Callable[..., Any]:
    def filter_for_reader(value: Any, *args: Any, **options: Any) -> Any:
        return getattr(_reader.get(), name)(value, *args, **options)

    return filter_for_reader


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def asset(name: str, _known: dict[str, str] = {}) -> str:  # noqa: B006 - a cache on purpose
    """Return the address of a static file; it changes with the content, so it may be kept."""
    if name not in _known:
        digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
        _known[name] = f"/static/{name}?v={digest}"
    return _known[name]


def spark_points(values: Sequence[float], width: int = 96, height: int = 24) -> Markup:
    """Return the points of a small line for an SVG.

    >>> spark_points([0, 10], 10, 10)
    Markup('0.0,9.0 10.0,1.0')
    """
    numbers = [float(value or 0) for value in values]
    if not numbers:
        return Markup("")
    low, high = min(numbers), max(numbers)
    spread = (high - low) or 1
    step = width / max(len(numbers) - 1, 1)
    points = (
        f"{place * step:.1f},{height - 1 - (number - low) / spread * (height - 2):.1f}"
        for place, number in enumerate(numbers)
    )
    return Markup(" ".join(points))
