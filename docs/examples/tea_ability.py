"""A capability of one's own, with the measure that shows it."""

from pathlib import Path


class TeaAbility:
    """Ships definitions of capabilities and measures."""

    name = "tea"

    def definitions(self) -> list[Path]:
        """Return the definition files, in the order they are read."""
        return [Path(__file__).with_suffix(".yaml")]
