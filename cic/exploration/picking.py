"""Which customers and which facts a question is about, in SQL."""

from __future__ import annotations

from collections.abc import Mapping

from cic.columns import NUMBERS, text_literal
from cic.exploration.questions import Asked, Step
from cic.history import WORDS
from cic.semantics import Vocabulary
from cid.feel import FeelError, Unsupported, names, parse, to_sql
from cid.feel import tree as feel
from cid.kit.errors import InvalidInput, NotFound

_OWN = {"event": "b.event", "source": "b.source"}


def population(asked: Asked, vocabulary: Vocabulary) -> list[str]:
    """Return the conditions on the customers of a question; rows stand under the letter ``b``."""
    found = []
    if asked.segment:
        found.append(members(asked.segment))
    if asked.filter:
        tree = expression(asked.filter, "filter", vocabulary.dimensions)
        columns = {}
        for name in sorted(names(tree)):
            if name not in vocabulary.dimensions:
                raise NotFound("dimension", name, vocabulary.dimensions)
            column = vocabulary.of_customer(name)
            if column is None:
                able = ", ".join(
                    each for each in vocabulary.dimensions if vocabulary.of_customer(each)
                )
                raise InvalidInput(
                    f"Customers cannot be chosen by {name!r}.",
                    hint=f"These are known of a customer: {able}.",
                )
            columns[name] = typed(vocabulary, name, column)
        met = condition(tree, columns, "filter")
        found.append(f"b.customer_key IN (SELECT c.customer_key FROM customers c WHERE {met})")
    return found


def members(segment: str) -> str:
    """Return the condition that a customer is in a segment now."""
    named = text_literal(segment)
    return f"b.customer_key IN (SELECT m.customer_key FROM memberships m WHERE m.segment = {named})"


def happened(step: Step, what: str) -> str:
    """Return the condition that a fact is a step.

    A property that has not the type with which it is compared counts as if it was not there.
    """
    event = f"b.event = {text_literal(step.event)}"
    if not step.where:
        return event
    tree = expression(step.where, what)
    kinds = read_as(tree)
    quick = _quick(tree)
    columns = {name: _OWN.get(name) or _property(name, kind, quick) for name, kind in kinds.items()}
    columns |= {name: f"CAST({sql} AS VARCHAR)" for name, sql in _OWN.items() if name in kinds}
    return f"({event} AND {condition(tree, columns, what)})"


def expression(text: str, what: str, known: Mapping[str, object] | None = None) -> feel.Node:
    """Read FEEL.

    Raises:
        InvalidInput: it is not FEEL; says where.
    """
    try:
        return parse(text, known=known) if known is not None else parse(text)
    except FeelError as error:
        raise InvalidInput(f"The {what} is not FEEL: {error}") from None


def condition(tree: feel.Node, columns: Mapping[str, str], what: str) -> str:
    """Write a condition that is met only where FEEL says true.

    Raises:
        InvalidInput: SQL cannot say it exactly.
    """
    try:
        return f"({to_sql(tree, columns)}) IS TRUE"
    except Unsupported as error:
        raise InvalidInput(
            f"The {what} cannot be asked of history: {error}.",
            hint="Use comparisons, 'in', 'between', 'and', 'or', 'not'.",
        ) from None


def typed(vocabulary: Vocabulary, name: str, sql: str) -> str:
    """Return SQL whose type can be told from it."""
    match vocabulary.dimensions[name].type:
        case "number":
            return f"CAST({sql} AS DECIMAL(28,4))"
        case "boolean":
            return f"CAST({sql} AS BOOLEAN)"
        case "date":
            return f"CAST({sql} AS DATE)"
        case _:
            return f"CAST({sql} AS VARCHAR)"


def read_as(tree: feel.Node) -> dict[str, str]:
    """Guess of each name, by how it is used, whether it is a number, a text or a truth value.

    >>> read_as(parse('total > 100 and channel in ("web", "app") and gift'))
    {'channel': 'text', 'gift': 'boolean', 'total': 'number'}
    """
    kinds: dict[str, str] = {}
    for node in feel.walk(tree):
        match node:
            case feel.Comparison(left=left, right=right):
                _alike([left, right], kinds)
            case feel.Between(value=value, low=low, high=high):
                _alike([value, low, high], kinds)
            case feel.Membership(value=value, tests=tests):
                _alike([value, *(part for test in tests for part in feel.walk(test))], kinds)
            case feel.Call(positional=positional):
                _named(positional, "text", kinds)
            case feel.Conjunction(operands=operands) | feel.Disjunction(operands=operands):
                _named(operands, "boolean", kinds)
            case feel.Not(operand=operand):
                _named((operand,), "boolean", kinds)
    _named((tree,), "boolean", kinds)
    for name in names(tree):
        kinds.setdefault(name, "text")
    return {name: kinds[name] for name in sorted(names(tree))}


def _alike(nodes: list[feel.Node], kinds: dict[str, str]) -> None:
    for node in nodes:
        if isinstance(node, feel.Arithmetic | feel.Negation):
            _named(nodes, "number", kinds)
        elif isinstance(node, feel.Literal) and node.value is not None:
            kind = "boolean" if isinstance(node.value, bool) else "number"
            _named(nodes, "text" if isinstance(node.value, str) else kind, kinds)


def _named(
    nodes: list[feel.Node] | tuple[feel.Node, ...], kind: str, kinds: dict[str, str]
) -> None:
    for node in nodes:
        if isinstance(node, feel.Name):
            kinds.setdefault(node.name, kind)


def _quick(tree: feel.Node) -> bool:
    """Say whether columns that hold numbers and truth values as text, too, answer the same.

    They do where nothing is negated, and no text is one that a number or truth value could be.
    """
    for node in feel.walk(tree):
        match node:
            case feel.Literal(value=str() as text):
                if text in ("true", "false") or text[:1] in "-0123456789":
                    return False
            case feel.Comparison(operator=operator):
                if operator != "=":
                    return False
            case feel.Literal(value=value):
                if value is None:
                    return False
            case feel.Name() | feel.Conjunction() | feel.Disjunction() | feel.Membership():
                pass
            case _:
                return False
    return True


def _property(name: str, kind: str, quick: bool) -> str:
    place = text_literal("/" + name.replace("~", "~0").replace("/", "~1"))
    if (
        quick
        and kind == "text"
        and name in WORDS
        and WORDS[name][0] == "VARCHAR"
        and name != "product"
    ):
        return f"CAST(b.{name} AS VARCHAR)"
    type_ = f"json_type(b.properties, {place})"
    read = f"json_extract_string(b.properties, {place})"
    match kind:
        case "number":
            return f"CAST(CASE WHEN {type_} IN {NUMBERS} THEN TRY_CAST({read} AS DECIMAL(28,10)) END AS DECIMAL(28,10))"
        case "boolean":
            return f"CAST(CASE WHEN {type_} = 'BOOLEAN' THEN {read} END AS BOOLEAN)"
        case _:
            return f"CAST(CASE WHEN {type_} = 'VARCHAR' THEN {read} END AS VARCHAR)"
