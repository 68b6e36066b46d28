"""A snapshot of the live traits: what the facts said, in columns, without what windows made of it.

A window's content follows from the clock, a customer's facts from who owns which identity now. So neither is
kept: of each fact that still counts somewhere only when it happened, who owns it, and what it
answered to each *question*. A question is what traits ask of a fact, a condition and a value; traits that differ
in window or aggregate share it. Nothing here is executed or unpickled when it is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import orjson

from cic.plans import TraitPlan, window_of
from cid.model.fact import Fact

FORMAT = 1
MAGIC = b"iCustomer live traits\n"
NOTHING, NUMBER, CODED = range(3)
"""What the answers are: none, whole ten-thousandths, or a place in the list of values."""
SEPARATOR = "\0"
ARRAYS = {
    "time": "<i8",
    "event": "<u2",
    "identity": "<i4",
    "counts": "<u2",
    "question": "<u2",
    "value": "<i8",
    "lengths": "<u4",
    "texts": "|u1",
}


class Doubtful(Exception):
    """A snapshot cannot be trusted; the message says why. The facts are relived instead."""


@dataclass
class Columns:
    """Facts as a kernel keeps them.

    Fact i is an ``events[event[i]]`` that happened at ``time[i]`` to ``identities[identity[i]]``; ``counts[i]``
    entries of ``question`` and ``value`` belong to it. ``texts`` holds source and message id of each,
    ``lengths[i]`` bytes long.
    """

    clock: int = 0
    covers: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    """By event and question: the windows for which all facts are here."""
    events: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    future: list[Fact] = field(default_factory=list)
    time: Any = None
    event: Any = None
    identity: Any = None
    counts: Any = None
    question: Any = None
    value: Any = None
    lengths: Any = None
    texts: Any = None

    def __post_init__(self) -> None:
        for name, kind in ARRAYS.items():
            if getattr(self, name) is None:
                setattr(self, name, np.zeros(0, kind))

    def __len__(self) -> int:
        """Return how many facts there are."""
        return len(self.time)

    def waiting(self, owner: Callable[[str], str], without: Collection[str]) -> Iterator[Fact]:
        """Yield future facts as their owners' of now, but for those of some events."""
        for fact in self.future:
            if fact.event not in without:
                yield replace(fact, customer=owner(fact.identity))

    def facts(self) -> Iterator[Said]:
        """Yield each fact, in the order of the columns."""
        texts, start, entry = self.texts.tobytes(), 0, 0
        questions, values = self.question.tolist(), self.value.tolist()
        coded = [kind == CODED for kind in self.kinds]
        plain = [kind == NOTHING for kind in self.kinds]
        columns = (self.time, self.event, self.identity, self.counts, self.lengths)
        for at, event, identity, count, length in zip(*(c.tolist() for c in columns), strict=True):
            text = texts[start : start + length].decode("utf-8", "surrogatepass")
            source, _, message_id = text.partition(SEPARATOR)
            start += length
            answers: dict[int, Any] = {}
            for place in range(entry, entry + count):
                asked, value = questions[place], values[place]
                answers[asked] = (
                    self.values[value] if coded[asked] else 1 if plain[asked] else value
                )
            entry += count
            order = (at, source, message_id)
            yield Said(order, self.events[event], self.identities[identity], answers)


class Said(NamedTuple):
    """A fact as it is kept: when, what, whose, and what it answered to which question."""

    order: tuple[int, str, str]
    event: str
    identity: str
    answers: Mapping[int, Any]


def columns_of(
    clock: int,
    questions: Mapping[str, int],
    covers: dict[str, dict[str, list[Any]]],
    facts: Iterable[Said],
    future: Iterable[Fact] = (),
) -> Columns:
    """Put facts into columns, in the order in which they happened; ``questions`` have their kinds."""
    kinds = list(questions.values())
    codes: dict[Any, int] = {}
    identities: dict[str, int] = {}
    events: dict[str, int] = {}
    rows: list[tuple[int, int, int, int, int]] = []
    asked: list[int] = []
    held: list[int] = []
    texts = bytearray()
    for (at, source, message_id), event, identity, answers in sorted(facts, key=_order_of):
        text = order_text(source, message_id)
        texts += text
        number = identities.setdefault(identity, len(identities))
        kind = events.setdefault(event, len(events))
        rows.append((at, kind, number, len(answers), len(text)))
        for question, value in answers.items():
            asked.append(question)
            if kinds[question] == NUMBER:
                held.append(value)
            elif kinds[question] == CODED:
                held.append(codes.setdefault(code_key(value), len(codes)))
            else:
                held.append(0)
    table = np.array(rows, np.int64).reshape(len(rows), 5)
    return Columns(
        clock,
        covers,
        list(events),
        list(questions),
        kinds,
        [key[1] for key in codes],
        list(identities),
        list(future),
        table[:, 0],
        table[:, 1].astype("<u2"),
        table[:, 2].astype("<i4"),
        table[:, 3].astype("<u2"),
        np.array(asked, "<u2"),
        np.array(held, "<i8"),
        table[:, 4].astype("<u4"),
        np.frombuffer(bytes(texts), "|u1"),
    )


