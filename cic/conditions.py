"""Conditions about a customer: the words they may use, and what they read.

One vocabulary for segments, rules and decision tables: attributes, traits and segments by their names, the
function ``consent(purpose, channel)``, and for rules the ``event`` at hand. A compiled condition knows what it
reads, so that it is looked at only when that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from cic.model import Segment, Trait
from cid.customers import Customers
from cid.feel import FeelError, check, compile_expression, compile_unary, explain, names, parse
from cid.feel.tree import Call, Comparison, Literal, Name, Node, walk
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidDefinition, InvalidInput, suggestion
from cid.model.definition import Attribute
from cid.profile import plain

EVENT_WORDS = ("event", "now")


class CustomerView:
    """What a condition may read about one customer at one moment."""

    __slots__ = ("_customers", "_known", "_members", "_read", "customer", "event", "now", "profile")

    def __init__(
        self,
        customer: str,
        customers: Customers,
        read: Callable[[str, int], Any],
        members: int,
        event: Mapping[str, Any] | None = None,
        now: int = 0,
    ) -> None:
        self.customer = customer
        self.profile = customers.profile(customer)
        self.event = event
        self.now = now
        self._customers = customers
        self._read = read
        self._members = members
        self._known: dict[int, Any] = {}

    def t(self, index: int) -> Any:
        """Return a trait by its place; it is read once for all conditions of one look."""
        known = self._known
        if index in known:
            return known[index]
        value = known[index] = self._read(self.customer, index)
        return value

    def a(self, name: str) -> Any:
        """Return an attribute's value in force."""
        held = self.profile.get(name)
        return None if held is None else held.value

    def m(self, index: int) -> bool:
        """Say whether the customer is in a segment."""
        return bool(self._members >> index & 1)

    def consent(self, purpose: Any, channel: Any) -> bool:
        """Say whether the customer consents."""
        return self._customers.consents(self.customer, str(purpose), str(channel))


