"""Functions on texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cid.feel import regular
from cid.feel.functions.numbers import is_number, whole
from cid.feel.functions.signature import Builtin
from cid.feel.values import MAX_TEXT
from cid.feel.writing import exact_text_of


def string(from_: Any) -> str | None:
    """Write a value as text."""
    return None if from_ is None else exact_text_of(from_)


def substring(string: Any, start_position: Any, length: Any = None) -> str | None:
    """Give a part of a text; positions count from 1, or from the end where negative."""
    start = whole(start_position)
    wanted = int(length) if is_number(length) else None
    if not isinstance(string, str) or not start or abs(start) > len(string):
        return None
    begin = start - 1 if start > 0 else len(string) + start
    if length is None:
        return string[begin:]
    return None if wanted is None or wanted < 1 else string[begin : begin + wanted]


def _of_text(operation: Callable[[str], Any]) -> Callable[[Any], Any]:
    def applied(string: Any) -> Any:
        return operation(string) if isinstance(string, str) else None

    return applied


def _of_texts(operation: Callable[[str, str], Any]) -> Callable[[Any, Any], Any]:
    def applied(string: Any, match: Any) -> Any:
        if not isinstance(string, str) or not isinstance(match, str):
            return None
        return operation(string, match)

    return applied


def substring_before(string: str, match: str) -> str:
    """Give what stands before the first match; nothing where there is none."""
    before, found, _ = string.partition(match) if match else ("", "", "")
    return before if found else ""


def substring_after(string: str, match: str) -> str:
    """Give what stands after the first match; nothing where there is none."""
    if not match:
        return string
    return string.partition(match)[2]


def matches(input: Any, pattern: Any, flags: Any = "") -> bool | None:
    """Tell whether a pattern is found somewhere in a text."""
    found = regular.compiled(pattern, flags)
    return None if found is None or not isinstance(input, str) else found.within(input)


def replace(input: Any, pattern: Any, replacement_: Any, flags: Any = "") -> str | None:
    """Put something else wherever a pattern is found in a text."""
    found = regular.compiled(pattern, flags)
    if found is None or not isinstance(input, str) or not isinstance(replacement_, str):
        return None
    return regular.replaced(input, found, replacement_, "q" in (flags or ""), MAX_TEXT)


def split(string: Any, delimiter: Any) -> list[str] | None:
    """Cut a text wherever the pattern is found."""
    if not isinstance(string, str):
        return None
    found = regular.compiled(delimiter)
    return None if found is None else regular.split(string, found)


def string_join(list: Any, delimiter: Any = "") -> str | None:
    """Join texts into one; null elements are left out."""
    items = list if isinstance(list, _list) else [list]
    words = [item for item in items if item is not None]
    if list is None or not all(isinstance(word, str) for word in words):
        return None
    if delimiter is not None and not isinstance(delimiter, str):
        return None
    joined = (delimiter or "").join(words)
    return joined if len(joined) <= MAX_TEXT else None


_list = list

FUNCTIONS = {
    "string": Builtin(string, ("from",)),
    "substring": Builtin(substring, single=True),
    "string length": Builtin(_of_text(len), single=True),
    "upper case": Builtin(_of_text(str.upper), single=True),
    "lower case": Builtin(_of_text(str.lower), single=True),
    "trim": Builtin(_of_text(str.strip), single=True),
    "contains": Builtin(_of_texts(lambda string, match: match in string), single=True),
    "starts with": Builtin(_of_texts(str.startswith), single=True),
    "ends with": Builtin(_of_texts(str.endswith), single=True),
    "substring before": Builtin(_of_texts(substring_before), single=True),
    "substring after": Builtin(_of_texts(substring_after), single=True),
    "matches": Builtin(matches, single=True),
    "replace": Builtin(replace, single=True),
    "split": Builtin(split, single=True),
    "string join": Builtin(string_join),
}
