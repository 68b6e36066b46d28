"""What FEEL over the properties of a fact is in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cic.columns import NUMBERS, amount_of, text_literal, text_of
from cic.history import WORDS
from cid.feel import FeelError, Unsupported, names, parse, to_sql
from cid.feel import tree as feel
from cid.kit.errors import InvalidInput

_OWN = {"event": "b.event", "source": "b.source"}


def fact_is(events: Sequence[str], where: str, what: str) -> str:
    """Return the condition that a fact is one of some events, and meets FEEL over its properties.

    Properties may be anything: one of another type than it is compared with is neither equal nor
    unequal, as in FEEL.

    Raises:
        InvalidInput: it is not FEEL, or SQL cannot say it exactly.
    """
    listed = ", ".join(map(text_literal, events))
    event = f"b.event = {listed}" if len(events) == 1 else f"b.event IN ({listed})"
    if not where:
        return event
    tree = expression(where, what)
    kinds = read_as(tree)
    if "time" in kinds:
        raise InvalidInput(
            f"The {what} reads the time.", hint="Ask for a period, or for what happened 'last'."
        )
    quick = _quick(tree)
    columns = {name: _property(name, kind, quick) for name, kind in kinds.items()}
    if not quick:
        columns |= {name + _ODD: _odd(name, kind) for name, kind in kinds.items()}
        tree = _minding(tree, what)
    columns |= {name: f"CAST({sql} AS VARCHAR)" for name, sql in _OWN.items() if name in kinds}
    columns |= {name + _ODD: "CAST(false AS BOOLEAN)" for name in _OWN if name in kinds}
    return f"({event} AND {condition(tree, columns, what)})"


_ODD = "\0odd"
"""Behind a name: whether the property has another type than it is compared with."""


def _minding(tree: feel.Node, what: str) -> feel.Node:
    """Make equality mind types: what cannot be compared is null, not unequal."""
    match tree:
        case feel.Conjunction(operands=operands):
            return feel.Conjunction(tuple(_minding(each, what) for each in operands))
        case feel.Disjunction(operands=operands):
            return feel.Disjunction(tuple(_minding(each, what) for each in operands))
        case feel.Not(operand=operand):
            return feel.Not(_minding(operand, what))
        case feel.Comparison(left=feel.Name(), right=feel.Name()):
            raise InvalidInput(
                f"The {what} compares two properties, which history cannot say exactly.",
                hint="Compare a property with a value.",
            )
        case feel.Comparison(operator="=" | "!=" as operator, left=left, right=right):
            name, value = (left, right) if isinstance(left, feel.Name) else (right, left)
            if isinstance(name, feel.Name):
                nothing = isinstance(value, feel.Literal) and value.value is None
                odd = feel.Literal(operator == "!=" if nothing else None)
                return feel.If(feel.Name(name.name + _ODD), odd, tree)
        case feel.Membership(value=feel.Name(name=name), tests=tests):
            if not any(isinstance(each, feel.ListOf) for each in tests):
                return feel.If(feel.Name(name + _ODD), feel.Literal(None), tree)
    return tree


def _odd(name: str, kind: str) -> str:
    type_ = f"json_type(b.properties, {_place(name)})"
    usual = {"number": NUMBERS, "boolean": "('BOOLEAN')"}.get(kind, "('VARCHAR')")
    odd = f"{type_} <> 'NULL' AND {type_} NOT IN {usual}"
    return f"CAST(coalesce({odd}, false) AS BOOLEAN)"


def _place(name: str) -> str:
    return text_literal("/" + name.replace("~", "~0").replace("/", "~1"))


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
            f"The {what} cannot be asked of history: {error.message}",
            hint="Use comparisons, 'in', 'between', 'and', 'or', 'not'. A day is @\"2026-01-31\".",
        ) from None


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
    place = _place(name)
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


def property_of(text: str, what: str, *, amount: bool) -> str:
    """Return SQL of a property of a fact: as an amount, or as the text that tells values apart.

    Raises:
        InvalidInput: it is no property.
    """
    pointer = _pointer(expression(text, what), what)
    name = pointer[1:]
    if name in _OWN and not amount:
        return _OWN[name]
    wanted = "DECIMAL(18,4)" if amount else "VARCHAR"
    for column, (type_, sql) in WORDS.items():
        if type_ == wanted and sql in (_amount(pointer), _text(pointer)):
            return f"b.{column}"
    return amount_of("b.properties", pointer) if amount else text_of("b.properties", pointer)


def _amount(pointer: str) -> str:
    return amount_of("properties", pointer)


def _text(pointer: str) -> str:
    return text_of("properties", pointer)


def _pointer(node: feel.Node, what: str) -> str:
    match node:
        case feel.Name(name=name):
            return "/" + name.replace("~", "~0").replace("/", "~1")
        case feel.Path(base=base, name=name):
            return _pointer(base, what) + "/" + name.replace("~", "~0").replace("/", "~1")
    raise InvalidInput(f"The {what} is no property of a fact.", hint="Write it as total or a.b.")
