"""Questions on their way: who asks what for, how many at once, and answers that are known already.

Every question of a reader passes here: her policy says what she sees, the purpose of her reading is
noted, and she waits her turn where many ask.
"""

from __future__ import annotations

import marshal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from cic.known import REMEMBERED, Answers, lasting, size_of
from cic.policies import OWNER, Policies, Reader
from cic.ports import Engine, Result, Sight, Ticket
from cid.kit.clock import format_time
from cid.kit.errors import Conflict, ICustomerError, NotFound, Overloaded, Refused
from cid.kit.ids import new_id

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Questions that are answered at the same time; the others wait."""
WAITING = 200
"""Questions that may wait."""
PATIENCE = 30.0
"""Seconds that a question waits for its turn."""
NOTED = 200
"""Reads of which is still known who read what for."""
_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'main' ORDER BY table_name, ordinal_position
"""
_READER: ContextVar[Reader] = ContextVar("reader", default=OWNER)


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """Let all questions inside be asked by a reader."""
    token = _READER.set(reader)
    try:
        yield
    finally:
        _READER.reset(token)


def current() -> Reader:
    """Return who asks; the owner of the machine where nobody was named."""
    return _READER.get()


class Answering(Engine, Protocol):
    """An engine that says when its answers may have changed."""

    def state(self) -> str:
        """Return a text that is the same for as long as history is."""

    def parts(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Answer one SELECT part by part: first (name, type) of each column, then rows."""

    def parquet(
        self,
        columns: Sequence[tuple[str, str]],
        parts: Iterable[Sequence[tuple[Any, ...]]],
        path: Path,
    ) -> None:
        """Write rows with these columns (name, type) as a Parquet file."""


@dataclass(eq=False)
class Asked:
    """One question on its way."""

    id: str
    reader: Reader
    sight: Sight
    sql: str
    began: float
    at: int
    ticket: Ticket = field(default_factory=Ticket)
    waiting: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return {
            "id": self.id,
            "role": self.reader.role,
            "person": self.reader.person,
            "purpose": self.sight.purpose,
            "sql": self.sql[:500],
            "since": format_time(self.at),
            "seconds": round(time.monotonic() - self.began, 2),
            "waiting": self.waiting,
            "progress": self.ticket.progress,
        }


class Queries:
    """Runs questions about history for their readers."""

    def __init__(
        self,
        history: Answering,
        policies: Policies,
        now: Callable[[], int],
        *,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        patience: float = PATIENCE,
        remembered: int = REMEMBERED,
    ) -> None:
        self.history = history
        self.policies = policies
        self._now = now
        self.at_once, self._most, self._patience = at_once, waiting, patience
        self._asked: dict[str, Asked] = {}
        self._waiting: deque[Asked] = deque()
        self._changed = threading.Condition()
        self._answers: Answers[Result] = Answers(remembered)
        self._whole: Answers[tuple[bytes, str, int]] = Answers(remembered)
        self._noted: deque[dict[str, Any]] = deque(maxlen=NOTED)

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] = {},
        *,
        rows: int | None = 10_000,
        seconds: float | None = 10.0,
        reader: Reader | None = None,
    ) -> Result:
        """Answer one SELECT as far as its reader may see.

        Args:
            sql: one SELECT over the views of history, by their plain names.
            params: values of its named parameters.
            rows: most rows of the answer.
            seconds: most time; None for no limit.
            reader: who asks, in which role and what for; whoever `reading` names, where None.

        Raises:
            InvalidInput: it is not one correct SELECT, or it took too long or too much memory.
            Refused: it may not be asked.
            Conflict: somebody stopped it.
            Overloaded: too many ask.
        """
        reader = reader or current()
        sight = self._sight(reader)
        state = self.history.state()
        key = (sql, repr(sorted(params.items())), rows, sight.key, state)
        keep = lasting(sql)
        if keep and (known := self._answers.get(key)):
            self._note(reader, sight, sql, len(known.rows), 0.0)
            return replace(known, cached=True)
        with self._turn(sql, reader, sight) as asked:
            if keep and (known := self._answers.get(key)):
                # Somebody else has asked the same meanwhile.
                self._note(reader, sight, sql, len(known.rows), 0.0)
                return replace(known, cached=True)
            began = time.monotonic()
            position = self.history.position()
            found = self.history.query(
                sql, params, rows=rows, seconds=seconds, sight=sight, ticket=asked.ticket
            )
            # An engine that does not say up to where it has looked has looked at least that far.
            found = replace(found, position=found.position or position)
        self._note(reader, sight, sql, len(found.rows), time.monotonic() - began)
        if keep:
            self._answers.put(key, found, size_of(found))
        return found

    def remembered(self, question: str, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Answer a whole question, worked out again only where history or what the reader may see is another.

        Args:
            question: what is asked, with all that the answer depends on besides history and reader.
            answer: works it out: plain values, the SQL among them as ``sql``.
        """
        reader = current()
        sight = self._sight(reader)
        key = (question, sight.key, self.history.state())
        if (known := self._whole.get(key)) is not None:
            held, sql, rows = known
            self._note(reader, sight, sql, rows, 0.0)
            # Each gets one of his own, whatever he does with it.
            return {**marshal.loads(held), "cached": True}
        found = answer()
        if lasting(found["sql"]):
            with suppress(ValueError):
                held = marshal.dumps(found)
                self._whole.put(key, (held, found["sql"], len(found["rows"])), len(held))
        return found

    def parts(
        self, sql: str, *, seconds: float | None = None, reader: Reader | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Answer one SELECT part by part: first (name, type) of each column, then rows."""
        reader = reader or current()
        sight = self._sight(reader)
        with self._turn(sql, reader, sight) as asked:
            yield from self.history.parts(sql, seconds=seconds, sight=sight, ticket=asked.ticket)

    def position(self) -> int:
        """Return the position of the last fact that answers know of."""
        return self.history.position()

    @property
    def portable(self) -> bool:
        """Say whether the engine is to be asked only in SQL that every engine has."""
        return bool(getattr(self.history, "portable", False))

    def views(self, reader: Reader | None = None) -> dict[str, list[str]]:
        """List the views that a reader sees, each with its columns."""
        sight = self._sight(reader or current())
        found = self.history.query(_COLUMNS, rows=None)
        views: dict[str, list[str]] = {}
        for view, column in found.rows:
            if column not in sight.hidden and (view in sight.views or not sight.views):
                views.setdefault(str(view), []).append(str(column))
        return views

    def sight(self) -> Sight:
        """Return what whoever asks now sees of history.

        Raises:
            Refused: her role may not read for her purpose.
        """
        return self._sight(current())

    def running(self) -> list[dict[str, Any]]:
        """List the questions on their way, oldest first; who is no architect sees her own."""
        reader = current()
        with self._changed:
            return [
                asked.to_dict() for asked in self._asked.values() if _may_see(reader, asked.reader)
            ]

    def read(self) -> list[dict[str, Any]]:
        """List the last reads, newest first: who read what for."""
        reader = current()
        mine = (
            each
            for each in reversed(self._noted)
            if _may_see(reader, Reader(each["role"], "", each["person"]))
        )
        return list(mine)

    def stop(self, id: str, reader: Reader | None = None) -> dict[str, Any]:
        """Stop a question; a reader stops her own, an architect anybody's.

        Raises:
            NotFound: there is no such question, or no longer.
            Refused: it is somebody else's.
        """
        with self._changed:
            asked = self._asked.get(id)
            if asked is None:
                raise NotFound("running query", id)
            reader = reader or current()
            if not _may_see(reader, asked.reader):
                raise Refused("This is somebody else's question.", hint="Ask an architect.")
            asked.ticket.stop()
            self._changed.notify_all()
            return asked.to_dict()

    def _sight(self, reader: Reader) -> Sight:
        try:
            return self.policies.sight(reader)
        except ICustomerError as error:
            log.warning(
                "history.refused",
                role=reader.role,
                person=reader.person,
                purpose=reader.purpose,
                error=str(error),
            )
            raise

    @contextmanager
    def _turn(self, sql: str, reader: Reader, sight: Sight) -> Iterator[Asked]:
        asked = Asked(
            reader.id or new_id(),
            reader,
            sight,
            sql,
            time.monotonic(),
            self._now(),
        )
        with self._changed:
            if asked.id in self._asked:
                raise Conflict(
                    f"A query with the id {asked.id!r} is running.", hint="Choose another."
                )
            if len(self._waiting) >= self._most:
                raise Overloaded("Too many questions wait.", hint="Ask again in a moment.")
            self._asked[asked.id] = asked
            self._waiting.append(asked)
            try:
                self._wait(asked)
            except BaseException:
                del self._asked[asked.id]
                raise
            finally:
                self._waiting.remove(asked)
                self._changed.notify_all()
            asked.waiting = False
        try:
            yield asked
        finally:
            with self._changed:
                del self._asked[asked.id]
                self._changed.notify_all()

    def _wait(self, asked: Asked) -> None:
        until = time.monotonic() + self._patience
        while self._next() is not asked:
            if asked.ticket.stopped:
                raise Conflict("The query was stopped.", hint="Ask again if that was a mistake.")
            left = until - time.monotonic()
            if left <= 0:
                raise Overloaded(
                    f"{self.at_once} questions are being answered, and {len(self._waiting)} wait.",
                    hint="Ask again in a moment.",
                )
            self._changed.wait(left)

    def _next(self) -> Asked | None:
        """Return whose turn it is: of those who wait, who has least on its way; the longest first."""
        busy: dict[tuple[str, str], int] = {}
        for each in self._asked.values():
            if not each.waiting:
                who = (each.reader.role, each.reader.person)
                busy[who] = busy.get(who, 0) + 1
        if sum(busy.values()) >= self.at_once:
            return None
        return min(
            self._waiting,
            key=lambda each: busy.get((each.reader.role, each.reader.person), 0),
            default=None,
        )

    def _note(self, reader: Reader, sight: Sight, sql: str, rows: int, seconds: float) -> None:
        said = {
            "role": reader.role,
            "person": reader.person,
            "purpose": sight.purpose,
            "policy": sight.policy,
            "rows": rows,
            "ms": round(seconds * 1000, 1),
        }
        if structlog.is_configured():
            log.info("history.read", **said)
        self._noted.append({"at": format_time(self._now()), "sql": sql[:500], **said})


def _may_see(reader: Reader, asked: Reader) -> bool:
    """Say whether one reader may know what another asks."""
    if reader.role in ("", "architect"):
        return True
    return (reader.role, reader.person) == (asked.role, asked.person)
