"""What may be asked: one SELECT that reads history, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NoReturn

import duckdb
import orjson

from cic.adapters.duckdb.expanding import bounded
from cic.adapters.duckdb.modesty import modest
from cid.kit.errors import InvalidInput, Refused, suggestion

HINT = "Ask one SELECT over facts, customers, attributes, memberships and the other views."

_DENIED = {
    # These make huge values before any limit on memory or time can act …
    *("repeat", "lpad", "rpad", "bitstring", "list_resize", "array_resize"),
    "reservoir_quantile",
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


_NOT_FOR_READERS = {
    # These tell what the engine knows of tables that a reader does not see, or of itself …
    *("stats", "getvariable", "current_setting", "current_query", "nextval", "currval", "setval"),
    *("json_serialize_sql", "json_serialize_plan", "json_deserialize_sql", "table_info"),
    "json_execute_serialized_sql",
    # … and these say by an error, or by the time they take, what a condition has met.
    *("error", "pg_sleep", "sleep_ms"),
}
_ROWS = {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"}
"""What a reader may select from …"""
_SERIES = {"range", "generate_series", "unnest", "json_each", "json_tree"}
"""… and the functions among it."""
_INSIDE = re.compile(r"(duckdb_|pg_|pragma_|sqlite_|information_schema)", re.IGNORECASE)


def one_select(
    cursor: duckdb.DuckDBPyConnection, sql: str, views: Collection[str] | None = None
) -> duckdb.Statement:
    """Return the one SELECT that a text holds.

    Args:
        cursor: parses it.
        sql: the text.
        views: the only views that it may read; all there is where None.

    Raises:
        InvalidInput: it is not one statement.
        Refused: it is something else, calls a function that may not be called, or reads elsewhere.
    """
    if "\0" in sql or any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise InvalidInput("The text holds what is no letter.", hint=HINT)
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise InvalidInput(f"This holds {len(statements)} SQL statements.", hint=HINT)
    tree: dict[str, Any] = {}
    if statements[0].type == duckdb.StatementType.SELECT:
        found = cursor.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()
        try:
            tree = orjson.loads(found[0][0])
        except orjson.JSONDecodeError:
            raise InvalidInput("This is nested too deeply.", hint="Write it flatter.") from None
    if tree.get("error", True):
        raise Refused("Only a SELECT can be asked here; nothing can be changed.", hint=HINT)
    nodes = list(_nodes(tree))
    called = {str(node["function_name"]).lower() for node in nodes if "function_name" in node}
    denied = sorted(called & (_DENIED if views is None else _DENIED | _NOT_FOR_READERS))
    if denied:
        raise Refused(f"The function {denied[0]!r} cannot be used here.", hint=HINT)
    if views is not None:
        _only(nodes, views)
        modest(nodes)
        bounded(tree)
    return statements[0]


def _only(nodes: Sequence[dict[str, Any]], views: Collection[str]) -> None:
    """Refuse whatever is not a view that the reader sees, or a part of her own query."""
    own = {
        str(each["key"]).lower()
        for node in nodes
        if isinstance(ctes := node.get("cte_map"), dict)
        for each in ctes.get("map", ())
    }
    for name in sorted(own):
        if _INSIDE.match(name):
            raise Refused(f"No part of a query may be called {name!r}.", hint=HINT)
    known = own | {view.lower() for view in views}
    for node in nodes:
        if "function_name" in node and (node.get("schema") or node.get("catalog")):
            raise Refused("Functions are called by their plain names here.", hint=HINT)
        if "sample" not in node or "alias" not in node:
            continue
        if (kind := node.get("type")) not in _ROWS:
            raise Refused(f"{_word(kind)} cannot be used here.", hint=HINT)
        if kind == "TABLE_FUNCTION":
            name = str(node.get("function", {}).get("function_name", "")).lower()
            if name not in _SERIES:
                raise Refused(f"The function {name!r} cannot be read from here.", hint=HINT)
        if kind == "BASE_TABLE":
            name = str(node.get("table_name", ""))
            if node.get("schema_name") or node.get("catalog_name"):
                raise Refused(
                    f"Views are read by their plain names here: {name}, without what stands before.",
                    hint=HINT,
                )
            if name.lower() not in known:
                raise Refused(
                    f"There is no view {name!r}, or you may not read it.",
                    hint=suggestion(name, views),
                )


def _word(kind: object) -> str:
    return str(kind).replace("_REF", "").replace("_", " ").capitalize()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def explain(error: duckdb.Error, *, discreet: bool = False) -> NoReturn:
    """Say what was wrong with a query, in the words of this product.

    Discreetly means without the values that were met: they may be of rows that the reader does not see.
    """
    message = first_line(error)
    if discreet and not isinstance(error, duckdb.BinderException | duckdb.ParserException):
        message = f"a value does not fit ({type(error).__name__.removesuffix('Exception')})."
    if isinstance(error, duckdb.PermissionException) or "read-only mode" in message:
        raise Refused(
            "History can only be read, and nothing outside it can be reached.", hint=HINT
        ) from None
    if isinstance(error, duckdb.OutOfMemoryException):
        raise InvalidInput(
            "The query needs more memory than it may have.",
            hint="Ask for a shorter period or aggregate earlier.",
        ) from None
    if "'pytz'" in message:
        raise InvalidInput(
            "A moment with a time zone cannot be shown.",
            hint="All moments here are UTC; cast it: now()::VARCHAR.",
        ) from None
    if not message.endswith((".", "!", "?")):
        message += "."
    raise InvalidInput(f"The SQL cannot be answered: {message}", hint=HINT) from None


def first_line(error: duckdb.Error) -> str:
    """Return what an error says, and what was probably meant."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0].partition("Error: ")[2] or lines[0] if lines else type(error).__name__
    meant = next((line for line in lines[1:] if line.startswith(("Did you mean", "Candidate"))), "")
    return f"{message} {meant}".strip()
