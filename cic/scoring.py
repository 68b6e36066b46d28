"""Scoring: how likely is a customer to do something soon? Honest, or not published.

The model learns at past moments from what was known then, and is tested on a moment it has never
seen: the last one whose outcome is known. It is published only if, on that moment, it is better
than a naive baseline that anyone could draw up (the rate by days since the last time), beyond what
chance explains.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from cic.batch import Traits, compute
from cic.columns import text_literal
from cic.model import Score, Trait
from cic.ports import Engine, Example, Scored, Scorer
from cid.kit.clock import DAY, format_time, parse_duration, to_millis
from cid.kit.definitions import Entry
from cid.kit.errors import suggestion
from cid.kit.ids import content_hash

BASELINE = "rate by days since the last time"
EDGES = (7, 14, 30, 60, 90, 180, 365)
ENOUGH = 100
"""Fewest customers at a moment from whom anything is learned or tested."""
RESAMPLES = 1_000
SEED = 20_260_101
_NUMBERS = frozenset({bool, int, float, Decimal})


@dataclass(frozen=True)
class Measured:
    """How good probabilities were: smaller log loss is better, larger AUC is better."""

    log_loss: float
    auc: float


@dataclass(frozen=True)
class Report:
    """What became of a model: how it was tested, against what, and whether it may be used."""

    score: str
    version: str
    trained_at: int
    published: bool
    why: str
    event: str
    within: int
    features: tuple[str, ...] = ()
    moments: tuple[int, ...] = ()
    knowledge: str = ""
    """``received``: features use only what had been received at the moment; ``event time``: history
    was loaded afterwards, so features use what had happened by then."""
    examples: int = 0
    tested: int = 0
    base_rate: float = 0.0
    model: Measured | None = None
    baseline: Measured | None = None
    gain: tuple[float, float, float] | None = None
    """How much smaller the log loss is than the baseline's, with a 95 % interval."""
    auc_gain: tuple[float, float, float] | None = None
    calibration: tuple[tuple[float, float, int], ...] = ()
    """(predicted, happened, customers) by tenths of the tested customers."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Scored, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report, without the scores themselves, as JSON can carry it."""
        return {
            "score": self.score,
            "version": self.version,
            "trained_at": format_time(self.trained_at),
            "published": self.published,
            "why": self.why,
            "event": self.event,
            "within_days": self.within / DAY,
            "features": list(self.features),
            "moments": [format_time(moment) for moment in self.moments],
            "knowledge": self.knowledge,
            "examples": self.examples,
            "tested": self.tested,
            "base_rate": self.base_rate,
            "model": None if self.model is None else vars(self.model),
            "baseline": None
            if self.baseline is None
            else {"name": BASELINE, **vars(self.baseline)},
            "gain": None if self.gain is None else list(self.gain),
            "auc_gain": None if self.auc_gain is None else list(self.auc_gain),
            "calibration": [
                {"predicted": predicted, "happened": happened, "customers": customers}
                for predicted, happened, customers in self.calibration
            ],
            "settings": dict(self.settings),
            "customers": len(self.scores),
        }