class Passing(CustomerView):
    """One view for many customers, each for a moment: to ask one condition about all of them."""

    __slots__ = ()

    def t(self, index: int) -> Any:
        """Return a trait by its place."""
        return self._read(self.customer, index)

    def holding(
        self, condition: Condition, customers: Iterable[str], members: Mapping[str, int]
    ) -> Iterator[tuple[str, bool]]:
        """Say for each customer whether a condition holds.

        Args:
            condition: the condition.
            customers: who is asked about.
            members: the segments of each, as bits.
        """
        run = condition.run
        profile = self._customers.profile if condition.attributes else None
        reads_segments = bool(condition.segments)
        for customer in customers:
            self.customer = customer
            if profile is not None:
                self.profile = profile(customer)
            if reads_segments:
                self._members = members.get(customer, 0)
            yield customer, run(self) is True


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression about a customer, with what it reads."""

    text: str
    tree: Any
    run: Callable[[CustomerView], Any]
    traits: int
    attributes: frozenset[str]
    segments: int
    words: tuple[str, ...]
    edges: Mapping[str, frozenset[Decimal] | None]
    """By word: the numbers it is compared with, or None where it is used in another way."""


class Vocabulary:
    """The words that conditions may use, and where each finds its value."""

    def __init__(
        self,
        attributes: Mapping[str, Entry[Attribute]],
        traits: Mapping[str, Entry[Trait]],
        segments: Mapping[str, Entry[Segment]],
    ) -> None:
        self.attributes = {name: place for place, name in enumerate(attributes)}
        self.traits = {name: place for place, name in enumerate(traits)}
        self.segments = {name: place for place, name in enumerate(segments)}
        self.bind = {name: f"s.a({name!r})" for name in attributes}
        self.bind |= {name: f"s.t({place})" for name, place in self.traits.items()}
        self.bind |= {name: f"s.m({place})" for name, place in self.segments.items()}
        self.bind |= {"event": "s.event", "customer": "s.customer"}

    def become(self, other: Vocabulary) -> None:
        """Speak another vocabulary from now on; what was compiled before stays right if places stay."""
        if other is not self:
            self.attributes, self.traits = other.attributes, other.traits
            self.segments, self.bind = other.segments, other.bind

    def clashes(self, entries: Iterable[Mapping[str, Entry[Any]]]) -> list[InvalidDefinition]:
        """Return an error for each name that two kinds of things carry."""
        seen: dict[str, Entry[Any]] = {}
        errors = []
        for some in entries:
            for name, entry in some.items():
                if name in seen:
                    other = seen[name]
                    errors.append(
                        entry.error(f"this name is already used in {other.file}:{other.line}.")
                    )
                seen[name] = entry
        return errors

    def compile(self, text: str, extra: Iterable[str] = ()) -> Condition:
        """Compile a condition.

        Raises:
            InvalidInput: it is not FEEL, or uses a word that nobody defined; says which was probably meant.
        """
        known = [*self.bind, *extra]
        try:
            tree = parse(text, known=known)
        except FeelError as error:
            raise InvalidInput(str(error)) from error
        words = names(tree)
        bind = dict(self.bind)
        for word in extra:
            bind.setdefault(word, f"s.event.get({word!r})")
        for word in sorted(words):
            if word not in bind and word != "consent":
                raise InvalidInput(f"{word!r} is not defined.", hint=suggestion(word, known))
        # To FEEL a function that does not exist is null; whoever writes one means something else.
        for wrong in check(tree, [*bind, "consent"], ["consent"]):
            raise InvalidInput(str(wrong))
        for call in walk(tree):
            if isinstance(call, Call) and call.function == Name("consent"):
                if len(call.positional) + len(call.named) != 2:
                    raise InvalidInput(
                        "A consent has a purpose and a channel.",
                        hint='Write it as consent("marketing", "email").',
                    )
        run = compile_expression(tree, bind=bind, functions={"consent": "s.consent"})
        reads_consent = "consent(" in text.replace(" ", "")
        attributes = {word for word in words if word in self.attributes}
        return Condition(
            text,
            tree,
            run,
            sum(1 << self.traits[word] for word in words if word in self.traits),
            frozenset(attributes | ({"consent"} if reads_consent else set())),
            sum(1 << self.segments[word] for word in words if word in self.segments),
            tuple(sorted(words)),
            _edges(tree),
        )

    def compile_cell(self, text: str) -> Callable[[Any, Any], Any]:
        """Compile a cell of a decision table: a FEEL unary test.

        Raises:
            InvalidInput: it is not FEEL.
        """
        try:
            return compile_unary(text, known=list(self.bind))
        except FeelError as error:
            raise InvalidInput(str(error)) from error

    def scope(self, view: CustomerView, words: Iterable[str]) -> dict[str, Any]:
        """Return the values that a condition reads about a customer, by word."""
        result: dict[str, Any] = {}
        for word in words:
            if word in self.traits:
                result[word] = view.t(self.traits[word])
            elif word in self.segments:
                result[word] = view.m(self.segments[word])
            elif word in self.attributes:
                result[word] = view.a(word)
            elif word == "event":
                result[word] = dict(view.event or {})
            elif word == "customer":
                result[word] = view.customer
        return result

    def explain(self, condition: Condition, view: CustomerView) -> dict[str, Any]:
        """Return the condition as a tree with the customer's values: why, or why not."""
        scope = self.scope(view, condition.words)
        tree = explain(condition.tree, scope, functions={"consent": view.consent})
        result: dict[str, Any] = shown(tree.to_dict())
        return result


def _edges(tree: Any) -> dict[str, frozenset[Decimal] | None]:
    """Find for each word the numbers that decide; between two of them nothing can flip."""
    found: dict[str, frozenset[Decimal] | None] = {}

    def visit(node: Any) -> None:
        if isinstance(node, Comparison):
            sides = (node.left, node.right)
            for word, other in (sides, sides[::-1]):
                if isinstance(word, Name) and isinstance(other, Literal):
                    if isinstance(other.value, int | Decimal) and not isinstance(other.value, bool):
                        held = found.get(word.name, frozenset())
                        if held is not None:
                            found[word.name] = held | {Decimal(other.value)}
                        return
        if isinstance(node, Name):
            found[node.name] = None
        if isinstance(node, Node):
            for each in fields(node):
                visit(getattr(node, each.name))
        elif isinstance(node, tuple):
            for each in node:
                visit(each)

    visit(tree)
    return found


_AS_THEY_ARE = frozenset({str, int, bool, float})


def shown(value: Any) -> Any:
    """Return nested values as JSON knows them."""
    if value is None or type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Mapping):
        return {str(key): shown(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [shown(each) for each in value]
    if isinstance(value, date) or value is None or isinstance(value, str | bool | int):
        return plain(value)
    if isinstance(value, float):
        return value
    held = plain(value)
    return held if isinstance(held, int | float) else str(held)
