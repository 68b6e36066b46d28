"""Extensions that ship with the product: attributes every trader of goods needs."""

from __future__ import annotations

from pathlib import Path


class Retail:
    """The base attributes of customers in trade."""

    name = "retail"

    def definitions(self) -> list[Path]:
        """Return the definition files."""
        return [Path(__file__).parent / "extensions.yaml"]
