"""Intelligence, to use: segments, traits, questions about everybody, and the proof that they are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from cic.adoption import Adoption
from cic.explanation import Explanation
from cic.exploration import Exploration
from cic.exports import Exports
from cic.model import SCORES
from cic.policies import Policies
from cic.ports import Store
from cic.proof import History, Proof
from cic.roster import Roster
from cic.running import Queries
from cic.segmentation import Segmentation
from cic.streams import Streams
from cic.trial import Trial
from cid.customers import Customers
from cid.kit.clock import Clock
from cid.kit.definitions import Definitions
from cid.model.fact import Fact


class Intelligence:
    """What the company knows about its customers' behaviour."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        store: Store,
        history: History,
        clock: Clock,
        facts: Callable[[], Iterator[Fact]],
        facts_of: Callable[[str], list[Fact]],
        current: Callable[[str], str],
        used_by: Callable[[str], list[str]],
        score: Callable[..., dict[str, Any]],
        lock: AbstractContextManager[Any],
    ) -> None:
        self.definitions = definitions
        self.segmentation = segmentation
        self.store = store
        self.history = history
        self._score = score
        self.proof = Proof(
            definitions, segmentation, customers, store, history, clock, facts, facts_of, lock
        )
        self.roster = Roster(
            definitions, segmentation, customers, store, self.proof, facts_of, current, used_by
        )
        self.explanation = Explanation(
            definitions, segmentation, customers, store, facts_of, current
        )
        self.adoption: Adoption
        """Set by whoever knows the writer of the records."""
        self.streams: Streams
        """Set by whoever knows the ways out."""
        self.trial = Trial(definitions, segmentation, customers, self.proof)
        self.queries = Queries(history, Policies(definitions), clock.now)
        self.exploration = Exploration(definitions, self.queries, history.moment)
        self.exporting = Exports(self.queries, self.exploration, store, history.parquet, clock.now)

    def segments(self) -> list[dict[str, Any]]:
        """List the segments with their size and who moved in the last seven days."""
        return self.roster.segments()

    def segment(self, name: str) -> dict[str, Any]:
        """Return one segment: its condition, what it reads, its size over time, who moved.

        Raises:
            NotFound: no such segment.
        """
        return self.roster.segment(name)

    def sizes(self, segment: str, days: int = 90) -> dict[str, Any]:
        """Return the size of a segment day by day, with who entered and left."""
        return self.roster.sizes(segment, days)

    def members(
        self, segment: str, as_of: str = "", limit: int = 1000, after: str = ""
    ) -> dict[str, Any]:
        """List who is in a segment now, or who was at a past moment by all that is known today.

        ``after`` is the ``next`` of the page before.

        Raises:
            NotFound: no such segment.
        """
        return self.roster.members(segment, as_of, limit, after)

    def traits(self, customer: str, as_of: str = "") -> dict[str, Any]:
        """Return a customer's traits and segments, now or at a past moment."""
        return self.roster.traits(customer, as_of)

    def memberships(self, customer: str) -> list[dict[str, Any]]:
        """List the segments of a customer with since when, and when each ends if nothing happens."""
        return self.explanation.memberships(customer)

    def changes(self, customer: str, limit: int = 100) -> list[dict[str, Any]]:
        """List when a customer entered and left which segment, and why."""
        return self.roster.changes(customer, limit)

    def why(self, segment: str, customer: str) -> dict[str, Any]:
        """Say why a customer is, or is not, in a segment, and when that ends if nothing happens."""
        return self.explanation.why(segment, customer)

    def preview(self, when: str, segment: str = "", stay: str = "") -> dict[str, Any]:
        """Say how many customers meet a condition right now; for a segment who would enter and leave.

        Raises:
            InvalidInput: it is not a condition; says what is wrong.
        """
        return self.trial.preview(when, segment, stay)

    def preview_past(self, when: str, days: int = 90, seconds: float = 2.0) -> dict[str, Any]:
        """Say how many would have met a condition at the end of each of the last weeks."""
        return self.trial.preview_past(when, days, seconds)

    def distribution(self, trait: str) -> dict[str, Any]:
        """Say how a trait is spread over all customers right now: few buckets, each with its condition.

        Raises:
            NotFound: there is no such trait.
        """
        return self.trial.distribution(trait)

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question put as JSON: measures, dimensions, filter, period."""
        return self.exploration.query(query)

    def open(
        self, query: Mapping[str, Any], row: Mapping[str, Any], limit: int = 1000
    ) -> dict[str, Any]:
        """Return the customers behind one row of an answer."""
        return self.exploration.open(query, row, limit)

    def sql(self, text: str, limit: int = 10_000) -> dict[str, Any]:
        """Answer one SELECT over the history: read-only, with limits on rows, time and memory.

        Raises:
            InvalidInput: it is not one SELECT, or took too long.
            Refused: it tries to change something or to reach outside.
        """
        return self.exploration.sql(text, limit)

    def explorable(self) -> dict[str, Any]:
        """List what can be asked: measures, dimensions, views with their columns."""
        return self.exploration.explorable()

    def definition(self, kind: str, name: str) -> dict[str, Any]:
        """Return a trait or a segment as it stands in its file, with the version that a change is made from."""
        return self.adoption.definition(kind, name)

    def check_definition(self, kind: str, name: str, text: str) -> dict[str, Any]:
        """Say what is wrong with a trait or a segment as somebody writes it, with line and column."""
        return self.adoption.check(kind, name, text)

    def save(
        self,
        kind: str,
        name: str,
        text: str = "",
        definition: Mapping[str, Any] | None = None,
        version: str | None = None,
        reason: str = "",
        actor: str = "",
        role: str = "analyst",
    ) -> dict[str, Any]:
        """Bring a trait or a segment into force from this moment on, without a restart.

        Raises:
            Conflict: somebody else has changed it meanwhile.
            InvalidDefinition: it is wrong; says where.
            Refused: the role only reads.
        """
        return self.adoption.save(kind, name, text, definition, version, reason, actor, role)

    def define(
        self, text: str, reason: str = "", actor: str = "", role: str = "analyst"
    ) -> dict[str, Any]:
        """Bring all traits and segments of a text into force at one moment, or none of them."""
        return self.adoption.define(text, reason, actor, role)

    def verify(
        self,
        as_of: str = "",
        traits: Sequence[str] | None = None,
        segments: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Recompute traits and segments from history and report every mismatch (promise 2).

        Without a moment the live state is compared; with one, the live path is run anew up to it.
        """
        return self.proof.verify(as_of, traits, segments)

    def verifications(self, limit: int = 30) -> list[dict[str, Any]]:
        """List what the last verifications found, newest first."""
        return self.proof.verifications(limit)

    def last_verification(self) -> dict[str, Any] | None:
        """Return what the last verification of everything found; the last one where there was none."""
        return self.proof.last()

    def outgoing(self) -> list[dict[str, Any]]:
        """List the streams of changes: to whom, how many changes wait, and why where they do."""
        return self.streams.streams()

    def scores(self) -> list[dict[str, Any]]:
        """List the models: what each asks, how good it is against its baseline, whether it is in use."""
        return [self._score(name, train=False) for name in self.definitions.of(SCORES)]

    def score_names(self) -> list[str]:
        """List the names of the models."""
        return list(self.definitions.of(SCORES))

    def score(self, name: str) -> dict[str, Any]:
        """Train a model on history, and publish its scores if it beats its baseline."""
        self.definitions.get(SCORES, name)
        return self._score(name, train=True)

    def reads(self) -> dict[str, Any]:
        """List the questions on their way, and who read what for lately."""
        return {"running": self.queries.running(), "read": self.queries.read()}

    def stop_query(self, id: str) -> dict[str, Any]:
        """Stop a question on its way.

        Raises:
            NotFound: there is no such question, or no longer.
            Refused: it is somebody else's.
        """
        return self.queries.stop(id)

    def export(self, path: str, **asked: Any) -> dict[str, Any]:
        """Make a CSV or Parquet file of an answer; who took it is noted."""
        return self.exporting.to_file(path, **asked)

    def exports(self, limit: int = 100) -> list[dict[str, Any]]:
        """List what was taken out, newest first: who, what for, how many rows."""
        return self.exporting.noted(limit)
