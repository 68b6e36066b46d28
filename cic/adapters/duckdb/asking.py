"""What may be asked: one SELECT that reads history, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import duckdb

from cid.kit.errors import InvalidInput, Refused

HINT = "Ask one SELECT over facts, customers, attributes, memberships and the other views."

_DENIED = {
    # These make huge values before any limit on memory or time can act …
    *("repeat", "lpad", "rpad", "bitstring", "list_resize", "array_resize"),
    # … and these act on the engine, or hide another query in a text.
    *(
        "checkpoint",
        "force_checkpoint",
        "query",
        "query_table",
        "write_log",
        "truncate_duckdb_logs",
    ),
}


def one_select(cursor: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """Return the one SELECT that a text holds.

    Raises:
        InvalidInput: it is not one statement.
        Refused: it is something else, or calls a function that may not be called.
    """
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise InvalidInput(f"This holds {len(statements)} SQL statements.", hint=HINT)
    tree: dict[str, Any] = {}
    if statements[0].type == duckdb.StatementType.SELECT:
        found = cursor.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()
        tree = json.loads(found[0]) if found else {}
    if tree.get("error", True):
        raise Refused("Only a SELECT can be asked here; nothing can be changed.", hint=HINT)
    denied = sorted(_DENIED.intersection(_functions(tree)))
    if denied:
        raise Refused(f"The function {denied[0]!r} cannot be used here.", hint=HINT)
    return statements[0]


def _functions(tree: Any) -> Iterator[str]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(name := node.get("function_name"), str):
                yield name.lower()
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def explain(error: duckdb.Error) -> NoReturn:
    """Say what was wrong with a query, in the words of this product."""
    message = first_line(error)
    if isinstance(error, duckdb.PermissionException) or "read-only mode" in message:
        raise Refused(
            "History can only be read, and nothing outside it can be reached.", hint=HINT
        ) from None
    if isinstance(error, duckdb.OutOfMemoryException):
        raise InvalidInput(
            "The query needs more memory than it may have.",
            hint="Ask for a shorter period or aggregate earlier.",
        ) from None
    raise InvalidInput(f"The SQL cannot be answered: {message}", hint=HINT) from None


def first_line(error: duckdb.Error) -> str:
    """Return what an error says, and what was probably meant."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0].partition("Error: ")[2] or lines[0] if lines else type(error).__name__
    meant = next((line for line in lines[1:] if line.startswith(("Did you mean", "Candidate"))), "")
    return f"{message} {meant}".strip()
