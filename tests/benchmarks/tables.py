"""How many decisions per second one table of 20 rows and 5 inputs makes, and how many another engine.

Run ``python tests/benchmarks/tables.py [seconds]``; each line of output is one JSON object. The other engine
is zen-engine, where it is installed; all are asked the same questions and must give the same answers.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from context.decision import Model
from context.diagrams import DecisionModel

SEED = 20_261
REGIONS = ("FR", "DE", "CN", "US", "GB")
TIERS = ("gold", "silver", "bronze")
INPUTS = ("spend", "age", "region", "tier", "orders")


def rows(chance: random.Random) -> list[list[Any]]:
    """Make the rows: ranges, comparisons, sets of texts, and cells that take anything."""
    made = []
    for number in range(19):
        low = chance.randrange(0, 900)
        age = chance.randrange(18, 60)
        made.append(
            [
                f"[{low}..{low + 150})" if number % 3 else f">= {low}",
                f"[{age}..{age + 15}]" if number % 2 else "-",
                f'"{chance.choice(REGIONS)}", "{chance.choice(REGIONS)}"' if number % 4 else "-",
                f'"{chance.choice(TIERS)}"' if number % 5 else "-",
                f"< {chance.randrange(2, 30)}" if number % 3 else "-",
                f'"offer {number}"',
            ]
        )
    return [*made, ["-", "-", "-", "-", "-", '"none"']]


def questions(chance: random.Random, count: int) -> list[dict[str, Any]]:
    return [
        {
            "spend": chance.randrange(0, 1_000),
            "age": chance.randrange(18, 80),
            "region": chance.choice(REGIONS),
            "tier": chance.choice(TIERS),
            "orders": chance.randrange(0, 40),
        }
        for _ in range(count)
    ]


def zen(table: list[list[Any]]) -> Iterator[tuple[str, Callable[[dict[str, Any]], Any]]]:
    """Give the other engine with the same table, where it is installed."""
    try:
        import zen
    except ImportError:
        return
    fields = [
        {"id": f"i{at}", "name": name, "field": name, "type": "expression"}
        for at, name in enumerate(INPUTS)
    ]
    rules = [
        {
            "_id": f"r{number}",
            **{f"i{at}": "" if row[at] == "-" else row[at] for at in range(5)},
            "o": row[5],
        }
        for number, row in enumerate(table)
    ]
    content = {
        "hitPolicy": "first",
        "inputs": fields,
        "outputs": [{"id": "o", "name": "offer", "field": "offer", "type": "expression"}],
        "rules": rules,
    }
    graph = json.dumps(
        {
            "contentType": "application/vnd.gorules.decision",
            "nodes": [
                {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
                {
                    "id": "t",
                    "type": "decisionTableNode",
                    "name": "t",
                    "position": {"x": 0, "y": 0},
                    "content": content,
                },
                {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 0, "y": 0}},
            ],
            "edges": [
                {"id": "e1", "sourceId": "in", "targetId": "t", "type": "edge"},
                {"id": "e2", "sourceId": "t", "targetId": "out", "type": "edge"},
            ],
        }
    )
    static = zen.ZenEngine({"loader": {"type": "static", "content": {"table": json.loads(graph)}}})
    yield "zen-engine by key", lambda said: static.evaluate("table", said)["result"]["offer"]
    decision = zen.ZenEngine().create_decision(graph)
    yield "zen-engine by decision", lambda said: decision.evaluate(said)["result"]["offer"]


def rate(ask: Callable[[dict[str, Any]], Any], asked: list[dict[str, Any]], seconds: float) -> int:
    """Ask again and again for a while; the best of three."""
    best = 0.0
    for _ in range(3):
        count, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds / 3:
            for said in asked:
                ask(said)
            count += len(asked)
        best = max(best, count / passed)
    return round(best)


def main(seconds: float = 3.0) -> None:
    chance = random.Random(SEED)
    table = rows(chance)
    asked = questions(chance, 500)
    grid = {"inputs": list(INPUTS), "outputs": ["offer"], "hit": "first", "rows": table}
    model = Model(
        DecisionModel.model_validate(
            {
                "inputs": dict.fromkeys(INPUTS, ""),
                "decisions": {"offer": {"needs": list(INPUTS), "is": {"table": grid}}},
            }
        )
    )
    ours = model.table("offer")
    expected = [ours(said) for said in asked]
    found = {}
    engines = [
        ("table", ours),
        ("model", lambda said: model.evaluate("offer", said)),
        *zen(table),
    ]
    for name, ask in engines:
        same = sum(ask(said) == wanted for said, wanted in zip(asked, expected, strict=True))
        found[name] = rate(ask, asked, seconds)
        line = {
            "case": "20 rows, 5 inputs, first hit",
            "engine": name,
            "per_second": found[name],
            "same_answers": f"{same}/{len(asked)}",
            "table_is_times_faster": round(found["table"] / found[name], 1),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
