"""The nouns of decision models: what is decided from what, boxed expressions, tables and types.

The words are those of OMG's Decision Model and Notation (DMN); the form is that of our YAML files. A text
is always FEEL. Reading and writing the XML of the standard is an adapter's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from cid.kit.definitions import Definition, Feel

Hit = Literal[
    "unique", "any", "priority", "first", "rule order", "output order",
    "collect", "collect sum", "collect min", "collect max", "collect count",
]  # fmt: skip
"""Which rows count where several match, and how their outputs become one value."""

HIT_LETTERS: dict[str, Hit] = {
    "U": "unique", "A": "any", "P": "priority", "F": "first", "R": "rule order",
    "O": "output order", "C": "collect", "C+": "collect sum", "C<": "collect min",
    "C>": "collect max", "C#": "collect count",
}  # fmt: skip
"""What the standard writes into the corner of a table."""


def hit_named(given: object) -> object:
    """Take ``F``, ``FIRST`` or ``first`` for the same hit policy."""
    if not isinstance(given, str):
        return given
    text = " ".join(given.split())
    return HIT_LETTERS.get(text.upper().replace(" ", ""), text.lower())


HitPolicy = Annotated[Hit, BeforeValidator(hit_named)]


class Noun(BaseModel):
    """A part of a decision model: fixed, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Item(Noun):
    """A type that the analyst defined: a structure, a list, or values that are allowed."""

    type: str = ""
    """The type it narrows, or of which it is a list; empty where it has parts."""
    parts: dict[str, Item] = Field(default_factory=dict)
    list: bool = False
    allowed: Feel = ""
    """Unary tests that each value (of a list: each element) meets."""
    constraint: Feel = ""
    """Unary tests that the value as a whole meets."""
    parameters: dict[str, str] | None = None
    """The types of a function's parameters; ``type`` is then that of its result."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: object) -> object:
        """Accept ``age: number`` for ``age: {type: number}``."""
        return {"type": data} if isinstance(data, str) else data


class Feeled(Noun):
    """A FEEL text, with the type that its value must have."""

    feel: Feel
    type: str = ""
    language: str = ""
    """Another language than FEEL, which we do not run: the value is null."""


class InputClause(Noun):
    """A column of a table that is tested."""

    feel: Feel
    type: str = ""
    values: Feel = ""
    label: str = ""


class OutputClause(Noun):
    """A column of a table that is answered."""

    name: str = ""
    type: str = ""
    values: Feel = ""
    """The allowed values; for `priority` and `output order` the best one first."""
    default: Feel = ""
    label: str = ""


def _clause(given: object) -> object:
    return {"feel": given} if isinstance(given, str | int | float | bool) else given


def _named(given: object) -> object:
    return {"name": given} if isinstance(given, str) else given


class Grid(Noun):
    """A decision table: input cells are unary tests, output cells are expressions."""

    inputs: tuple[Annotated[InputClause, BeforeValidator(_clause)], ...] = ()
    outputs: tuple[Annotated[OutputClause, BeforeValidator(_named)], ...] = Field(min_length=1)
    hit: HitPolicy = "unique"
    rows: tuple[tuple[Feel, ...], ...] = ()
    notes: tuple[str, ...] = ()
    """What the analyst remarked, a text for each row."""


class Boxed(Noun):
    """An expression with a box of its own; ``type`` is what its value must be."""

    type: str = ""

    def parts(self) -> Iterator[Any]:
        """Give the expressions directly within."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for each in value.values() if isinstance(value, dict) else [value]:
                if isinstance(each, Noun):
                    yield each


class TableBox(Boxed):
    """A decision table."""

    table: Grid


class ContextEntry(Noun):
    """A named value of a context; without a name it is the context's result."""

    name: str = ""
    type: str = ""
    value: Expression = Field(alias="is")


class ContextBox(Boxed):
    """Named values, each of which may use those before it."""

    context: tuple[ContextEntry, ...]


class ListBox(Boxed):
    """A list of expressions."""

    list: tuple[Expression, ...]


class Relation(Noun):
    """The columns and rows of a list of contexts."""

    columns: tuple[str, ...]
    types: tuple[str, ...] = ()
    rows: tuple[tuple[Expression, ...], ...]


class RelationBox(Boxed):
    """A list of contexts written as a grid."""

    relation: Relation


class Logic(Noun):
    """A function: its parameters with their types, and what it gives."""

    parameters: dict[str, str] = Field(default_factory=dict)
    kind: Literal["FEEL", "Java", "PMML"] = "FEEL"
    """Only FEEL is run here; a function of another kind gives null."""
    value: Expression | None = Field(None, alias="is")
    type: str = ""


class FunctionBox(Boxed):
    """A function as a value."""

    function: Logic


