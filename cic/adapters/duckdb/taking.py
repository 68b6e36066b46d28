"""How facts and their owners come into the file, in one transaction of whoever calls."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

import duckdb
import numpy as np
import orjson

from cic.adapters.duckdb.laying import ADD_CUSTOMERS, Notes, columns_of_rows
from cic.columns import text_literal
from cic.history import LINE, WORDS
from cic.ports import FactRow, HistorySource, Mirror, News

CHUNK = 20_000
OWNERS = "kept.owner"
_WHOLE = {"position", "time", "received"}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.\w")
_LONG = re.compile(r"\d{15}|\d[eE]")
"""Numbers that a fast reader might not keep as they are written."""

_ADD_IDENTITIES = """
INSERT INTO kept.owner (who, identity)
SELECT (SELECT coalesce(max(who), -1) FROM kept.owner) + row_number() OVER (ORDER BY identity),
       identity
FROM (SELECT DISTINCT identity FROM incoming) i
WHERE NOT EXISTS (SELECT 1 FROM kept.owner o WHERE o.identity = i.identity)
"""
_ADD_FACTS = f"""
INSERT INTO kept.fact
SELECT position, who, message_id, source, "type", event, "time", {{day}}, received, actor, loop,
       properties, shared, {", ".join(sql for _, sql in WORDS.values())}
FROM (
    SELECT i.position, o.who, i.message_id, i.source, i."type", i.event,
           make_timestamp(i."time" * 1000) AS "time",
           make_timestamp(i.received * 1000) AS received,
           i.actor, i.loop, i.properties::JSON AS properties,
           coalesce(s.shared, {{cut}})::JSON AS shared
    FROM incoming i JOIN kept.owner o ON o.identity = i.identity
    LEFT JOIN stripped s ON s.position = i.position
) ORDER BY position
"""
_ADD_LINES = f"""
INSERT INTO kept.line
SELECT position, who, source, "time", {{day}},
       {", ".join(sql for name, (_, sql) in WORDS.items() if name not in LINE)},
       {", ".join(sql for _, sql in LINE.values())}
FROM (
    SELECT i.position, o.who, i.source, make_timestamp(i."time" * 1000) AS "time",
           i.properties::JSON AS properties,
           unnest(from_json(json_extract(i.properties::JSON, '/items'), '["JSON"]')) AS item
    FROM incoming i JOIN kept.owner o ON o.identity = i.identity
    WHERE i.event = 'Order Completed' AND json_type(i.properties::JSON, '/items') = 'ARRAY'
) ORDER BY position
"""
_ADD_OBSERVATIONS = """
INSERT INTO kept.observation
SELECT position, who, source, message_id, said.key, make_timestamp("time" * 1000),
       make_timestamp(received * 1000), said.value
FROM (
    SELECT i.*, o.who,
           unnest(map_entries(json_transform(attributes, '"MAP(VARCHAR, VARCHAR)"'))) AS said
    FROM incoming i JOIN kept.owner o ON o.identity = i.identity WHERE attributes <> '{}'
)
"""
_STEPS = (_ADD_IDENTITIES, _ADD_FACTS, _ADD_LINES, _ADD_OBSERVATIONS)
_GIVE_OWNERS = """
UPDATE kept.owner SET customer = i.customer, customer_key = c.customer_key
FROM incoming i LEFT JOIN kept.customer c ON c.customer = i.customer
WHERE kept.owner.identity = i.identity AND kept.owner.customer IS DISTINCT FROM i.customer
"""


def add_facts(
    cursor: duckdb.DuckDBPyConnection,
    source: HistorySource,
    position: int,
    personal: Collection[str],
) -> tuple[int, int]:
    """Take in all facts after a position; return how many there were, and the last one's position."""
    added = 0
    cut, found = _cutting(personal), _suspicious(personal)
    statements = steps(source.zone(), cut)
    more = True
    while more and (rows := source.facts_since(position, CHUNK)):
        # What comes meanwhile has its turn next time: else this would run after them for as long as any come.
        more = len(rows) == CHUNK
        cursor.register("incoming", _fact_columns(rows))
        _strip(cursor, personal, found, cut)
        for statement in statements:
            cursor.execute(statement)
        cursor.unregister("incoming")
        cursor.unregister("stripped")
        position = rows[-1].position
        added += len(rows)
    return added, position