def merged(one: Columns, other: Columns) -> Columns:
    """Return what two kernels keep that shared the questions about the same facts between them."""
    kinds: dict[str, int] = {}
    covers: dict[str, dict[str, list[Any]]] = {}
    facts: dict[tuple[tuple[int, str, str], str], Said] = {}
    waiting: dict[tuple[tuple[int, str, str], str], Fact] = {}
    for columns in (one, other):
        kinds |= dict(zip(columns.questions, columns.kinds, strict=True))
        numbers = {name: number for number, name in enumerate(kinds)}
        places = [numbers[name] for name in columns.questions]
        for event, asked in columns.covers.items():
            for name, windows in asked.items():
                found = covers.setdefault(event, {}).setdefault(name, [])
                found += [window for window in windows if window not in found]
        for order, event, identity, answers in columns.facts():
            here = {places[number]: value for number, value in answers.items()}
            before = facts.get((order, identity))
            if before is not None:
                here |= before.answers
            facts[order, identity] = Said(order, event, identity, here)
        waiting |= {(fact.order, fact.identity): fact for fact in columns.future}
    return columns_of(one.clock, kinds, covers, facts.values(), waiting.values())


def _order_of(kept: Said) -> tuple[int, str, str]:
    return kept.order


def question(plan: TraitPlan) -> str:
    """Return what a trait asks of a fact, as a text that tells it across restarts; empty: nothing."""
    if plan.aggregate == "count" and plan.where is None:
        return ""
    if not plan.signal:
        return f"for {plan.name}"
    # Of which events it asks, the facts themselves tell.
    return orjson.dumps(orjson.loads(plan.signal)[1:]).decode()


def answered(plan: TraitPlan) -> int:
    """Return what the answers to a trait's question are."""
    if plan.aggregate == "count":
        return NOTHING
    return NUMBER if plan.aggregate in ("sum", "average", "min", "max") else CODED


def covered(plans: Mapping[str, Sequence[TraitPlan]]) -> dict[str, dict[str, list[Any]]]:
    """Return by event and question the windows for which a kernel with these plans keeps all facts."""
    found: dict[str, dict[str, list[Any]]] = {}
    for event, some in plans.items():
        for plan in some:
            windows = found.setdefault(event, {}).setdefault(question(plan), [])
            window = list(window_of(plan))
            if window not in windows:
                windows.append(window)
    return found


def uncovered(
    needed: Mapping[str, Mapping[str, list[Any]]], kept: Mapping[str, Mapping[str, list[Any]]]
) -> set[str]:
    """Return the events of which facts or answers are needed that are not kept."""
    return {
        event
        for event, asked in needed.items()
        for name, windows in asked.items()
        for window in windows
        if not _covers(kept.get(event, {}).get(name, []), window)
    }


def _covers(kept: Sequence[Sequence[Any]], window: Sequence[Any]) -> bool:
    length, *calendar = window
    for other, *others in kept:
        if [other, *others] == [length, *calendar] or (not other and not any(others)):
            return True
        if not any(calendar) and not any(others) and 0 < length <= other:
            return True
    return False


def order_text(source: str, message_id: str) -> bytes:
    """Return the text whose bytes sort as source and message id do."""
    return f"{source}{SEPARATOR}{message_id}".encode("utf-8", "surrogatepass")


def code_key(value: Any) -> tuple[str, Any, str]:
    """Return what tells values apart that Python takes for equal: 1, true and 1.0."""
    return (type(value).__name__, value, repr(value) if isinstance(value, Decimal) else "")


def written(columns: Columns, meta: Mapping[str, Any]) -> list[bytes | memoryview]:
    """Return a snapshot as the pieces of a file: a line of JSON, then the columns as they are.

    Raises:
        Doubtful: a value is of a kind that cannot be written.
    """
    lists = orjson.dumps(
        {
            "covers": columns.covers,
            "events": columns.events,
            "questions": columns.questions,
            "kinds": columns.kinds,
            "values": [said(value) for value in columns.values],
            "future": [_fact(fact) for fact in columns.future],
        }
    )
    names = _joined(columns.identities)
    parts: list[bytes | memoryview] = [lists, *names]
    for name, kind in ARRAYS.items():
        array = np.ascontiguousarray(getattr(columns, name), kind)
        parts.append(memoryview(array.data).cast("B"))
    head = {
        "format": FORMAT,
        "meta": dict(meta),
        "clock": columns.clock,
        "sizes": [len(part) for part in parts],
        "sums": [zlib.crc32(part) for part in parts],
    }
    line = orjson.dumps(head) + b"\n"
    begin = MAGIC + f"{zlib.crc32(line):08x}\n".encode()
    return [begin, line, *parts]


