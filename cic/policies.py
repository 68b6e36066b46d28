"""Policies in force: a reader's role and purpose become what she sees of history.

Nobody reads without a purpose: who does not say one reads for the first that her policy allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cic.columns import quoted
from cic.model.policy import POLICIES, Policy
from cic.ports import Sight
from cid.feel import FeelError, Unsupported, names, parse, to_sql
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import InvalidDefinition, Refused, suggestion
from cid.kit.privacy import COLUMNS, SENSITIVE, sees_personal
from cid.model.definition import ATTRIBUTES, Attribute

OWN = frozenset({"name", "identity", "identifier"})
"""Columns that say who a customer is, whatever a company's attributes are called."""
USUAL = COLUMNS - {"value", "properties"}
"""Columns that are personal unless the catalogue says otherwise."""
DEFAULT_PURPOSES = {"agent": "service", "analyst": "analysis", "architect": "operation"}


@dataclass(frozen=True)
class Reader:
    """Who asks, in which role, and what for; the owner of the machine has no role and sees all."""

    role: str = ""
    purpose: str = ""
    person: str = ""
    id: str = ""
    """Under which her question can be seen and stopped; any, where empty."""


OWNER = Reader(purpose="operation")
"""Whoever runs commands or Python on the machine itself."""


class Policies:
    """What each reader sees."""

    def __init__(self, definitions: Definitions) -> None:
        self._entries = definitions.of(POLICIES)
        self._attributes = {
            name: entry.value
            for name, entry in definitions.of(ATTRIBUTES).items()
            if entry.value.subject == "customer"
        }
        said = {name for name, each in self._attributes.items() if each.sensitivity in SENSITIVE}
        self.personal = OWN | said | (USUAL - self._attributes.keys())
        self._conditions = {
            name: condition(entry, self._attributes) for name, entry in self._entries.items()
        }

    def sight(self, reader: Reader) -> Sight:
        """Return what a reader sees, with the purpose for which she reads.

        Raises:
            Refused: no policy lets her role read for this purpose.
        """
        if not reader.role:
            return self._sight(
                "owner", _usual(Reader("agent", reader.purpose or "operation")), reader
            )
        mine = {
            name: entry.value
            for name, entry in self._entries.items()
            if reader.role in entry.value.roles
        }
        if not mine:
            return self._sight(f"any {reader.role}", _usual(reader), reader)
        for name, policy in mine.items():
            if not reader.purpose or reader.purpose in policy.purposes:
                return self._sight(name, policy, reader)
        allowed = sorted({each for policy in mine.values() for each in policy.purposes})
        raise Refused(
            f"As {reader.role} nobody reads for the purpose {reader.purpose!r}.",
            hint=f"Read for one of: {', '.join(allowed)}.",
        )

    def _sight(self, name: str, policy: Policy, reader: Reader) -> Sight:
        personal = self.personal - set(policy.show)
        masked = personal if policy.personal == "mask" else frozenset()
        hidden = set(policy.hide) | (personal if policy.personal == "hide" else frozenset())
        return Sight(
            policy=name,
            role=reader.role,
            purpose=reader.purpose or policy.purposes[0],
            customers=self._conditions.get(name, ""),
            consent=policy.consent,
            masked=frozenset(masked - hidden),
            hidden=frozenset(hidden),
            attributes=frozenset(personal if policy.personal != "show" else ()),
            views=frozenset(policy.views),
        )


def _usual(reader: Reader) -> Policy:
    """Return what a role sees where the company says nothing about it."""
    return Policy(
        roles=("agent",),
        purposes=(reader.purpose or DEFAULT_PURPOSES.get(reader.role, "analysis"),),
        personal="show" if sees_personal(reader.role) else "mask",
    )


def condition(entry: Entry[Policy], attributes: Mapping[str, Attribute]) -> str:
    """Return the SQL over ``customers`` of the customers that a policy lets one read.

    Raises:
        InvalidDefinition: it is not FEEL over attributes; names file, line and what is wrong.
    """
    text = entry.value.customers
    if not text:
        return ""
    known = {"kind", *attributes}
    try:
        tree = parse(text, known=known)
        used = names(tree)
        for name in sorted(used):
            if name not in known:
                raise entry.error(f"no attribute {name!r}.", hint=suggestion(name, known))
        return f"({to_sql(tree, {name: _column(name, attributes) for name in used})}) IS TRUE"
    except (FeelError, Unsupported) as error:
        raise entry.error(f"cannot be asked of history: {error}.") from error


def _column(name: str, attributes: Mapping[str, Attribute]) -> str:
    column = quoted(name)
    match attributes[name].type if name in attributes else "text":
        case "number":
            return f"TRY_CAST({column} AS DECIMAL(28,4))"
        case "boolean":
            return f"TRY_CAST({column} AS BOOLEAN)"
        case "date":
            return f"TRY_CAST({column} AS DATE)"
        case _:
            return f"CAST({column} AS VARCHAR)"


def wrong(definitions: Definitions) -> list[InvalidDefinition]:
    """Return what is wrong with the company's policies."""
    found = []
    attributes = {name: entry.value for name, entry in definitions.of(ATTRIBUTES).items()}
    for entry in definitions.of(POLICIES).values():
        try:
            condition(entry, attributes)
        except InvalidDefinition as error:
            found.append(error)
    return found
