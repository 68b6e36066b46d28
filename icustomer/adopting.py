"""New traits and segments in the composition: how they are read, and who else has to hear of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from cic.adoption import Adoption, Records
from cic.meaning import Meaning
from cic.model import SEGMENTS, TRAITS
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.kit.definitions import Definitions
from cid.kit.errors import ICustomerError, InvalidDefinition
from cii.facade import Integration
from cii.synchronization import Pipeline
from context.replay import Past
from icustomer.definitions import read

log = structlog.get_logger(__name__)


def adoption(
    definitions: Definitions,
    segmentation: Segmentation,
    customers: Customers,
    pipeline: Pipeline,
    integration: Integration,
    past: Past,
    renewed: Callable[[], None],
) -> Adoption:
    """Return what takes new traits and segments into a company, with the writer of its records.

    Args:
        definitions: what is in force.
        segmentation: who lives by it.
        customers: all customers.
        pipeline: the writer.
        integration: records who changed what.
        past: lives through the past by the same definitions.
        renewed: told after others came into force.
    """

    def otherwise(
        instead: Mapping[Path, str],
    ) -> tuple[Definitions, list[InvalidDefinition]]:
        return read(definitions.directory, instead)

    def write() -> None:
        pipeline.reached({})
        # Whoever copies tables sees by this that there is something new.
        pipeline.counters.batches += 1

    def told() -> None:
        past.renew(definitions.of(TRAITS), definitions.of(SEGMENTS))
        renewed()

    records = Records(
        pipeline.lock,
        lambda: pipeline.step(0),
        lambda: pipeline.position,
        pipeline.facts,
        write,
        pipeline.reload,
        integration.submit,
    )
    found = Adoption(definitions, segmentation, customers, records, otherwise, told)
    segmentation.reread = _others(definitions, found, told)
    return found


def _others(
    definitions: Definitions, adopting: Adoption, told: Callable[[], None]
) -> Callable[[str], Meaning | None]:
    """Return what finds the definitions by which another process has lived last, where it wrote them here."""

    def reread(version: str) -> Meaning | None:
        try:
            found, errors = read(definitions.directory)
            meaning = None if errors else adopting.meaning_of(found)
        except (ICustomerError, KeyError) as error:
            log.warning("definitions.not_read", error=str(error)[:300])
            return None
        if meaning is None or meaning.version != version:
            log.info("definitions.differ", kept=version, hint="Another process used others.")
            return None
        definitions.sections[TRAITS.name] = dict(meaning.traits)
        definitions.sections[SEGMENTS.name] = dict(meaning.segments)
        told()
        return meaning

    return reread