class CallBox(Boxed):
    """A function at work."""

    call: Expression
    given: dict[str, Expression] = Field(default_factory=dict, alias="with")


class IfBox(Boxed):
    """One of two values, as a condition says."""

    condition: Expression = Field(alias="if")
    then: Expression
    otherwise: Expression = Field(alias="else")


class ForBox(Boxed):
    """A list with one value for each turn."""

    name: str = Field(alias="for")
    source: Expression = Field(alias="in")
    body: Expression = Field(alias="return")


class SomeBox(Boxed):
    """Whether a condition holds for at least one element."""

    name: str = Field(alias="some")
    source: Expression = Field(alias="in")
    body: Expression = Field(alias="satisfies")


class EveryBox(Boxed):
    """Whether a condition holds for all elements."""

    name: str = Field(alias="every")
    source: Expression = Field(alias="in")
    body: Expression = Field(alias="satisfies")


class FilterBox(Boxed):
    """The elements of a list that meet a condition."""

    source: Expression = Field(alias="filter")
    match: Expression = Field(alias="where")


_KINDS: dict[str, type[Noun]] = {
    "feel": Feeled, "table": TableBox, "context": ContextBox, "list": ListBox,
    "relation": RelationBox, "function": FunctionBox, "call": CallBox, "if": IfBox,
    "for": ForBox, "some": SomeBox, "every": EveryBox, "filter": FilterBox,
}  # fmt: skip


def _kind(given: object) -> str | None:
    if isinstance(given, dict):
        return next((word for word in _KINDS if word in given), None)
    return next((word for word, kind in _KINDS.items() if type(given) is kind), None)


def _written(given: object) -> object:
    """Take a plain text, number or truth value for FEEL."""
    if given is None:
        return {"feel": "null"}
    return {"feel": given} if isinstance(given, str | int | float | bool) else given


Expression = Annotated[
    Annotated[Feeled, Tag("feel")]
    | Annotated[TableBox, Tag("table")]
    | Annotated[ContextBox, Tag("context")]
    | Annotated[ListBox, Tag("list")]
    | Annotated[RelationBox, Tag("relation")]
    | Annotated[FunctionBox, Tag("function")]
    | Annotated[CallBox, Tag("call")]
    | Annotated[IfBox, Tag("if")]
    | Annotated[ForBox, Tag("for")]
    | Annotated[SomeBox, Tag("some")]
    | Annotated[EveryBox, Tag("every")]
    | Annotated[FilterBox, Tag("filter")],
    Discriminator(
        _kind,
        custom_error_type="no_expression",
        custom_error_message="an expression is FEEL, or a box with one of: " + ", ".join(_KINDS),
    ),
    BeforeValidator(_written),
]
"""FEEL, or a box of the standard."""


class Decision(Noun):
    """One thing that is decided, and what it needs to know."""

    needs: tuple[str, ...] = ()
    """Inputs, decisions and functions by name; those of an imported model as ``model.name``."""
    type: str = ""
    value: Expression | None = Field(None, alias="is")
    question: str = ""


class Knowledge(Noun):
    """Business knowledge: a function that decisions share."""

    needs: tuple[str, ...] = ()
    type: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)
    kind: Literal["FEEL", "Java", "PMML"] = "FEEL"
    value: Expression | None = Field(None, alias="is")


class DecisionService(Noun):
    """Decisions that are asked for together, as one function."""

    type: str = ""
    outputs: tuple[str, ...] = ()
    decides: tuple[str, ...] = ()
    """Further decisions that are made within."""
    given: tuple[str, ...] = ()
    """Decisions whose values are given instead of being made."""
    inputs: tuple[str, ...] = ()


UNNAMED = "*"
"""Begins the word of an import without a name: what it holds is as if it were written here."""


class DecisionModel(Definition):
    """A decision model: inputs, decisions, shared functions, services, and the types they speak of."""

    namespace: str = ""
    """The name under which the world knows the model."""
    imports: dict[str, str] = Field(default_factory=dict)
    """By the word used here: the namespace of another model."""
    types: dict[str, Item] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    """By name: the type; empty where anything will do."""
    decisions: dict[str, Decision] = Field(default_factory=dict)
    functions: dict[str, Knowledge] = Field(default_factory=dict)
    services: dict[str, DecisionService] = Field(default_factory=dict)
    ids: dict[str, str] = Field(default_factory=dict)
    """By the id that a file of the standard gives: the name; other files refer to it."""


for _noun in (
    ContextEntry, ContextBox, ListBox, Relation, RelationBox, Logic, FunctionBox, CallBox, IfBox,
    ForBox, SomeBox, EveryBox, FilterBox, Item, Decision, Knowledge, DecisionModel,
):  # fmt: skip
    _noun.model_rebuild()
