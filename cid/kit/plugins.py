"""The one door for plugins: ours and everybody else's come in through entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from cid.kit.errors import Conflict, NotFound, Unavailable

T = TypeVar("T")

EXTRAS = {
    "kafka": "kafka",
    "crc32c": "kafka",
    "psycopg": "postgres",
    "numba": "fast",
}


@dataclass(frozen=True)
class Port(Generic[T]):
    """A socket in a layer: an entry-point group and the protocol its plugins keep."""

    group: str
    protocol: Any

    def names(self) -> list[str]:
        """List the installed plugins of this socket."""
        return sorted(self._found())

    def load(self, name: str) -> Callable[..., T]:
        """Load a plugin by name.

        Raises:
            NotFound: no plugin of that name is installed.
            Conflict: two installed distributions claim the name.
            Unavailable: the plugin needs a package that is missing; says which to install.
        """
        found = self._found()
        if name not in found:
            raise NotFound(f"plugin of {self.group}", name, found)
        try:
            return cast("Callable[..., T]", found[name].load())
        except ImportError as error:
            missing = (error.name or "").partition(".")[0]
            extra = EXTRAS.get(missing)
            wanted = f"'icustomer[{extra}]'" if extra else missing
            raise Unavailable(
                f"The plugin {name!r} of {self.group} needs the package {missing!r}.",
                hint=f"Install it: pip install {wanted}",
            ) from error

    def describe(self) -> list[dict[str, Any]]:
        """List name, implementation and distribution of each installed plugin."""
        return [
            {
                "socket": self.group,
                "name": name,
                "implementation": entry.value,
                "distribution": entry.dist.name if entry.dist else "unknown",
            }
            for name, entry in sorted(self._found().items())
        ]

    def _found(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for entry in _installed(tuple(sys.path)).get(self.group, ()):
            other = found.get(entry.name)
            if other is not None and other.value != entry.value:
                names = [each.dist.name if each.dist else "?" for each in (other, entry)]
                raise Conflict(
                    f"Two packages offer {entry.name!r} for {self.group}: {' and '.join(names)}.",
                    hint="Uninstall one of them.",
                )
            found[entry.name] = entry
        return found


@lru_cache(maxsize=4)
def _installed(path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """Look through all installed packages once: each of the sockets would do it again and again."""
    found = entry_points()
    return {
        group: tuple(found.select(group=group))
        for group in found.groups
        if group.startswith("icustomer.")
    }
