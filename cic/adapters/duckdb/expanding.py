"""How large a query gets once each of its parts stands in place of its name.

The engine plans a query as a whole before it can be stopped, and goes on with one call of a function until
that is done. So a few lines whose parts name each other twice, or texts that double in each of many calls,
would keep it busy for ever: here they are counted first, without being carried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cic.adapters.duckdb.modesty import arguments, text_in
from cid.kit.errors import InvalidInput, Refused

PLACES = 250
"""Most places at which a query reads a view, and most views of which it has all columns."""
GROWTH = 100
"""How many times as large as what it is made of a value may get."""
SHORT = 200
"""Most letters of texts whose likeness is looked at: that takes letters times letters."""
_TWICE = {"hex": 2, "to_hex": 2, "bin": 8, "to_binary": 8, "regexp_escape": 2, "url_encode": 3}
_TWICE |= {"base64": 2, "to_base64": 2, "to_json": 2, "json_quote": 2, "row_to_json": 2}
_TWICE |= {"array_to_json": 2}
_TOGETHER = {"struct_pack", "row", "json_object", "map", "struct_insert", "struct_concat"}
_TOGETHER |= {"||", "concat", "concat_ws", "list_value", "list_pack", "array_value"}
_ENDLESS = 10**9
_LIKENESS = {"levenshtein", "editdist3", "damerau_levenshtein"}
_LIKENESS |= {"jaro_similarity", "jaro_winkler_similarity"}


@dataclass(frozen=True)
class _Size:
    """How large a part is: places it reads, how wide it is, growth of its values, stars in it."""

    places: int = 0
    width: int = 0
    growth: int = 1
    stars: int = 0


def bounded(tree: Any) -> None:
    """Refuse a query that is small to write and has no end when it is planned or carried out.

    Raises:
        Refused: says what it was and how to say it otherwise.
        InvalidInput: it is nested too deeply to be looked at.
    """
    try:
        _check(_size(tree, {}))
    except RecursionError:
        raise InvalidInput("This is nested too deeply.", hint="Write it flatter.") from None


def _check(size: _Size) -> None:
    if size.places > PLACES:
        raise Refused(
            f"With each part in place of its name, this query reads views at more than {PLACES} places.",
            hint="Leave out NOT MATERIALIZED, or name each part once.",
        )
    if size.width > PLACES:
        raise Refused(
            f"This query has the columns of more than {PLACES} views.",
            hint="Select columns by their names instead of *.",
        )
    if size.growth > GROWTH:
        raise Refused(
            f"Values get more than {GROWTH} times as large here as what they are made of.",
            hint="Call such functions on plain columns, not on each other.",
        )


def _size(node: Any, known: Mapping[str, _Size]) -> _Size:
    if isinstance(node, list):
        return _together([_size(each, known) for each in node])
    if not isinstance(node, dict):
        return _Size()
    known = _with_parts(node, known)
    if node.get("type") == "SELECT_NODE":
        return _of_select(node, known)
    if name := str(node.get("function_name", "")).lower():
        return _of_function(name, node, known)
    found = _together([_size(each, known) for name, each in node.items() if name != "cte_map"])
    if node.get("type") == "STAR":
        return replace(found, stars=found.stars + 1)
    if node.get("type") == "BASE_TABLE":
        part = known.get(str(node.get("table_name", "")).lower(), _Size(1, 1))
        return _together([found, part])
    return found


def _of_select(node: dict[str, Any], known: Mapping[str, _Size]) -> _Size:
    """Return the size of one SELECT: what it makes of values, it makes of what it reads."""
    read = _size(node.get("from_table"), known)
    wanted = _size(node.get("select_list"), known)
    apart = ("from_table", "select_list", "cte_map")
    rest = _together([_size(each, known) for name, each in node.items() if name not in apart])
    return _Size(
        min(max(1, read.places + wanted.places + rest.places), _ENDLESS),
        min(max(1, read.width * wanted.stars), _ENDLESS),
        min(read.growth * max(wanted.growth, rest.growth), _ENDLESS),
    )


def _of_function(name: str, node: dict[str, Any], known: Mapping[str, _Size]) -> _Size:
    given = list(arguments(node))
    if name in _LIKENESS and not all(_short(each) for each in given):
        raise Refused(
            f"{name} looks at {SHORT} letters at most.",
            hint=f"Write left(…, {SHORT}) for a column.",
        )
    sizes = [_size(each, known) for each in given]
    others = [
        _size(each, known) for at, each in node.items() if at not in ("arguments", "children")
    ]
    found = _together([*sizes, *others])
    if name in _TOGETHER:
        made = [
            size.growth for size, each in zip(sizes, given, strict=True) if "literal" not in each
        ]
        return replace(found, growth=max(found.growth, sum(made)))
    times = _TWICE.get(name, 1)
    if name in ("format", "printf") and given:
        shape = text_in(given[0]) or ""
        times = max(1, shape.count("{"), shape.count("%"))
    return replace(found, growth=min(found.growth * times, _ENDLESS))


def _with_parts(node: dict[str, Any], known: Mapping[str, _Size]) -> Mapping[str, _Size]:
    held = node.get("cte_map")
    if not isinstance(held, dict) or not held.get("map"):
        return known
    named = dict(known)
    for each in held["map"]:
        name = str(each["key"]).lower()
        # What names itself goes round, and is stopped while it does; each round reads it once.
        named[name] = _Size(1, 1)
        part = _size(each["value"], named)
        _check(part)
        # The engine works out once what is named several times, unless it is told not to.
        again = each["value"].get("materialized") == "CTE_MATERIALIZE_NEVER"
        named[name] = part if again else replace(part, places=1)
    return named


def _together(parts: Sequence[_Size]) -> _Size:
    return _Size(
        min(sum(each.places for each in parts), _ENDLESS),
        min(sum(each.width for each in parts), _ENDLESS),
        max((each.growth for each in parts), default=1),
        sum(each.stars for each in parts),
    )


def _short(node: dict[str, Any]) -> bool:
    if (text := text_in(node)) is not None:
        return len(text) <= SHORT
    if str(node.get("function_name", "")).lower() != "left":
        return False
    *_, literal = [each.get("literal") for each in arguments(node)] or [None]
    if not isinstance(literal, dict) or literal.get("kind") != "INTEGER":
        return False
    return int(str(literal.get("text"))) <= SHORT
