"""The capabilities and measures that come with the product, as the same files a company writes."""

from __future__ import annotations

from pathlib import Path

from cbc.capabilities.links import dead_links, elements

__all__ = ["Builtin", "dead_links", "elements"]


class Builtin:
    """The five business capabilities, the ten of a world-class company, and their measures."""

    name = "builtin"

    def definitions(self) -> list[Path]:
        """Return the definition files, in the order they are read."""
        return sorted(Path(__file__).parent.glob("*.yaml"))
