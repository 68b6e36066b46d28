"""Who uses what: from an attribute, trait or segment to the segments, rules and tables that read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from cic.model import SCORES
from cic.segmentation import Segmentation
from cid.kit.definitions import Definitions
from context.decision import ReadyRule
from context.model import TABLES


class Lineage:
    """The readers of every word."""

    def __init__(
        self, definitions: Definitions, segmentation: Segmentation, rules: Mapping[str, ReadyRule]
    ) -> None:
        self._definitions = definitions
        self._segmentation = segmentation
        self._readers: Mapping[str, set[str]] = {}
        self.read(rules)

    def read(self, rules: Mapping[str, ReadyRule]) -> None:
        """Learn anew who reads what, where rules or tables have changed."""
        readers: dict[str, set[str]] = defaultdict(set)
        vocabulary = self._segmentation.vocabulary
        for name, condition in zip(vocabulary.segments, self._segmentation.conditions, strict=True):
            for word in (*condition.words, *condition.attributes):
                readers[word].add(f"cic.segments.{name}")
        for name, entry in self._definitions.of(SCORES).items():
            for word in entry.value.features:
                readers[word].add(f"cic.scores.{name}")
        for name, table in self._definitions.of(TABLES).items():
            for word in table.value.inputs:
                readers[word].add(f"context.tables.{name}")
        for name, rule in rules.items():
            on = rule.entry.value.on
            words = {*rule.condition.words, on.entered, on.left, on.segment}
            for word in words:
                readers[word].add(f"context.rules.{name}")
        self._readers = readers

    def readers_of(self, word: str) -> list[str]:
        """Return what reads an attribute, trait or segment."""
        return sorted(self._readers.get(word, ()))
