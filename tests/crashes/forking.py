"""A process that has loaded the program and forks a child for every life: a crash costs no start.

It reads orders, one JSON document a line, and answers each with two lines: the child's process id, and how
the child ended. It has no threads of its own, so that its children are like fresh processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def serve() -> None:
    """Fork for every order until nobody gives any more."""
    import icustomer.build  # noqa: F401
    from cid.kit.errors import Unavailable
    from icustomer.sockets import PORTS
    from tests.crashes import story

    for port in PORTS:
        for name in port.names():
            if name != "sklearn":
                with suppress(Unavailable):
                    port.load(name)
    story.steps()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            code = 70
            try:
                code = story.run(order)
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(child, flush=True)  # noqa: T201
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


class Zygote:
    """The forking process, as tests see it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.crashes.forking import serve; serve()"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._tell()

    def begin(self, **order: Any) -> int:
        """Let a child carry out an order; return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._tell())

    def ended(self) -> int:
        """Wait until the child has ended; return its exit code, the signal below zero."""
        return int(self._tell())

    def run(self, **order: Any) -> int:
        """Let a child carry out an order to its end; return its exit code."""
        self.begin(**order)
        return self.ended()

    def close(self) -> None:
        """End the forking process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def _tell(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the forking process has ended"
        return line.strip()
