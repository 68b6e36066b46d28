"""An extension: what every tea merchant wants to know about customers."""

from pathlib import Path


class TeaTrade:
    """Attributes and entities of the tea trade."""

    name = "tea trade"

    def definitions(self) -> list[Path]:
        """Return the definition files."""
        return [Path(__file__).with_suffix(".yaml")]