def steps(zone: str, cut: str = "NULL") -> list[str]:
    """Return the statements that take in the facts of ``incoming`` beside ``stripped``, in order.

    Args:
        zone: where the days of the business are counted.
        cut: SQL for properties without what is personal, where it is seen at once; else null.
    """
    day = f"CAST(\"time\" AT TIME ZONE 'UTC' AT TIME ZONE {text_literal(zone)} AS DATE)"
    return [each.replace("{day}", day).replace("{cut}", cut) for each in _STEPS]


def stripped(value: Any, personal: Collection[str]) -> Any:
    """Return properties without what is personal: by its name, or because it is an address.

    >>> stripped({"total": 9, "email": "a@b.cd", "to": {"phone": 1, "note": "ask a@b.cd"}}, {"phone"})
    {'total': 9, 'to': {}}
    """
    if isinstance(value, dict):
        return {
            key: stripped(each, personal)
            for key, each in value.items()
            if key not in personal and not _is_address(each)
        }
    if isinstance(value, list):
        return [stripped(each, personal) for each in value if not _is_address(each)]
    return value


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and "@" in value and _ADDRESS.search(value) is not None


def _names(personal: Collection[str]) -> str:
    return "|".join(re.escape(json.dumps(name)) for name in sorted(personal))


def _suspicious(personal: Collection[str]) -> str:
    """Return SQL that is true for a document (``{0}``) in which something may be personal."""
    pattern = rf"({_names(personal)})\s*:|@|\\u"
    return f"regexp_matches({{0}}, {text_literal(pattern)})"


def _cutting(personal: Collection[str]) -> str:
    """Return SQL for the properties of ``i`` without plain texts of personal names; null where nothing goes.

    Properties are written compactly, and a quote inside a text has a backslash before it. So a name between
    quotes, with a comma or brace right before and a colon right after, is the name of a member.
    """
    if not personal:
        return "NULL"
    member = rf'(?:{_names(personal)}):"[^"\\]*"'
    middle, first = text_literal("," + member), text_literal(rf"\{{{member},?")
    cut = f"regexp_replace(i.properties, {middle}, '', 'g')"
    return f"nullif(regexp_replace({cut}, {first}, '{{', 'g'), i.properties)"


def _strip(
    cursor: duckdb.DuckDBPyConnection, personal: Collection[str], suspicious: str, cut: str
) -> None:
    """Keep beside the few facts that say something personal what others may read of them.

    Only facts in which more is personal than what was cut are looked at one by one.
    """
    found = cursor.execute(
        f"SELECT position, properties FROM (SELECT position, properties, {cut} AS cut FROM incoming i) "
        f"WHERE {suspicious.format('coalesce(cut, properties)')}"
    ).fetchall()
    positions, texts = [], []
    for position, text in found:
        exact = _LONG.search(text) is not None
        whole = json.loads(text) if exact else orjson.loads(text)
        shared = stripped(whole, personal)
        if shared != whole:
            positions.append(position)
            said = (
                json.dumps(shared, ensure_ascii=False, separators=(",", ":"))
                if exact
                else orjson.dumps(shared).decode()
            )
            texts.append(said)
    columns = {
        "position": np.array(positions, dtype=np.int64),
        "shared": np.array(texts, dtype=object),
    }
    cursor.register("stripped", columns)


def give_owners(cursor: duckdb.DuckDBPyConnection, notes: Notes, owners: Mirror) -> None:
    """Say whose each identity is, if any came or went to another customer."""
    version, mark = notes.copied(OWNERS)
    if owners.version and version == owners.version:
        return
    news = News(mark, owners.rows()) if owners.news is None else owners.news(mark)
    pairs = iter(news.rows)
    while part := list(islice(pairs, 10 * CHUNK)):
        cursor.register("incoming", columns_of_rows(owners.columns, part))
        for statement in (_ADD_IDENTITIES, ADD_CUSTOMERS, _GIVE_OWNERS):
            cursor.execute(statement)
        cursor.unregister("incoming")
    notes.note(OWNERS, owners.version, news.mark)


def _fact_columns(rows: Sequence[FactRow]) -> dict[str, Any]:
    columns = zip(FactRow._fields, zip(*rows, strict=True), strict=True)
    return {
        name: np.array(values, dtype=np.int64 if name in _WHOLE else object)
        for name, values in columns
    }
