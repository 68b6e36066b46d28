"""Runs a page of the documentation as a reader would: block by block, in an empty directory.

* a block with a title (``yaml title="acme/tea.yaml"``) is a file, and is written;
* in ``console`` blocks each ``$ icustomer …`` is carried out; lines below it must occur in the
  output in this order, where ``…`` stands for anything;
* ``python`` blocks share their names; a ``text`` block after one is what it prints;
* ``<!-- fails -->`` above a block says that its commands end with an error;
* every other block (``sh``, ``json``, …) is for the eye.
"""

import contextlib
import io
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from icustomer.cli import main

FENCE = re.compile(r"(<!-- (\w+) -->\n)?```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass
class Block:
    language: str
    title: str
    text: str
    mark: str


def blocks(page: Path) -> list[Block]:
    found = []
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        title = TITLE.search(match[4])
        found.append(Block(match[3], title[1] if title else "", match[5], match[2] or ""))
    return found


class Reader:
    """Does what a page says, in the present directory."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self._names = {"__name__": "page"}
        self._printed = ""

    def follow(self, page: Path) -> None:
        for block in blocks(page):
            if block.title.startswith(("docs/", "icustomer/")):
                continue
            if block.title:
                path = Path(block.title)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.language == "console":
                self._console(block)
            elif block.language == "python":
                self._printed = self._python(block.text, str(page))
            elif block.language == "text":
                expect(block.text, self._printed)

    def _console(self, block: Block) -> None:
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            code, output = self.run(command)
            assert (code != 0) is (block.mark == "fails"), f"$ {command}\n{output}"
            expect(expected, output)

    def run(self, command: str) -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "argv", shlex.split(command))
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                main()
            except SystemExit as ended:
                return int(ended.code or 0), output.getvalue()
        return 0, output.getvalue()

    def _python(self, text: str, name: str) -> str:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(text, name, "exec"), self._names)
        return output.getvalue()


def expect(expected: str, output: str) -> None:
    """Find each expected line in the output, in this order, whatever the spaces between words."""
    plain = " ".join(output.split())
    at = 0
    for line in expected.splitlines():
        wanted = " ".join(line.split())
        if wanted.strip("… "):
            pattern = ".*?".join(re.escape(part.strip()) for part in wanted.split("…"))
            found = re.compile(pattern).search(plain, at)
            assert found, f"expected: {line}\nafter: {plain[:at][-200:]}\nin:\n{output}"
            at = found.end()
