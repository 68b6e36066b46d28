"""Models at work: train on history, publish scores as facts, remember what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cic.segmentation import Segmentation
from cid.kit.definitions import Definitions
from cii.facade import Integration
from icustomer.history import History


class Models:
    """The scores of a company."""

    def __init__(
        self,
        definitions: Definitions,
        history: History,
        segmentation: Segmentation,
        integration: Integration,
        data: Path,
    ) -> None:
        self._data = data

    def report(self, name: str, *, train: bool) -> dict[str, Any]:
        """Return what is known of a model; with ``train`` learn anew first."""
        return {"name": name, "published": False}
