"""Models at work: train on history, publish the scores as facts, remember how good they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from cic.conditions import shown
from cic.model import SCORES, TRAITS
from cic.ports import SCORERS
from cic.scoring import train
from cic.segmentation import Segmentation
from cid.kit.definitions import Definitions
from cid.kit.failpoints import reach
from cid.kit.ids import stable_id
from cii.facade import Integration
from icustomer.history import History

SOURCE = "cic"


class Models:
    """The scores of a company; each published score is a trait, set by facts ``Score Updated``."""

    def __init__(
        self,
        definitions: Definitions,
        history: History,
        segmentation: Segmentation,
        integration: Integration,
        data: Path,
        scorer: str,
    ) -> None:
        self._definitions = definitions
        self._history = history
        self._segmentation = segmentation
        self._integration = integration
        self._directory = data / "models"
        self._scorer = scorer

    def report(self, name: str, *, train: bool) -> dict[str, Any]:
        """Return what is known of a model; with ``train`` learn anew first."""
        if train:
            return self.learn(name)
        entry = self._definitions.get(SCORES, name)
        known: dict[str, Any] = {"published": False, "why": "It has not been trained yet."}
        path = self._path(name)
        if path.is_file():
            known = orjson.loads(path.read_bytes())
        title = entry.value.title.model_dump() if entry.value.title else None
        return {"name": name, "title": title, "event": entry.value.event, **known}

    def learn(self, name: str) -> dict[str, Any]:
        """Train a model as of the present moment of the records, and publish it if it earned that."""
        entry = self._definitions.get(SCORES, name)
        traits = {
            each: trait
            for each, trait in self._definitions.of(TRAITS).items()
            if each in entry.value.features
        }
        self._history.take_facts()
        moment = self._segmentation.now
        report = train(self._history.engine, entry, traits, SCORERS.load(self._scorer), moment)
        reach("before scores")
        if report.published:
            self._integration.append(
                self._integration.own_message(
                    "Score Updated",
                    customer=scored.customer,
                    properties={
                        "score": name,
                        "value": scored.probability,
                        "version": report.version,
                        "reasons": shown([reason._asdict() for reason in scored.reasons]),
                    },
                    actor="model",
                    loop="",
                    message_id=stable_id("score", name, report.version, scored.customer),
                    at=moment,
                    source=SOURCE,
                )
                for scored in report.scores
            )
            self._integration.pipeline.run(5_000)
        self._directory.mkdir(parents=True, exist_ok=True)
        reach("after scores")
        path = self._path(name)
        draft = path.with_suffix(".tmp")
        draft.write_bytes(orjson.dumps(report.to_dict()))
        draft.replace(path)
        return self.report(name, train=False)

    def _path(self, name: str) -> Path:
        return self._directory / f"{stable_id('model', name)}.json"
