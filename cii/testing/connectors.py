"""What every reader of files must do, as tests."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from cid.kit.errors import InvalidInput, NotFound
from cii.ports import Connector


class ConnectorContract:
    """What a reader of files must do; a subclass implements ``connector`` and ``write``."""

    suffix = ""
    """How the files' names end, e.g. ``.csv``."""
    text = True
    """Whether it is a text format, which may be compressed with gzip."""
    broken_file = gzip.compress(b"half a file" * 99)[:-9]
    """A file that cannot be read at all."""
    broken_line: tuple[bytes, int] | None = None
    """A file of three rows, ``r1`` and ``r3`` good, and the line of the one that cannot be read."""
    options = {"delimiter": ",", "encoding": "utf-8"}

    def connector(self) -> Connector:
        """Make the reader."""
        raise NotImplementedError

    def write(self, path: Path, rows: Sequence[dict[str, str]]) -> None:
        """Write rows as such a file; all have the columns ``id`` and ``name``."""
        raise NotImplementedError

    def read(self, path: Path) -> list[dict[str, object]]:
        """Read the whole file."""
        return list(self.connector().rows(path, self.options))

    def test_it_is_a_connector(self) -> None:
        """It has all methods."""
        assert isinstance(self.connector(), Connector)

    def test_rows_come_back_as_written_and_in_order(self, tmp_path: Path) -> None:
        """All of them."""
        rows = [{"id": f"r{n}", "name": f"name {n}"} for n in range(5_000)]
        self.write(tmp_path / f"rows{self.suffix}", rows)
        assert self.read(tmp_path / f"rows{self.suffix}") == rows

    def test_unicode_quotes_and_line_breaks_survive(self, tmp_path: Path) -> None:
        """Names are not only ASCII."""
        names = ["王小明", "Zoë Åström", 'Joe "JJ", Jr.', "two\nlines", "🙂"]
        rows = [{"id": f"r{n}", "name": name} for n, name in enumerate(names)]
        self.write(tmp_path / f"客户{self.suffix}", rows)
        assert self.read(tmp_path / f"客户{self.suffix}") == rows

    def test_a_file_without_rows_gives_no_rows(self, tmp_path: Path) -> None:
        """That is no error."""
        self.write(tmp_path / f"none{self.suffix}", [])
        assert self.read(tmp_path / f"none{self.suffix}") == []

    def test_a_file_of_zero_bytes_is_no_surprise(self, tmp_path: Path) -> None:
        """It has no rows, or is an error that names it."""
        path = tmp_path / f"empty{self.suffix}"
        path.write_bytes(b"")
        try:
            found = self.read(path)
        except InvalidInput as error:
            found = [] if path.name in str(error) else [{"error": str(error)}]
        assert found == []

    def test_a_broken_file_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        """It is not read in part."""
        path = tmp_path / f"broken{self.suffix}"
        path.write_bytes(self.broken_file)
        with pytest.raises(InvalidInput, match="broken"):
            self.read(path)

    def test_a_broken_line_does_not_lose_the_others(self, tmp_path: Path) -> None:
        """It becomes a row that says why and which line it is, so that the ledger knows of it."""
        if self.broken_line is None:
            pytest.skip("the format has no lines")
        content, line = self.broken_line
        path = tmp_path / f"line{self.suffix}"
        path.write_bytes(content)
        first, broken, last = self.read(path)
        assert (first["id"], last["id"]) == ("r1", "r3")
        assert broken["_line"] == line
        assert broken["_fault"]

    def test_a_file_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        """It says which."""
        with pytest.raises((InvalidInput, NotFound), match="missing"):
            self.read(tmp_path / f"missing{self.suffix}")

    def test_gzip_is_read_through(self, tmp_path: Path) -> None:
        """A text file with ``.gz`` behind its name gives the same rows; half of one is an error."""
        if not self.text:
            pytest.skip("the format has its own compression")
        rows = [{"id": f"r{n}", "name": "ann"} for n in range(100)]
        plain = tmp_path / f"rows{self.suffix}"
        self.write(plain, rows)
        packed = gzip.compress(plain.read_bytes())
        whole = tmp_path / f"whole{self.suffix}.gz"
        whole.write_bytes(packed)
        assert self.read(whole) == rows
        half = tmp_path / f"half{self.suffix}.gz"
        half.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(InvalidInput, match="half"):
            self.read(half)
