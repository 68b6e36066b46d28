"""A connector: the rows of the first table in a SQLite file, as many tools export them."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from cid.kit.errors import InvalidInput, NotFound

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 1"


class SqliteRows:
    """Reads a table, row by row."""

    def rows(self, path: Path, options: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file, in order.

        Raises:
            InvalidInput: the file is no database that can be read.
        """
        if not path.is_file():
            raise NotFound("file", path.name)
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            try:
                table = database.execute(TABLES).fetchone()
                if table is not None:
                    quoted = table["name"].replace('"', '""')
                    for row in database.execute(f'SELECT * FROM "{quoted}"'):
                        yield dict(row)
            except sqlite3.DatabaseError as error:
                raise InvalidInput(f"{path.name}: not a SQLite file: {error}.") from error
