"""Values that are made from little text and fill the memory, before any limit of the engine acts.

The engine counts what it keeps, not what one call of a function makes: these calls are looked at in
the query itself. What grows in other ways is met by the watch over the memory of the whole process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cid.kit.errors import Refused

LITERAL = 20_000
"""Most letters of one text in a query."""
PIECE = 100
"""Most letters of a text that is put in for others."""
SERIES = 1_000_000
"""Most elements of all lists together that are counted up, one inside the other."""
GROWN = 10_000
"""By how much texts may grow where others are put in."""
UNKNOWN = 1_000
"""Letters of a text that only the data knows."""
_PUT_IN = {"replace", "regexp_replace", "translate", "concat_ws", "array_to_string", "string_agg"}
_PUT_IN |= {"listagg", "group_concat", "list_aggregate", "array_aggregate", "aggregate"}
_JOINING = {"||", "concat", "concat_ws", "list_value", "list_concat", "list_cat", "array_concat"}
_JOINING |= {"array_cat", "list_append", "array_append", "array_push_back", "list_prepend"}
_JOINING |= {"array_prepend", "array_push_front", "list_zip", "array_zip", "json_array"}
JOINED = 16
"""Most values that are put together in a query: what joins itself doubles each time."""
_WIDE = re.compile(r"\d{4}|\*|\{[^{}]*\{")


def modest(nodes: Sequence[dict[str, Any]]) -> None:
    """Refuse what makes huge values of little.

    Raises:
        Refused: says what it was and how to say it otherwise.
    """
    sources = {id(node["function"]) for node in nodes if node.get("type") == "TABLE_FUNCTION"}
    joined, series, grown = 0, 1, 1
    for node in nodes:
        if len(text_in(node) or "") > LITERAL:
            raise Refused(
                f"A text in a query has {LITERAL:,} letters at most.", hint="Join a view."
            )
        name = str(node.get("function_name", "")).lower()
        if not name or id(node) in sources:
            continue
        given = list(arguments(node))
        if name in _JOINING:
            joined += max(0, sum("literal" not in each for each in given) - 1)
            if joined > JOINED:
                raise Refused(
                    f"A query puts {JOINED} values together at most.",
                    hint="Select them as columns.",
                )
        if name in ("range", "generate_series"):
            series *= _length(given)
            if series > SERIES:
                raise Refused(
                    f"Lists made by {name} have plain numbers as bounds, {SERIES:,} elements at most.",
                    hint=f"Select from it instead: FROM {name}(…).",
                )
        if name in ("printf", "format") and (
            not given or (shape := text_in(given[0])) is None or _WIDE.search(shape)
        ):
            raise Refused(f"{name} takes a plain text without wide fields first.", hint="Use ||.")
        if name == "to_base" and len(given) > 2:
            raise Refused("to_base takes no length here.", hint="Leave it out.")
        if name in _PUT_IN:
            grown *= max((len(text_in(each) or "") for each in given[1:]), default=1) or 1
            grown *= 1 if all("literal" in each for each in given[1:]) else UNKNOWN
            if grown > GROWN:
                raise Refused(
                    "Too much is put into texts here.",
                    hint=f"Put in {PIECE} letters or less, once.",
                )


def arguments(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a function is given."""
    # Older engines call them children.
    for each in node.get("arguments") or node.get("children") or ():
        if isinstance(each, dict):
            inner = each.get("expression", each)
            yield inner if isinstance(inner, dict) else each


def text_in(node: dict[str, Any]) -> str | None:
    """Return the text that stands in a query as it is; None for anything else."""
    literal = node.get("literal")
    if isinstance(literal, dict) and literal.get("kind") == "STRING":
        return str(literal.get("text", ""))
    return None


def _length(given: Sequence[dict[str, Any]]) -> int:
    """Return how many elements a list has at most that is counted up by one."""
    bounds = []
    for each in given[:2]:
        literal = each.get("literal")
        if not isinstance(literal, dict) or literal.get("kind") != "INTEGER":
            return SERIES + 1
        bounds.append(int(str(literal.get("text", "0"))))
    return max(1, max(bounds, default=0) - (min(bounds) if len(bounds) > 1 else 0))
