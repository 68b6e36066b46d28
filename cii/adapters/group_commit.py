"""Group commit: many callers wait, one thread writes for all, each gets its own promise kept.

While the thread commits, the next callers gather; then it takes all of them and commits once. When
nobody else waits, a caller is written at once: gathering costs no time, it uses the disk's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from cid.kit.errors import Overloaded, Unavailable
from cid.kit.failpoints import reach

W = TypeVar("W")
R = TypeVar("R")


@dataclass(eq=False)
class _Waiting(Generic[W, R]):
    work: W
    count: int
    size: int
    future: Future[R]


class GroupCommit(Generic[W, R]):
    """Collects pieces of work and commits them together, in the order they came.

    Args:
        commit: writes pieces of work durably, all or none, and returns one result for each;
            raises Unavailable when it cannot.
        group: how much work is taken for one commit (a single larger piece stays whole).
        queue_limit: how much may wait before more is refused.
        queue_bytes: the same in bytes.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[W]], Sequence[R]],
        *,
        group: int,
        queue_limit: int,
        queue_bytes: int,
    ) -> None:
        self._commit = commit
        self._group = group
        self._queue_limit = queue_limit
        self._queue_bytes = queue_bytes
        self._turn = threading.Condition()
        self._queue: deque[_Waiting[W, R]] = deque()
        self._count = 0
        self._size = 0
        self._closed = False
        self.trouble = ""
        """Why the last commit failed; empty when it did not."""
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, work: W, count: int, size: int) -> Future[R]:
        """Let a piece of work wait for the next commit.

        Raises:
            Overloaded: too much is waiting already; nothing was accepted.
            Unavailable: it is closed; nothing was accepted.
        """
        waiting: _Waiting[W, R] = _Waiting(work, count, size, Future())
        with self._turn:
            if self._closed:
                raise Unavailable("The log is closed.")
            too_many = self._count + count > self._queue_limit
            if self._count and (too_many or self._size + size > self._queue_bytes):
                raise Overloaded("Too much is waiting for the log.", hint="Try again in a second.")
            self._hold(waiting, 1)
            self._queue.append(waiting)
            self._turn.notify()
        return waiting.future

    def close(self) -> None:
        """Commit what waits, and take no more."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        self._thread.join()

    def _run(self) -> None:
        group: list[_Waiting[W, R]] = []
        try:
            while (group := self._take()) or not self._closed:
                if not group:
                    continue
                try:
                    reach("before append")
                    results = self._commit([waiting.work for waiting in group])
                except Unavailable as error:
                    self.trouble = error.message
                    self._fail(group)
                    continue
                reach("after append commit")
                self.trouble = ""
                self._release(group)
                for waiting, result in zip(group, results, strict=True):
                    waiting.future.set_result(result)
        finally:
            # Should this thread ever die, nobody may wait for it in vain.
            with self._turn:
                self._closed = True
                group = [*group, *self._queue]
                self._queue.clear()
            self._fail([waiting for waiting in group if not waiting.future.done()])

    def _take(self) -> list[_Waiting[W, R]]:
        group: list[_Waiting[W, R]] = []
        count = 0
        with self._turn:
            self._turn.wait_for(lambda: self._queue or self._closed)
            while self._queue and count < self._group:
                waiting = self._queue.popleft()
                if waiting.future.set_running_or_notify_cancel():
                    group.append(waiting)
                    count += waiting.count
                else:
                    self._hold(waiting, -1)
        return group

    def _hold(self, waiting: _Waiting[W, R], sign: int) -> None:
        self._count += sign * waiting.count
        self._size += sign * waiting.size

    def _release(self, group: Sequence[_Waiting[W, R]]) -> None:
        with self._turn:
            for waiting in group:
                self._hold(waiting, -1)

    def _fail(self, group: Sequence[_Waiting[W, R]]) -> None:
        self._release(group)
        for waiting in group:
            waiting.future.set_exception(
                Unavailable(
                    f"The log cannot be written: {self.trouble or 'it was closed.'}",
                    hint="Nothing was accepted; try again.",
                )
            )
