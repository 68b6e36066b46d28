"""Errors of the engine in the reader's language: known by the form of their English sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

_PLACE = re.compile(r"\{(\w+)\}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_FREE = ("rest", "why", "example")
"""Places that hold more than a name."""
LONGEST = 600
"""Longer texts hold what somebody has typed, and are left as they are."""
TOGETHER = 4
"""A form has so many sentences at most."""
_SENTENCES = re.compile(r"(?<=[.?])\s+")


@dataclass
class Errors:
    """Sentences of the engine with places for what they name, and how another language says them.

    The engine speaks English, and so do its API and its command line; only pages speak other languages.

    >>> errors = Errors({"There is no {word}.": "没有 {word}。", "Did you mean {name}?": "是 {name} 吗？"})
    >>> errors.say("There is no 'spned'. Did you mean 'spend'?")
    "没有 'spned'。是 'spend' 吗？"
    >>> errors.say("Nobody has said this before.")
    'Nobody has said this before.'
    """

    forms: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _known(self) -> list[tuple[re.Pattern[str], str]]:
        # What leads in another sentence is tried first, then what says more: a form of few words would
        # take the words of another for a name.
        ranked = sorted(
            self.forms, key=lambda form: ("{rest}" not in form, -len(_PLACE.sub("", form)))
        )
        return [(re.compile(_pattern(form), re.DOTALL), self.forms[form]) for form in ranked]

    def say(self, text: str) -> str:
        """Say an error, sentence by sentence; what has no form is left as it is."""
        if not self.forms or len(text) > LONGEST:
            return text
        parts = _SENTENCES.split(text)
        found: list[str] = []
        while parts:
            for count in range(min(len(parts), TOGETHER), 0, -1):
                said = self._one(" ".join(parts[:count]))
                if said is not None:
                    break
            else:
                said, count = f"{parts[0]} ", 1
            found.append(said)
            parts = parts[count:]
        return "".join(found).rstrip()

    def _one(self, text: str) -> str | None:
        for pattern, said in self._known:
            if match := pattern.fullmatch(text):
                words = match.groupdict()
                if any(_goes_on(word) for name, word in words.items() if name not in _FREE):
                    continue
                if "rest" in words:
                    words["rest"] = self.say(words["rest"])
                return _filled(said, words)
        return None


def _filled(said: str, words: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: words.get(place[1], place[0]), said)


def _goes_on(word: str) -> bool:
    """Say whether what was taken for a name goes beyond its sentence."""
    return bool(re.search(r"[.?]\s", _QUOTED.sub("", word)))


def _pattern(form: str) -> str:
    parts = _PLACE.split(form)
    return "".join(
        f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
