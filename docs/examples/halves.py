"""A scorer that fits on one page: each feature has two halves, and each half its own odds."""

from collections.abc import Sequence
from math import exp, log
from statistics import median
from typing import Any

from cic.ports import Example, Reason


class Halves:
    """Adds up, feature by feature, how much more likely people of this half were."""

    def fit(
        self, features: Sequence[str], examples: Sequence[Example], recent: Sequence[Example]
    ) -> None:
        """Learn the odds of each half; set the level right on more recent examples."""
        self._features = tuple(features)
        self._middles = []
        self._gains = []
        for index in range(len(features)):
            known = [e for e in examples if e.features[index] is not None]
            middle = median(e.features[index] or 0.0 for e in known) if known else 0.0
            above = [e for e in known if (e.features[index] or 0.0) >= middle]
            below = [e for e in known if (e.features[index] or 0.0) < middle]
            self._middles.append(middle)
            self._gains.append((_odds(below) - _odds(examples), _odds(above) - _odds(examples)))
        self._level = 0.0
        happened = sum(bool(e.label) for e in recent) / len(recent)
        # Bisection: the level at which the mean probability is what happened lately.
        low, high = -20.0, 20.0
        for _ in range(50):
            self._level = (low + high) / 2
            too_high = sum(self.predict(recent)) / len(recent) > happened
            low, high = (low, self._level) if too_high else (self._level, high)

    def predict(self, examples: Sequence[Example]) -> list[float]:
        """Return a probability for each example."""
        return [_share(self._level + sum(self._told(e))) for e in examples]

    def explain(self, examples: Sequence[Example], top: int = 3) -> list[tuple[Reason, ...]]:
        """Say how far each feature moved the probability."""
        answers = []
        for e in examples:
            told = self._told(e)
            odds = self._level + sum(told)
            moved = [
                Reason(name, value, _share(odds) - _share(odds - gain))
                for name, value, gain in zip(self._features, e.features, told, strict=True)
            ]
            answers.append(tuple(sorted(moved, key=lambda r: -abs(r.effect))[:top]))
        return answers

    def describe(self) -> dict[str, Any]:
        """Say what kind of model it is."""
        return {"kind": "odds of two halves", "middles": self._middles}

    def _told(self, example: Example) -> list[float]:
        return [
            0.0 if value is None else gains[value >= middle]
            for value, middle, gains in zip(
                example.features, self._middles, self._gains, strict=True
            )
        ]


def _odds(examples: Sequence[Example]) -> float:
    happened = sum(bool(e.label) for e in examples)
    return log((happened + 1) / (len(examples) - happened + 1))


def _share(odds: float) -> float:
    return 1 / (1 + exp(-odds))
