"""An action: a letter, laid into the outbox for the print shop."""

import os
from collections.abc import Mapping
from typing import Any

from cid.kit.errors import Refused, Unavailable
from context.ports import ActionRow, Effects


class Letter:
    """Write a letter; it is carried out after the commit, at least once."""

    name = "letter"
    local = False

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters of a rule, or None."""
        return None if parameters.get("text") else "`text` is missing: what does it say?"

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Write the file; it is named after the row, so twice is once."""
        if len(str(row.parameters["text"])) > 2_000:
            raise Refused("A letter has one page.")
        target = effects.directory / f"{row.id}.letter"
        draft = target.with_suffix(".tmp")
        try:
            effects.directory.mkdir(parents=True, exist_ok=True)
            draft.write_text(f"{row.customer}\n\n{row.parameters['text']}\n", encoding="utf-8")
            os.replace(draft, target)
        except OSError as error:
            raise Unavailable(f"The letter could not be written: {error.strerror}.") from error
