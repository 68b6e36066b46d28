"""Traits settled among each other: what each reads of others, checked, and what all of them share.

Afterwards a trait stands for itself: whoever computes it needs nothing but it, the facts and the profile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cic.model.trait import Trait
from cid.feel import FeelError, names, parse
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidDefinition, suggestion
from cid.kit.ids import content_hash


def settled(
    traits: Mapping[str, Entry[Trait]], attributes: Collection[str] = (), zone: str = "UTC"
) -> tuple[dict[str, Entry[Trait]], list[InvalidDefinition]]:
    """Return the traits knowing what they read, and all that is wrong between them.

    A trait's version changes when that of a trait it reads does, and with the time zone it counts in.
    What is wrong is left as it was.

    Args:
        traits: all traits by name.
        attributes: names of the customers' attributes.
        zone: the business's time zone, for periods that name none.
    """
    found = dict(traits)
    errors: list[InvalidDefinition] = []
    state: dict[str, int] = {}
    known = {*traits, *attributes}

    def visit(name: str, way: list[str]) -> None:
        entry = traits[name]
        if state.get(name) == 1:
            circle = " → ".join([*way[way.index(name) :], name])
            raise entry.error(f"traits define each other in a circle: {circle}.")
        if name in state:
            return
        state[name] = 1
        if entry.value.period or entry.value.streak:
            found[name] = _dated(entry, attributes, zone)
        if entry.value.related:
            found[name] = _related(found[name], attributes)
        if entry.value.formula:
            words = _words(entry, known)
            for word in words & traits.keys():
                visit(word, [*way, name])
            found[name] = _formula(entry, {w: found[w] for w in words & traits.keys()}, words)
        state[name] = 2

    for name in traits:
        try:
            visit(name, [])
        except InvalidDefinition as error:
            errors.append(error)
            # Whoever reads it would only say the same once more.
            state |= {each: 2 for each, at in state.items() if at == 1}
    return found, errors


def _dated(entry: Entry[Trait], attributes: Collection[str], zone: str) -> Entry[Trait]:
    own = entry.value.zone_of
    if own and own not in attributes:
        raise entry.error(f"{own!r} is no attribute.", hint=suggestion(own, attributes))
    trait = entry.value.model_copy(update={"zone": entry.value.zone or zone})
    trait._reads = frozenset({own} if own else ())
    return replace(entry, value=trait, version=content_hash(f"{entry.version}\n{trait.zone}"))


def _related(entry: Entry[Trait], attributes: Collection[str]) -> Entry[Trait]:
    group = entry.value.related
    if group not in attributes:
        raise entry.error(f"{group!r} is no attribute.", hint=suggestion(group, attributes))
    trait = entry.value.model_copy()
    trait._reads = trait._reads | {group}
    return replace(entry, value=trait)


def _words(entry: Entry[Trait], known: Collection[str]) -> set[str]:
    try:
        words = set(names(parse(entry.value.formula, known=known)))
    except FeelError as error:
        raise entry.error(str(error)) from error
    for word in sorted(words):
        if word not in known:
            raise entry.error(
                f"{word!r} is neither a trait nor an attribute.", hint=suggestion(word, known)
            )
    if not words:
        raise entry.error("a formula reads at least one trait or attribute.")
    return words


def _formula(
    entry: Entry[Trait], inputs: Mapping[str, Entry[Trait]], words: Collection[str]
) -> Entry[Trait]:
    trait = entry.value.model_copy()
    own = set(words) - inputs.keys()
    trait._tree = parse(trait.formula, known=words)
    trait._inputs = {name: each.value for name, each in sorted(inputs.items())}
    trait._reads = frozenset(own.union(*(each.value.reads for each in inputs.values())))
    versions = [each.version for _, each in sorted(inputs.items())]
    return replace(entry, value=trait, version=content_hash("\n".join([entry.version, *versions])))
