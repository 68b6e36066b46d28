"""Which customers and which facts a question is about, in SQL."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cic.columns import text_literal
from cic.exploration.questions import Asked, Funnel, Step, Table
from cic.semantics import Vocabulary
from cic.semantics.reading import condition, expression, fact_is
from cid.feel import names
from cid.kit.errors import InvalidInput, NotFound


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


def words_of(asked: Asked, vocabulary: Vocabulary) -> set[str]:
    """Return the dimensions that a question names."""
    found = set(
        names(expression(asked.filter, "filter", vocabulary.dimensions)) if asked.filter else ()
    )
    match asked:
        case Table(dimensions=dimensions):
            found.update(dimensions)
        case Funnel(by=by) if by:
            found.add(by)
    return found


def members(segment: str) -> str:
    """Return the condition that a customer is in a segment now."""
    named = text_literal(segment)
    return f"b.customer_key IN (SELECT m.customer_key FROM memberships m WHERE m.segment = {named})"


def happened(step: Step, what: str) -> str:
    """Return the condition that a fact is a step."""
    return fact_is([step.event], step.where, what)


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


def literal(value: Any) -> str:
    """Write a value of a dimension for SQL.

    >>> literal("it's"), literal(None), literal(1.5)
    ("'it''s'", 'NULL', '1.5')
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(Decimal(repr(value)) if isinstance(value, float) else value)
        case datetime():
            return f"TIMESTAMP '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return text_literal(value)
        case _:
            raise InvalidInput(f"{value!r} is not the value of a dimension.")
