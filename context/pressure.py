"""Who may be spoken to too often: rules by which the company speaks first, and what keeps them apart.

Only what the definitions themselves say is told; whether it happens is seen on history.
"""

from __future__ import annotations

from collections.abc import Iterator

from cid.feel import FeelError, parse
from cid.feel.inference import Domains
from cid.feel.regions import answers, cut
from cid.feel.tree import Conjunction
from cid.kit.definitions import Definitions, Entry
from context.analysis import Finding, domains_of, in_files
from context.model import RULES, Rule

COMPARED, TRIED = 5, 300
"""With how many rules one is compared, and how many values are tried with each: people wait for it."""
NOT_APART = "{other} is set off by the same, does {action} too, and nothing keeps the two apart."
REACHING = ("email", "offer", "webhook")
"""Actions that reach the customer without anybody between."""


def of_pressure(
    entry: Entry[Rule], definitions: Definitions, domains: Domains
) -> Iterator[Finding]:
    """Give what is to be said about how often and together with whom a rule reaches people."""
    rule = entry.value
    if not _speaks_first(rule):
        return
    if not rule.once_per:
        yield Finding(
            "rules",
            entry.name,
            "warning",
            "It speaks first, and nothing keeps it from reaching the same customer again and again.",
            {},
            ("proactive",),
            file=entry.file,
            hint="Say how seldom: once per: 30 d",
        )
    compared = 0
    for name, other in definitions.of(RULES).items():
        shared = _reaching(rule) & _reaching(other.value)
        if name == entry.name or not shared or not _speaks_first(other.value):
            continue
        if _cause(rule) == _cause(other.value):
            compared += 1
            if _together(rule, other.value, domains):
                words = {"other": name, "action": min(shared)}
                yield Finding(
                    "rules", entry.name, "note", NOT_APART, words, ("when",), file=entry.file
                )
                return
            if compared == COMPARED:
                return


def pressures(definitions: Definitions) -> list[Finding]:
    """Give what is to be said about all rules, with its place in the files."""
    found = [
        each
        for entry in definitions.of(RULES).values()
        for each in of_pressure(
            entry,
            definitions,
            domains_of(definitions, entry.value.on.event or entry.value.on.action),
        )
    ]
    return in_files(definitions, found)


def _speaks_first(rule: Rule) -> bool:
    return rule.proactive and rule.enabled and not rule.shadow


def _reaching(rule: Rule) -> set[str]:
    return {call.action for call in rule.do if call.action in REACHING}


def _cause(rule: Rule) -> tuple[str, ...]:
    on = rule.on
    return on.event, on.action, on.entered, on.left, on.segment if on.every else "", on.wait


def _together(rule: Rule, other: Rule, domains: Domains) -> bool:
    """Whether both conditions certainly leave room for the same customer."""
    try:
        both = Conjunction((parse(rule.when, domains), parse(other.when, domains)))
    except FeelError:
        return False
    return not cut(both).opaque and True in (answers(both, domains, TRIED) or ())
