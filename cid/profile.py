"""Which value is in force? Survivorship: one value per attribute out of what the systems have said.

Pure: takes observations, returns the surviving value with its source and time (S2.Q3).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from cid.kit.errors import InvalidInput
from cid.model.definition import Attribute, Type
from cid.model.value import Observation, Value

__all__ = ["Observation", "Value", "convert", "plain", "survive"]


def survive(attribute: Attribute, observations: Iterable[Observation]) -> Value | None:
    """Choose the value in force.

    With ``master`` survivorship a master's word beats a contributor's, an earlier-named master a later one;
    with ``latest`` only time counts. Among equals the newest wins, then source and message id decide, so
    that the order of arrival never does.

    >>> said = [Observation(1, "erp", "m1", "Lyon"), Observation(2, "crm", "m2", "Paris")]
    >>> survive(Attribute(masters=("erp",)), said)
    Value(value='Lyon', source='erp', time=1)
    >>> survive(Attribute(survivorship="latest"), said)
    Value(value='Paris', source='crm', time=2)
    """
    best: tuple[int, int, str, str] | None = None
    chosen: Observation | None = None
    masters = attribute.masters if attribute.survivorship == "master" else ()
    for said in observations:
        rank = -masters.index(said.source) if said.source in masters else -len(masters)
        key = (rank, said.time, said.source, said.message_id)
        if best is None or key > best:
            best, chosen = key, said
    if chosen is None or chosen.value is None:
        return None
    return Value(chosen.value, chosen.source, chosen.time)


def convert(type_: Type, value: Any) -> Any:
    """Bring a value into the attribute's type.

    Raises:
        InvalidInput: the value does not fit the type.

    >>> convert("number", "1,5")
    Traceback (most recent call last):
    cid.kit.errors.InvalidInput: '1,5' is not a number.
    """
    if value is None or value == "":
        return None
    if type_ == "number":
        if isinstance(value, bool):
            raise InvalidInput(f"{value!r} is not a number.")
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            raise InvalidInput(f"{value!r} is not a number.") from None
        if not number.is_finite():
            raise InvalidInput(f"{value!r} is not a number.")
        return (
            int(number)
            if number == number.to_integral_value() and abs(number) < 1 << 53
            else number
        )
    if type_ == "boolean":
        word = str(value).strip().lower()
        if word in ("true", "1", "yes", "y"):
            return True
        if word in ("false", "0", "no", "n"):
            return False
        raise InvalidInput(f"{value!r} is not true or false.")
    if type_ == "date":
        try:
            return date.fromisoformat(str(value).strip()[:10])
        except ValueError:
            raise InvalidInput(f"{value!r} is not a date like 2026-01-31.") from None
    if type_ == "list":
        return value if isinstance(value, list) else [value]
    if isinstance(value, (dict, list)):
        raise InvalidInput(f"{str(value)[:60]!r} is not a text.")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: decimals and dates become text or numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    return value
