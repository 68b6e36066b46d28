"""The planner: each kind of question becomes one plan, and each row of its answer one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cic.exploration import basket, funnel, paths, retention, rfm, table
from cic.exploration.answers import Plan
from cic.exploration.periods import Span
from cic.exploration.questions import Basket, Funnel, Paths, Question, Retention, Rfm, Table
from cic.semantics import Vocabulary


def plan(question: Question, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan the answer to a question.

    Raises:
        InvalidInput: its parts do not go together.
        NotFound: it uses a word that does not exist.
    """
    match question:
        case Table():
            return table.plan(question, vocabulary, span)
        case Funnel():
            return funnel.plan(question, vocabulary, span)
        case Retention():
            return retention.plan(question, vocabulary, span)
        case Paths():
            return paths.plan(question, vocabulary, span)
        case Rfm():
            return rfm.plan(question, vocabulary, span)
        case Basket():
            return basket.plan(question, vocabulary, span)


def drill(
    question: Question,
    vocabulary: Vocabulary,
    span: Span,
    row: Mapping[str, Any],
    *,
    portable: bool = False,
) -> str:
    """Write the SQL of the customers behind a row, yielding (customer, behind).

    ``portable`` keeps to what every engine has.

    Raises:
        NotFound: the row has a part that answers to this question do not have.
    """
    match question:
        case Table():
            return table.drill(question, vocabulary, span, row)
        case Funnel():
            return funnel.drill(question, vocabulary, span, row, nearest=not portable)
        case Retention():
            return retention.drill(question, vocabulary, span, row)
        case Paths():
            return paths.drill(question, vocabulary, span, row)
        case Rfm():
            return rfm.drill(question, vocabulary, span, row)
        case Basket():
            return basket.drill(question, vocabulary, span, row)
