"""Contracts: what a type of record promises about its properties, checked before it is applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cid.kit.definitions import Entry
from cii.model import Contract, PropertyContract
from cii.reasons import Reason

Breach = tuple[Reason, str]
Check = Callable[[Mapping[str, Any]], Breach | None]

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "text"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
    "list": ((list,), "a list"),
    "object": ((dict,), "an object"),
}


class Contracts:
    """All contracts of a company, by the name of the event they are about."""

    def __init__(self, contracts: Mapping[str, Entry[Contract]]) -> None:
        self._checks = {name: compile_contract(entry.value) for name, entry in contracts.items()}

    def breach(self, event: str, properties: Mapping[str, Any]) -> Breach | None:
        """Return why the properties break the event's contract, or None where they keep it."""
        check = self._checks.get(event)
        return None if check is None else check(properties)


def compile_contract(contract: Contract) -> Check:
    """Make the check of a contract: None, or the first breach with its reason in words.

    >>> check = compile_contract(Contract(properties={"total": {"type": "number", "minimum": 0}}))
    >>> check({"total": 12.5})
    >>> check({"total": -1})
    (<Reason.CONTRACT_RANGE: 'contract_range'>, 'total is below 0: -1')
    """
    tests = [
        (name, promise.required, _test(name, promise))
        for name, promise in contract.properties.items()
    ]

    def check(properties: Mapping[str, Any]) -> Breach | None:
        for name, required, test in tests:
            value = properties.get(name)
            if value is None:
                if required:
                    return Reason.CONTRACT_MISSING, f"{name} is missing"
            elif test is not None:
                breach = test(value)
                if breach is not None:
                    return breach
        return None

    return check


def _test(name: str, promise: PropertyContract) -> Callable[[Any], Breach | None] | None:
    kinds, wanted = _KINDS.get(promise.type, ((), ""))
    boolean = bool in kinds
    low, high = promise.minimum, promise.maximum
    allowed = frozenset(promise.values)
    if not kinds and low is None and high is None and not allowed:
        return None

    def test(value: Any) -> Breach | None:
        # bool is an int in Python, but true is not a number in a record.
        if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and not boolean)):
            return Reason.CONTRACT_TYPE, f"{name} is not {wanted}: {_shown(value)}"
        if low is not None or high is not None:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return Reason.CONTRACT_TYPE, f"{name} is not a number: {_shown(value)}"
            if low is not None and value < low:
                return Reason.CONTRACT_RANGE, f"{name} is below {low:g}: {_shown(value)}"
            if high is not None and value > high:
                return Reason.CONTRACT_RANGE, f"{name} is above {high:g}: {_shown(value)}"
        if allowed:
            text = value if isinstance(value, str) else _as_written(value)
            if text not in allowed:
                values = ", ".join(promise.values[:12])
                return Reason.CONTRACT_VALUE, f"{name} is not one of {values}: {_shown(value)}"
        return None

    return test


def _as_written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _shown(value: Any) -> str:
    """Show a value shortly: the ledger keeps the reason, the log keeps the whole record."""
    shown = repr(value) if isinstance(value, str) else _as_written(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
