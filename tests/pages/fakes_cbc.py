"""The capabilities of the company of ``fakes.py``: the real ones, on a history in memory."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from cbc.capabilities import Builtin
from cbc.facade import Capabilities
from cbc.model import SECTIONS
from cbc.testing import MemoryHistory
from cic.model import SECTIONS as CIC
from cid.kit.clock import DAY, HOUR, ManualClock, format_time
from cid.kit.definitions import load
from tests.pages.fakes import ANN, JONAS, NAMES, NOW

PAGES = [
    "/capabilities",
    "/capabilities/loyalty",
    "/capabilities/optimised%20campaigns?as_of=2026-11-01",
    "/capabilities/product%20usage",
    "/measures",
    "/measures?as_of=2026-11-01",
    "/measures/retention",
    "/measures/tasks%20on%20time",
    "/measures/usage%20known",
    "/measures/broken",
    "/loops/l_81",
]
OWN = """
measures:
  broken:
    title: {en: Broken, zh: 有误的指标}
    formula: nothing
    rows: SELECT nothing FROM nowhere
goals:
  keep them:
    title: {en: Keep them, zh: 留住他们}
    capability: loyalty
    measure: retention
    target: 0.6
    until: "2026-12-31"
"""


class Cbc(Capabilities):
    """Capabilities of a company with a year of orders, ratings, tasks and one closed loop."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "own.yaml").write_text(OWN, encoding="utf-8")
            definitions, errors = load(Path(folder), (*SECTIONS, *CIC), Builtin().definitions())
        assert errors == []
        super().__init__(definitions, _history(), ManualClock(NOW))


def _history() -> MemoryHistory:
    history, dice = MemoryHistory(), random.Random(7)
    for customer, name in NAMES.items():
        history.add(
            "customers", customer=customer, name=name, first_seen=_before(400), last_seen=_before(1)
        )
    for _ in range(160):
        customer, days = dice.choice(list(NAMES)), dice.randrange(1, 400)
        history.fact(
            customer,
            "Order Completed",
            _before(days),
            order_id=f"o{days}",
            total=dice.randrange(2_000, 30_000) / 100,
            currency="EUR",
            categories=[dice.choice(("tents", "stoves", "boots"))],
        )
    for days in range(1, 90, 4):
        history.fact(
            dice.choice(list(NAMES)),
            "Case Rated",
            _before(days),
            case_id=f"k{days}",
            score=dice.choice((2, 4, 5, 5)),
        )
        history.add(
            "tasks",
            id=f"t{days}",
            customer=dice.choice(list(NAMES)),
            rule="win back a silent vip",
            title="Call Emma Roth",
            queue="loyalty",
            state="done",
            outcome=dice.choice(("accepted", "rejected")),
            opened_at=_before(days + 1),
            due_at=_before(days),
            closed_at=format_time(NOW - days * DAY + dice.randrange(-9, 3) * HOUR),
            loop=f"x_{days}",
        )
    _loop(history)
    return history


def _loop(history: MemoryHistory) -> None:
    history.add(
        "changes",
        customer=JONAS,
        segment="active",
        kind="left",
        effective_at=_before(9),
        known_at=_before(9),
        cause="time",
        loop="l_81",
    )
    history.add(
        "decisions",
        id="d1",
        rule="win back a silent vip",
        version="1",
        trigger="analysis",
        customer=JONAS,
        at=_before(9),
        fired=True,
        loop="l_81",
    )
    history.add(
        "tasks",
        id="t_jonas",
        customer=JONAS,
        rule="win back a silent vip",
        title="Call Jonas Brandt",
        queue="loyalty",
        state="done",
        outcome="accepted",
        actor="agent",
        opened_at=_before(9),
        due_at=_before(6),
        closed_at=_before(8),
        loop="l_81",
    )
    history.fact(JONAS, "Offer Accepted", _before(8), offer="free ski service", loop="l_81")
    history.fact(JONAS, "Order Completed", _before(5), order_id="back", total=240, currency="EUR")
    history.fact(ANN, "Review Given", _before(3), score=9, text="The zip is broken")


def _before(days: int) -> str:
    return format_time(NOW - days * DAY)
