"""A company's iCustomer: six layers, one directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cid.kit.clock import Clock, RecordsClock, SystemClock
from cid.kit.errors import InvalidDefinition
from cid.model.definition import COMPANY, Company
from icustomer.settings import Settings

if TYPE_CHECKING:
    from cid.kit.definitions import Definitions
    from icustomer.build import Layers


class ICustomer:
    """The whole of a company: ``.cid .cii .cic .cfa .context .cbc``.

    One process owns a company's directory at a time. Open one with `ICustomer.open`; close it, or use it in
    a ``with`` statement.
    """

    def __init__(
        self,
        directory: Path,
        definitions: Definitions,
        settings: Settings,
        clock: Clock,
        layers: Layers,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.clock = clock
        self.definitions = definitions
        self.database = layers.database
        self.pipeline = layers.pipeline
        self.delivery = layers.delivery
        self.history = layers.history
        self.keeper = layers.keeper
        self.cid = layers.cid
        self.cii = layers.cii
        self.cic = layers.cic
        self.cfa = layers.cfa
        self.context = layers.context
        self.cbc = layers.cbc
        self.company: Company = definitions.of(COMPANY)["company"].value
        self._release: Callable[[], None] = lambda: None

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        clock: Clock | None = None,
        settings: Settings | None = None,
        failpoint: Callable[[str], None] = lambda name: None,
        standby: bool = False,
    ) -> ICustomer:
        """Open the company in a directory; on standby its state is read only when its turn comes.

        Raises:
            NotFound: there is no such directory.
            InvalidDefinition: a definition is wrong; names file, line and a suggestion.
            Conflict: another process owns the directory.
        """
        from cid.kit.failpoints import arm_from, reach
        from icustomer.build import build
        from icustomer.definitions import read
        from icustomer.ownership import own

        def reached(name: str) -> None:
            failpoint(name)
            reach(name)

        arm_from(os.environ)
        path = Path(directory).resolve()
        definitions, errors = read(path)
        if errors:
            raise errors[0]
        if not definitions.sections["company"]:
            raise InvalidDefinition(
                "There is no `company:` in this directory.",
                file="company.yaml",
                line=1,
                hint="Make one with: icustomer init DIR",
            )
        release = own(path / "data")
        settings = settings or Settings()
        if clock is None:
            by_records = definitions.of(COMPANY)["company"].value.clock == "records"
            clock = RecordsClock() if by_records else SystemClock()
        try:
            layers = build(path, definitions, settings, clock, reached)
        except BaseException:
            release()
            raise
        company = cls(path, definitions, settings, clock, layers)
        company._release = release
        if isinstance(clock, RecordsClock):
            clock.read = lambda: company.pipeline.moment
        try:
            if not standby:
                company.pipeline.load()
        except BaseException:
            company.close()
            raise
        return company

    def catch_up(self, until: int | None = None) -> int:
        """Apply all that the log holds and let time pass up to now; return how many records were applied."""
        applied = self.pipeline.run(self.settings.fold_batch)
        self.pipeline.tick(self.clock.now() if until is None else until)
        self.keeper.keep_if_due()
        return applied

    def close(self) -> None:
        """Finish what was begun and give the directory back."""
        self.keeper.keep()
        self.cii.transport.close()
        self.history.close()
        self.database.close()
        self._release()

    def __enter__(self) -> ICustomer:
        """Use the company in a ``with`` statement."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the company."""
        self.close()

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole: what came in, what became of it, what it moved."""
        from cbc.model import MEASURES
        from cic.model import SEGMENTS, TRAITS
        from context.model import RULES

        ledger = self.cii.ledger()
        states = ledger["states"]
        totals = self.context.store.totals()
        counts = self.cfa.counts()
        verified = self.cic.last_verification()
        return {
            "records_received": ledger["received"],
            "applied": states["applied"],
            "duplicates": states["duplicate"],
            "rejected": states["rejected"],
            "quarantined": states["quarantined"],
            "balanced": ledger["balanced"],
            "customers": len(self.cid.customers.members),
            "merges": self.cii.store.merges()["merge"],
            "splits": self.cii.store.merges()["split"],
            "traits": len(self.definitions.of(TRAITS)),
            "segments": len(self.definitions.of(SEGMENTS)),
            "segment_changes": self.cic.store.count(),
            "rules": len(self.definitions.of(RULES)),
            "firings": totals["decisions"],
            "actions": totals["actions"],
            "tasks": sum(counts.get("task", {}).values()),
            "cases": sum(counts.get("case", {}).values()),
            "measures": len(self.definitions.of(MEASURES)),
            "verify_mismatches": verified["mismatches"] if verified else None,
        }