def train(
    engine: Engine, entry: Entry[Score], traits: Traits, make: Callable[[], Scorer], as_of: int
) -> Report:
    """Train, test and, if it earns it, publish a score at a moment.

    Args:
        engine: the history to learn from.
        entry: what to predict and from which traits.
        traits: the company's traits by name.
        make: makes a scorer that has learned nothing yet.
        as_of: the present moment; nothing later is looked at.

    Raises:
        InvalidDefinition: a feature is not a trait, or is a text.
    """
    score, within = entry.value, parse_duration(entry.value.within)
    past = _Past(engine, entry, traits, within, as_of)
    moments = [as_of - within * k for k in range(score.moments, 0, -1)]
    by_moment = {moment: past.examples(moment) for moment in moments}
    usable = [moment for moment in moments if _teaches(by_moment[moment])]
    report = Report(
        entry.name,
        content_hash(f"{entry.version}/{as_of}"),
        as_of,
        False,
        "",
        score.event,
        within,
        features=past.names,
        knowledge=past.knowledge,
        moments=tuple(usable),
    )
    if len(usable) < 3 or usable[-1] != moments[-1]:
        return _with(
            report,
            why=f"There are {len(usable)} past moments with at least {ENOUGH} customers and both "
            "outcomes; 3 are needed, the last one among them.",
        )
    *early, recent, last = usable
    learned = [example for moment in early for example in by_moment[moment]]
    scorer = make()
    scorer.fit(past.names, learned, by_moment[recent])
    tested = by_moment[last]
    happened = np.array([bool(example.label) for example in tested])
    ours = np.array(scorer.predict(tested))
    naive = _baseline([*learned, *by_moment[recent]], tested)
    gain, auc_gain = _gains(ours, naive, happened)
    report = _with(
        report,
        version=content_hash(
            repr((entry.version, as_of, past.versions, learned, scorer.describe()))
        ),
        examples=len(learned) + len(by_moment[recent]),
        tested=len(tested),
        base_rate=round(float(happened.mean()), 4),
        model=_measured(ours, happened),
        baseline=_measured(naive, happened),
        gain=gain,
        auc_gain=auc_gain,
        calibration=_calibration(ours, happened),
        settings=scorer.describe(),
    )
    if gain[1] <= 0:
        return _with(
            report,
            why=f"On {len(tested)} customers it was not shown to be better than the {BASELINE}: "
            f"the gain in log loss is {gain[0]:.4f}, between {gain[1]:.4f} and {gain[2]:.4f}.",
        )
    now = past.examples(as_of)
    probabilities, reasons = scorer.predict(now), scorer.explain(now)
    scores = tuple(
        Scored(example.customer, round(probability, 4), why)
        for example, probability, why in zip(now, probabilities, reasons, strict=True)
    )
    return _with(
        report,
        published=True,
        why=f"On {len(tested)} customers at a moment it had never seen it was better than the "
        f"{BASELINE}: the gain in log loss is {gain[0]:.4f}, at least {gain[1]:.4f}.",
        scores=scores,
    )


class _Past:
    """What was known about customers at past moments, and what they did next."""

    def __init__(
        self, engine: Engine, entry: Entry[Score], traits: Traits, within: int, as_of: int
    ) -> None:
        self._engine, self._within, self._as_of = engine, within, as_of
        event = entry.value.event
        for name in entry.value.features:
            if name not in traits:
                raise entry.error(
                    f"the feature {name!r} is no trait.", hint=suggestion(name, traits)
                )
        self._recency = f"days since {event}"
        newest = Trait(of=(event,), last="time")
        self._traits = {name: traits[name] for name in entry.value.features} | {
            self._recency: Entry(self._recency, newest, entry.file, entry.line, "1")
        }
        self._entry = entry
        self.names = tuple(self._traits)
        self.versions = tuple((name, each.version) for name, each in self._traits.items())
        self._times: dict[str, list[int]] = defaultdict(list)
        late = 0
        sql = (
            "SELECT customer, epoch_ms(time), epoch_ms(received) FROM facts "
            f"WHERE customer IS NOT NULL AND event = {text_literal(event)} ORDER BY time"
        )
        rows = engine.query(sql, rows=None, seconds=None).rows
        for customer, time, received in rows:
            if time <= as_of:
                self._times[customer].append(time)
                late += received > time + within
        # Where most facts arrived long after they happened, history was loaded in one go.
        self.knowledge = "event time" if late * 2 > len(rows) else "received"

    def examples(self, moment: int) -> list[Example]:
        """Return those who had done it before a moment; labelled where what followed is known."""
        known = moment if self.knowledge == "received" else None
        values = compute(self._engine, self._traits, moment, known)
        ends = moment + self._within
        examples = []
        for customer in sorted(values):
            own = values[customer]
            if own[self._recency] is None:
                continue
            label = None
            if ends <= self._as_of:
                times = self._times[customer]
                label = bisect_right(times, ends) > bisect_right(times, moment)
            features = tuple(
                [
                    None
                    if (value := own[name]) is None
                    else float(value)
                    if type(value) in _NUMBERS
                    else self._number(name, value, moment)
                    for name in self.names
                ]
            )
            examples.append(Example(customer, moment, features, label))
        return examples

    def _number(self, name: str, value: Any, moment: int) -> float:
        if isinstance(value, datetime):
            return (moment - to_millis(value)) / DAY
        raise self._entry.error(
            f"the feature {name!r} is a text.", hint="A score looks at numbers and moments."
        )


