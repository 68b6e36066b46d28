"""A scorer with scikit-learn: a scorecard, calibrated on a later moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cic.ports import Example, Reason

BANDS = 8
"""Most bands into which the values of a feature fall; a missing value has a band of its own."""
_SETTINGS: dict[str, Any] = {"C": 0.3, "solver": "newton-cholesky"}


class CalibratedClassifier:
    """A scorecard: each band of each feature adds to the odds, as logistic regression has learned.

    Bands take missing values and curves as they are, and every point of a score can be told. Its
    probabilities are then set right (Platt) on more recent examples.
    """

    def __init__(self) -> None:
        self._features: tuple[str, ...] = ()
        self._edges: list[Any] = []
        self._points: list[Any] = []
        self._usual: list[float] = []
        self._base = 0.0
        self._slope, self._shift = 1.0, 0.0

    def fit(
        self, features: Sequence[str], examples: Sequence[Example], recent: Sequence[Example]
    ) -> None:
        """Learn from examples; calibrate the probabilities on more recent ones."""
        self._features = tuple(features)
        columns = _columns(examples, len(features))
        self._edges = [_edges(column) for column in columns]
        bands = self._bands(columns)
        sizes = [len(edges) + 2 for edges in self._edges]
        hot = np.hstack([np.eye(size)[band] for size, band in zip(sizes, bands, strict=True)])
        # One thread: the same sums in the same order everywhere, and no fight over the cores.
        with threadpool_limits(1):
            learned = LogisticRegression(**_SETTINGS).fit(hot, _labels(examples))
        self._base = float(learned.intercept_[0])
        self._points = np.split(learned.coef_[0], np.cumsum(sizes)[:-1])
        # What is usual is the mean of all examples: effects are against the average customer.
        self._usual = [
            float(points[band].mean()) for points, band in zip(self._points, bands, strict=True)
        ]
        odds = self._odds(self._told(recent)).reshape(-1, 1)
        with threadpool_limits(1):
            platt = LogisticRegression(C=1e6).fit(odds, _labels(recent))
        self._slope, self._shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])

    def predict(self, examples: Sequence[Example]) -> list[float]:
        """Return a probability for each example."""
        return [float(each) for each in self._probability(self._odds(self._told(examples)))]

    def explain(self, examples: Sequence[Example], top: int = 3) -> list[tuple[Reason, ...]]:
        """Say how far each feature moved the probability from what is usual."""
        if not examples:
            return []
        told = self._told(examples)
        odds = self._odds(told)
        moved = (told - np.array(self._usual)).T
        effects = (self._probability(odds) - self._probability(odds - moved)).T
        strongest = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :top]
        return [
            tuple(
                Reason(self._features[index], example.features[index], round(float(own[index]), 4))
                for index in chosen
                if abs(own[index]) >= 0.0001
            )
            for example, chosen, own in zip(examples, strongest, effects, strict=True)
        ]

    def describe(self) -> dict[str, Any]:
        """Say what kind of model it is and with which settings."""
        return {
            "kind": "scorecard (logistic regression on bands), sigmoid calibration",
            "bands": BANDS,
            **_SETTINGS,
        }

    def _told(self, examples: Sequence[Example]) -> Any:
        """Return the points of each example for each feature."""
        bands = self._bands(_columns(examples, len(self._features)))
        points = zip(self._points, bands, strict=True)
        return np.column_stack([own[band] for own, band in points])

    def _bands(self, columns: Any) -> list[Any]:
        return [
            np.where(np.isnan(column), len(edges) + 1, np.searchsorted(edges, column, side="right"))
            for edges, column in zip(self._edges, columns, strict=True)
        ]

    def _odds(self, told: Any) -> Any:
        return self._base + told.sum(axis=1)

    def _probability(self, odds: Any) -> Any:
        return 1 / (1 + np.exp(-(self._slope * odds + self._shift)))


def _edges(column: Any) -> Any:
    known = column[~np.isnan(column)]
    if not len(known):
        return np.empty(0)
    # The smallest value is no edge: nothing lies below it.
    edges = np.unique(np.quantile(known, np.arange(1, BANDS) / BANDS, method="higher"))
    return edges[edges > known.min()]


def _columns(examples: Sequence[Example], width: int) -> Any:
    rows = [
        [np.nan if value is None else value for value in example.features] for example in examples
    ]
    return np.array(rows, dtype=float).reshape(len(rows), width).T


def _labels(examples: Sequence[Example]) -> Any:
    return np.array([bool(example.label) for example in examples])
