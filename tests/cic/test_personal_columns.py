"""What others may read of a fact is the same, whether it was cut out by the engine or taken apart."""

import random

import orjson
import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.adapters.duckdb.taking import stripped
from cic.testing import Facts, fact

PERSONAL = frozenset({"name", "email", "home phone"})
TEXTS = [
    "",
    "x",
    ',"name":"y"',
    '{"name":"y"}',
    "a\\",
    'say "name":',
    "ann@example.org",
    "日本",
    "@",
]
KEYS = ["name", "email", "home phone", "sku", "named", "日本", 'a"name', "to"]


class Personal(Facts):
    """Writes properties as the records do."""

    def facts_since(self, position, limit):
        return [
            row._replace(properties=orjson.dumps(orjson.loads(row.properties)).decode())
            for row in super().facts_since(position, limit)
        ]

    def personal(self):
        return PERSONAL


def document(chance, depth=0):
    """Make some JSON of what could confuse a search in text."""
    kind = chance.random()
    if depth < 3 and (kind < 0.35 or not depth):
        some = chance.sample(KEYS, chance.randint(0, 4))
        return {key: document(chance, depth + 1) for key in some}
    if depth < 3 and kind < 0.45:
        return [document(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return chance.choice([*TEXTS, *TEXTS, 5, 1.5, None, True])


@pytest.mark.parametrize("seed", range(3))
def test_what_is_cut_out_at_once_is_what_would_be_taken_out_piece_by_piece(tmp_path, seed):
    chance = random.Random(seed)
    said = [document(chance) for _ in range(1_000)]
    facts = [fact(number, properties=each) for number, each in enumerate(said, start=1)]
    engine = DuckDbHistory(tmp_path / "history.duckdb")
    engine.sync(Personal(facts))
    rows = engine.query("SELECT properties::VARCHAR FROM kept.shared ORDER BY position", rows=None)
    engine.close()
    for whole, (shown,) in zip(said, rows.rows, strict=True):
        assert orjson.loads(shown) == stripped(whole, PERSONAL), whole