def _teaches(examples: Sequence[Example]) -> bool:
    return len(examples) >= ENOUGH and len({example.label for example in examples}) == 2


def _baseline(learned: Sequence[Example], tested: Sequence[Example]) -> np.ndarray[Any, Any]:
    """Predict the rate at which others did it again who had last done it as long ago."""
    done, all_ = [1.0] * (len(EDGES) + 1), [2.0] * (len(EDGES) + 1)
    for example in learned:
        bucket = bisect_right(EDGES, example.features[-1] or 0.0)
        all_[bucket] += 1
        done[bucket] += bool(example.label)
    buckets = [bisect_right(EDGES, example.features[-1] or 0.0) for example in tested]
    return np.array([done[bucket] / all_[bucket] for bucket in buckets])


def _losses(probabilities: np.ndarray[Any, Any], happened: np.ndarray[Any, Any]) -> Any:
    sure = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return -np.log(np.where(happened, sure, 1 - sure))


def _places(probabilities: Any) -> Any:
    """Return the rank of each probability; equal ones have the same."""
    return np.unique(probabilities, return_inverse=True)[1]


def _auc(place: Any, happened: Any, weights: Any) -> float:
    """Return how often one who did it was ranked above one who did not; a tie counts half."""
    did = np.bincount(place, weights * happened)
    did_not = np.bincount(place, weights * ~happened)
    pairs = did.sum() * did_not.sum()
    if not pairs:
        return 0.5
    return float((did * (did_not.cumsum() - did_not / 2)).sum() / pairs)


def _measured(probabilities: Any, happened: Any) -> Measured:
    loss = float(_losses(probabilities, happened).mean())
    return Measured(
        round(loss, 4), round(_auc(_places(probabilities), happened, np.ones(len(happened))), 4)
    )


def _gains(
    ours: Any, naive: Any, happened: Any
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the gains in log loss and AUC, with intervals from resampling the same customers."""
    saved = _losses(naive, happened) - _losses(ours, happened)
    random, n = np.random.default_rng(SEED), len(happened)
    losses, areas = [], []
    our_places, naive_places = _places(ours), _places(naive)
    for _ in range(RESAMPLES):
        weights = np.bincount(random.integers(0, n, n), minlength=n)
        losses.append(float(saved @ weights) / n)
        areas.append(_auc(our_places, happened, weights) - _auc(naive_places, happened, weights))
    ones = np.ones(n)
    gain = _auc(our_places, happened, ones) - _auc(naive_places, happened, ones)
    return _interval(float(saved.mean()), losses), _interval(gain, areas)


def _interval(middle: float, resampled: list[float]) -> tuple[float, float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return round(middle, 5), round(float(low), 5), round(float(high), 5)


def _calibration(probabilities: Any, happened: Any) -> tuple[tuple[float, float, int], ...]:
    tenths = np.array_split(np.argsort(probabilities, kind="stable"), 10)
    return tuple(
        (
            round(float(probabilities[part].mean()), 4),
            round(float(happened[part].mean()), 4),
            len(part),
        )
        for part in tenths
        if len(part)
    )


def _with(report: Report, **changes: Any) -> Report:
    return Report(**{**vars(report), **changes})
