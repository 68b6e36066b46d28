"""Amounts in several currencies: an answer that adds them up says so."""

from __future__ import annotations

from cic.exploration.picking import words_of
from cic.exploration.questions import Question, Rfm, Table
from cic.running import Queries
from cic.semantics import BASES, Vocabulary
from cic.semantics.bases import Base

_SEEN = "SELECT DISTINCT currency FROM {rows} b WHERE currency IS NOT NULL"


class Currencies:
    """Which currencies amounts are in, as far as each reader sees them."""

    def __init__(self, history: Queries, vocabulary: Vocabulary) -> None:
        self._history = history
        self._vocabulary = vocabulary
        self._known: dict[tuple[str, str], tuple[int, frozenset[str]]] = {}

    def mixed(self, question: Question) -> list[str]:
        """Say of an answer in which currencies are the amounts that it adds up, if it does."""
        found: set[str] = set()
        if "currency" in words_of(question, self._vocabulary):
            return []
        for base in self._added(question):
            found |= self._of(base)
        if len(found) < 2:
            return []
        listed = ", ".join(sorted(found))
        return [
            f"Amounts in {listed} are added up as they stand: split by 'currency', or filter on one."
        ]

    def _added(self, question: Question) -> set[str]:
        """Return on which bases amounts are added up."""
        match question:
            case Rfm():
                return {"facts"}
            case Table(measures=measures):
                money = [self._vocabulary.measures[name] for name in measures]
                return {
                    each.base
                    for each in money
                    if each.unit == "money" and "currency" in BASES[each.base].dimensions
                }
            case _:
                return set()

    def _of(self, name: str) -> frozenset[str]:
        """Return the currencies on a base; of facts only those are looked at that are new."""
        sight, base = self._history.sight(), BASES[name]
        if sight.hidden & {"currency"} or (sight.views and base.rows not in sight.views):
            return frozenset()
        position = self._history.position()
        before, known = self._known.get((sight.key, name), (0, frozenset()))
        if before > position:
            before, known = 0, frozenset()
        if before < position or not _told_by_position(base):
            sql = _SEEN.format(rows=base.rows)
            if _told_by_position(base):
                sql += f" AND position > {before}"
            rows = self._history.history.query(sql, rows=100, sight=sight).rows
            known = known | {str(currency) for (currency,) in rows}
            self._known[(sight.key, name)] = (position, known)
        return known


def _told_by_position(base: Base) -> bool:
    return base.rows in ("facts", "lines")