def head_of(data: bytes | memoryview) -> tuple[dict[str, Any], int]:
    """Read the first lines of a snapshot; return them and where the columns begin.

    Raises:
        Doubtful: it is no snapshot, of another format, or torn.
    """
    start = len(MAGIC) + 9
    begin = bytes(data[:start])
    if not begin.startswith(MAGIC) or len(begin) < start:
        raise Doubtful("it is not a snapshot")
    view = memoryview(data)
    end = start
    while end < len(view):
        found = bytes(view[end : end + 65_536]).find(b"\n")
        if found >= 0:
            end += found + 1
            break
        end += 65_536
    line = bytes(view[start:end])
    if f"{zlib.crc32(line):08x}\n".encode() != begin[len(MAGIC) :]:
        raise Doubtful("its head is torn")
    head: dict[str, Any] = orjson.loads(line)
    if head["format"] != FORMAT:
        raise Doubtful(f"it has format {head['format']}, not {FORMAT}")
    if len(view) != end + sum(head["sizes"]):
        raise Doubtful("its end is missing")
    return head, end


def read(data: bytes | memoryview) -> Columns:
    """Read a snapshot back.

    Raises:
        Doubtful: it is no snapshot, of another format, or anything in it is torn.
    """
    head, start = head_of(data)
    view = memoryview(data)
    parts = []
    for size, checksum in zip(head["sizes"], head["sums"], strict=True):
        part = view[start : start + size]
        if zlib.crc32(part) != checksum:
            raise Doubtful("its checksum is wrong")
        parts.append(part)
        start += size
    lists = orjson.loads(bytes(parts[0]))
    arrays = {
        name: np.frombuffer(part, kind)
        for (name, kind), part in zip(ARRAYS.items(), parts[3:], strict=True)
    }
    return Columns(
        head["clock"],
        lists["covers"],
        lists["events"],
        lists["questions"],
        lists["kinds"],
        [heard(value) for value in lists["values"]],
        _parted(parts[1], parts[2]),
        [_fact_again(each) for each in lists["future"]],
        **arrays,
    )


def _joined(texts: Sequence[str]) -> tuple[bytes, bytes]:
    lengths = np.fromiter(map(len, texts), "<u4", len(texts))
    return lengths.tobytes(), "".join(texts).encode("utf-8", "surrogatepass")


def _parted(lengths: memoryview, joined: memoryview) -> list[str]:
    text = bytes(joined).decode("utf-8", "surrogatepass")
    ends = np.cumsum(np.frombuffer(lengths, "<u4"), dtype=np.int64).tolist()
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


_TO: dict[type, tuple[str, Callable[[Any], Any]]] = {
    Decimal: ("decimal", str),
    datetime: ("moment", lambda value: value.isoformat()),
    date: ("date", lambda value: value.isoformat()),
    time: ("time", lambda value: value.isoformat()),
    timedelta: ("duration", lambda value: [value.days, value.seconds, value.microseconds]),
    tuple: ("tuple", lambda value: [said(each) for each in value]),
    dict: ("context", lambda value: [[said(k), said(v)] for k, v in value.items()]),
}
_FROM: dict[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "moment": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "duration": lambda value: timedelta(*value),
    "tuple": lambda value: tuple(heard(each) for each in value),
    "context": lambda value: {heard(k): heard(v) for k, v in value},
    "whole": int,
    "text": lambda value: value.encode("ascii").decode("unicode_escape"),
}


def said(value: Any) -> Any:
    """Write a value as JSON that can be read back exactly.

    >>> heard(said([Decimal("1.50"), None, {"at": date(2026, 1, 2)}]))
    [Decimal('1.50'), None, {'at': datetime.date(2026, 1, 2)}]

    Raises:
        Doubtful: it is of a kind that cannot be written.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        if value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value):
            return value
        return {"text": value.encode("unicode_escape").decode("ascii")}
    if kind is int:
        return value if -(1 << 53) < value < 1 << 53 else {"whole": str(value)}
    if kind is float and value == value and abs(value) != float("inf"):
        return value
    if kind is list:
        return [said(each) for each in value]
    if kind in _TO:
        name, write = _TO[kind]
        return {name: write(value)}
    raise Doubtful(f"a value of kind {kind.__name__} cannot be written")


def heard(value: Any) -> Any:
    """Read a value that `said` has written."""
    if type(value) is list:
        return [heard(each) for each in value]
    if type(value) is dict:
        ((name, what),) = value.items()
        return _FROM[name](what)
    return value


_FIELDS = tuple(Fact.__dataclass_fields__)


def _fact(fact: Fact) -> list[Any]:
    return [said(getattr(fact, name)) for name in _FIELDS]


def _fact_again(values: Sequence[Any]) -> Fact:
    return Fact(**{name: heard(value) for name, value in zip(_FIELDS, values, strict=True)})
