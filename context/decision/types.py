"""Types of a decision model: whether a value is of one, and what it becomes on the way in.

The coercions are those of the standard: a list of one element becomes the element where one value is
wanted, one value becomes a list where a list is wanted, a date becomes its midnight where a moment is
wanted. What does not fit then is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cid.feel.functions import BUILTINS
from cid.feel.values import Lambda, kind_of, lift
from cid.kit.errors import InvalidInput, suggestion
from context.decision.expressions import Test, cell
from context.diagrams import UNNAMED, Item

_ALIASES = {
    "any": "Any", "": "Any", "feel:any": "Any", "dateTime": "date and time",
    "dayTimeDuration": "days and time duration", "yearMonthDuration": "years and months duration",
    "day time duration": "days and time duration",
    "year month duration": "years and months duration",
    "days and time duration": "days and time duration", "integer": "number", "double": "number",
    "decimal": "number", "Null": "null",
}  # fmt: skip
BASIC = frozenset(
    {
        *("Any", "number", "string", "boolean", "date", "time", "date and time", "list", "context"),
        *("days and time duration", "years and months duration", "function", "range", "null"),
    }
)
"""The types that everybody knows."""
MIDNIGHT = BUILTINS["time"]("00:00:00Z")
DEEPEST = 40
"""How deep types may refer to each other; a structure may hold itself, a value does not for ever."""


class Type:
    """A type that values can be held against."""

    def __init__(
        self,
        kind: str = "Any",
        *,
        parts: Mapping[str, Type] | None = None,
        element: Type | None = None,
        base: Callable[[], Type] | None = None,
        allowed: Test | None = None,
        constraint: Test | None = None,
    ) -> None:
        self.kind = kind
        self.parts = parts
        self.element = element
        self.base = base
        self.allowed = allowed
        self.constraint = constraint

    @property
    def anything(self) -> bool:
        """Whether every value is of this type."""
        return self.kind == "Any" and not (self.base or self.allowed or self.constraint)

    @property
    def is_list(self) -> bool:
        """Whether a list is wanted."""
        if self.base is not None:
            return self.base().is_list
        return self.element is not None or self.kind == "list"

    @property
    def wanted(self) -> str:
        """The basic kind behind the names."""
        return self.base().wanted if self.base is not None else self.kind

    def admits(self, value: Any, depth: int = 0, *, strict: bool = True) -> bool:
        """Tell whether a value is of this type; null is of every type.

        Without ``strict`` only the shape counts, not which values are allowed.
        """
        if value is None:
            return True
        if depth > DEEPEST:
            return False
        if not self._shaped(value, depth + 1, strict):
            return False
        if not strict:
            return True
        if self.allowed is not None:
            each = value if self.element is not None and isinstance(value, list) else [value]
            if not all(self.allowed(one, {}) is True for one in each):
                return False
        return self.constraint is None or self.constraint(value, {}) is True

    def _shaped(self, value: Any, depth: int, strict: bool) -> bool:
        if self.base is not None and not self.base().admits(value, depth, strict=strict):
            return False
        if self.parts is not None:
            return isinstance(value, Mapping) and all(
                type_.admits(lift(value.get(name)), depth, strict=strict) and name in value
                for name, type_ in self.parts.items()
            )
        if self.element is not None:
            return isinstance(value, list) and all(
                self.element.admits(lift(each), depth, strict=strict) for each in value
            )
        if self.kind == "Any":
            return True
        if self.kind == "function":
            return isinstance(value, Lambda) or callable(value)
        return kind_of(value) == self.kind

    def listed(self) -> tuple[Any, ...]:
        """Give the tests that say which values are allowed."""
        if self.allowed is None:
            return self.base().listed() if self.base is not None else ()
        return self.allowed.node.tests

    def take(self, value: Any) -> Any:
        """Give the value as this type sees it, or null where it is none of it.

        >>> Type("number").take([7]), Type("number").take("seven")
        (7, None)
        """
        if value is None or self.anything:
            return value
        if self.is_list and not isinstance(value, list):
            value = [value]
        elif not self.is_list and isinstance(value, list) and len(value) == 1:
            if self.wanted != "Any" or not self.admits(value):
                value = value[0]
        if self.wanted == "date and time" and kind_of(value) == "date":
            value = BUILTINS["date and time"](value, MIDNIGHT)
        return value if self.admits(value) else None


ANY = Type()


class AsFeel:
    """A type of a model as FEEL asks it: ``instance of`` looks at the shape alone."""

    def __init__(self, types: Types, name: str) -> None:
        self._types = types
        self._name = name

    def admits(self, value: Any) -> bool:
        """Tell whether a value has the shape, allowed or not."""
        return self._types.get(self._name).admits(value, strict=False)

    def take(self, value: Any) -> Any:
        """Give the value as the type sees it, or null where it is none of it."""
        return self._types.get(self._name).take(value)


class Types:
    """The types of one model, and those of the models it imports."""

    def __init__(self, items: Mapping[str, Item], imported: Mapping[str, Types]) -> None:
        self._items = items
        self._imported = imported
        self._made: dict[str, Type] = {}
        self._named: dict[str, AsFeel] | None = None

    def get(self, name: str) -> Type:
        """Give a type by its name.

        Raises:
            InvalidInput: there is no type of that name.
        """
        name = " ".join(name.split())
        if name in self._made:
            return self._made[name]
        made = self._find(name)
        self._made[name] = made
        return made

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def _find(self, name: str) -> Type:
        if name in self._items:
            return self._make(self._items[name], name)
        basic = _ALIASES.get(name, name)
        if basic in BASIC:
            return Type(basic)
        model, dot, rest = name.partition(".")
        if dot and model in self._imported:
            return self._imported[model].get(rest)
        for word, types in self._imported.items():
            if word.startswith(UNNAMED) and name in types:
                return types.get(name)
        if name.startswith("list<") and name.endswith(">"):
            return Type("list", element=self.get(name[5:-1]))
        if name.startswith(("context<", "function<", "range<")):
            return Type(name.partition("<")[0])
        raise InvalidInput(
            f"There is no type {name!r}.", hint=suggestion(name, [*self._items, *BASIC])
        )

    def _make(self, item: Item, name: str = "") -> Type:
        allowed = cell(item.allowed) if item.allowed else None
        constraint = cell(item.constraint) if item.constraint else None
        if item.parameters is not None:
            return Type("function")
        inner: Type | None = None
        if item.parts:
            parts = {each: self._make(part) for each, part in item.parts.items()}
            inner = Type("context", parts=parts)
        if item.list:
            element = inner or Type(base=self._later(item.type))
            return Type("list", element=element, allowed=allowed, constraint=constraint)
        if inner is not None:
            inner.constraint = constraint
            inner.allowed = allowed
            return inner
        return Type(base=self._later(item.type), allowed=allowed, constraint=constraint)

    def _later(self, name: str) -> Callable[[], Type]:
        """Look a type up when it is needed: a structure may hold others of its own type."""
        return lambda: self.get(name)

    def check(self) -> list[str]:
        """Say which types speak of types that do not exist."""
        found = []
        for name, item in self._items.items():
            waiting = [item]
            while waiting:
                each = waiting.pop()
                waiting.extend(each.parts.values())
                if each.type:
                    try:
                        self.get(each.type)
                    except InvalidInput as error:
                        found.append(f"Type {name!r}: {error}")
        return found

    def named(self) -> Mapping[str, AsFeel]:
        """Give all types of the model as FEEL asks them."""
        if self._named is None:
            self._named = {name: AsFeel(self, name) for name in self._items}
            for word, types in self._imported.items():
                for name, each in types.named().items():
                    full = name if word.startswith(UNNAMED) else f"{word}.{name}"
                    self._named.setdefault(full, each)
        return self._named

    def part_names(self) -> set[str]:
        """Give the names of all parts of all types."""
        found: set[str] = set()
        waiting = list(self._items.values())
        while waiting:
            item = waiting.pop()
            found.update(item.parts)
            waiting.extend(item.parts.values())
        for types in self._imported.values():
            found |= types.part_names()
        return found
