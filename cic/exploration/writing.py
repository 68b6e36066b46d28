"""Writing the SQL of a table: each measure on its base, then side by side by the dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cic.columns import quoted
from cic.exploration.answers import Column
from cic.exploration.periods import Shift, Span
from cic.exploration.picking import members, typed
from cic.exploration.questions import Table
from cic.semantics import BASES, STRETCHES, Vocabulary
from cic.semantics.reading import condition, expression
from cid.feel import names
from cid.kit.definitions import Title
from cid.kit.errors import InvalidInput, NotFound


class Writing:
    """Writes the SQL of one table."""

    def __init__(self, question: Table, vocabulary: Vocabulary, span: Span) -> None:
        self.question = question
        self.vocabulary = vocabulary
        self.span = span
        self.outside: tuple[str, ...] = ()
        """Dimensions whose values must not be those of the first rows."""
        self.by_base: dict[str, list[str]] = {}
        for name in question.measures:
            self.by_base.setdefault(vocabulary.measures[name].base, []).append(name)
        self.filter = None
        self.filtered: list[str] = []
        if question.filter:
            self.filter = expression(question.filter, "filter", vocabulary.dimensions)
            self.filtered = sorted(names(self.filter))
            for name in self.filtered:
                if name not in vocabulary.dimensions:
                    raise NotFound("dimension", name, vocabulary.dimensions)
                if name == "segment" and "segment" not in question.dimensions:
                    raise InvalidInput(
                        "A customer is in many segments; a filter on one would count them several"
                        " times.",
                        hint='Say "segment": "name" in the query instead.',
                    )

    def sql(self) -> str:
        """Write the whole question."""
        ordered = self.ordered()
        return self.with_others(ordered) if self.question.others else ordered

    def ordered(self) -> str:
        """Write the rows in their order, without the others."""
        question = self.question
        before = self.span.before(question.compare) if question.compare else None
        if before is None and len(self.by_base) == 1:
            ((base, measures),) = self.by_base.items()
            whole = self.part(base, measures, self.span, plainly=True)
        else:
            parts = [self.part(base, each, self.span) for base, each in self.by_base.items()]
            if before:
                parts += [
                    self.part(base, each, before[0], before[1])
                    for base, each in self.by_base.items()
                ]
            wanted = [quoted(name) for name in question.dimensions]
            wanted += [self.only(name, suffix) for name, suffix in self.numbers()]
            whole = f"SELECT {', '.join(wanted)}\nFROM (\n  " + "\n  UNION ALL ".join(parts) + "\n)"
            if question.dimensions:
                whole += f"\nGROUP BY {', '.join(map(quoted, question.dimensions))}"
        if not question.dimensions:
            return whole
        ordered = f"{whole}\nORDER BY {self.order()}"
        if question.top:
            ordered += f"\nLIMIT {question.top}"
        return ordered

    def with_others(self, ordered: str) -> str:
        """Add one row for all that the first rows leave out, counted anew and not added up."""
        nothing = ", ".join(f"NULL AS {quoted(name)}" for name in self.question.dimensions)
        alone = Writing(
            self.question.model_copy(update={"dimensions": (), "top": None, "others": False}),
            self.vocabulary,
            self.span,
        )
        alone.outside = self.question.dimensions
        rest = alone.sql()
        numbers = ", ".join(quoted(name + suffix) for name, suffix in self.numbers())
        dims = ", ".join(map(quoted, self.question.dimensions))
        return (
            f"WITH first_rows AS (\n{ordered}\n)\n"
            f"SELECT {dims}, {numbers} FROM (\n"
            f"SELECT 0 AS place, {dims}, {numbers} FROM first_rows\nUNION ALL\n"
            f"SELECT 1 AS place, {nothing}, {numbers} FROM (\n{rest}\n))\n"
            f"ORDER BY place, {self.order()}"
        )

    def numbers(self) -> list[tuple[str, str]]:
        """Return the columns of numbers: (measure, what stands behind its name)."""
        suffixes = ("", " before") if self.question.compare else ("",)
        return [(name, suffix) for name in self.question.measures for suffix in suffixes]

    def part(
        self,
        base: str,
        measures: Sequence[str],
        span: Span,
        shift: Shift | None = None,
        plainly: bool = False,
    ) -> str:
        """Write the numbers of one base in one period; all other numbers are null."""
        question = self.question
        wanted = [
            f"{self.dimension(base, name, shift)} AS {quoted(name)}" for name in question.dimensions
        ]
        wheres = {self.vocabulary.measures[name].where for name in measures}
        alone = len(wheres) == 1
        for name, suffix in self.numbers():
            if name in measures and bool(suffix) == (shift is not None):
                counted = self.vocabulary.measures[name]
                sql = counted.aggregate(alone=alone)
                if plainly and counted.zero:
                    sql = f"coalesce({sql}, 0)" if counted.how == "sum" else sql
            elif plainly:
                continue
            else:
                sql = "NULL"
            wanted.append(f"{sql} AS {quoted(name + suffix)}")
        asked = [f"({' OR '.join(f'({each})' for each in sorted(wheres))})"] if all(wheres) else []
        conditions = [*asked, *self.conditions(base, span, shift)]
        sql = (
            f"SELECT {', '.join(wanted)} FROM {self.joined(base, set(question.dimensions), span)} "
            f"WHERE {' AND '.join(conditions)}"
        )
        if question.dimensions:
            sql += f" GROUP BY {', '.join(str(n + 1) for n in range(len(question.dimensions)))}"
        return sql

    def only(self, name: str, suffix: str) -> str:
        """Write the value of a measure where all parts stand side by side."""
        # Each part has one row for a combination of dimensions: the largest is the only value.
        value = f"max({quoted(name + suffix)})"
        if self.vocabulary.measures[name].zero:
            value = f"coalesce({value}, 0)"
        return f"{value} AS {quoted(name + suffix)}"

    def joined(self, base: str, more: set[str], span: Span) -> str:
        """Return the rows of a base with what is known of their customers, as far as it is used."""
        used = {*more, *self.filtered, *self.outside}
        seen = span.conditions('"time"', behind=BASES[base].behind)
        sql = f"{BASES[base].rows.replace('{seen}', ' AND '.join(seen))} b"
        if any(self.vocabulary.of_customer(name) for name in used - {*BASES[base].dimensions}):
            # One row for each customer, so nothing is counted twice.
            sql += " LEFT JOIN customers c ON c.customer_key = b.customer_key"
        if "segment" in used and self.dimension(base, "segment") == "m.segment":
            sql += " LEFT JOIN memberships m ON m.customer_key = b.customer_key"
        return sql

    def conditions(self, base: str, span: Span, shift: Shift | None = None) -> list[str]:
        """Return which rows of a base the question is about."""
        found = span.conditions(BASES[base].time)
        if self.question.segment:
            found.append(members(self.question.segment))
        if self.filter is not None:
            columns = {
                name: typed(self.vocabulary, name, self.dimension(base, name))
                for name in self.filtered
            }
            found.append(condition(self.filter, columns, "filter"))
        if self.outside:
            same = " AND ".join(
                f"f.{quoted(name)} IS NOT DISTINCT FROM {self.dimension(base, name, shift)}"
                for name in self.outside
            )
            found.append(f"NOT EXISTS (SELECT 1 FROM first_rows f WHERE {same})")
        return found

    def dimension(self, base: str, name: str, shift: Shift | None = None) -> str:
        """Return what a dimension is on a base; what was before is moved to where it is compared."""
        later = local = ""
        if shift is not None and (shift.months or shift.days):
            number, unit = (shift.months, "MONTH") if shift.months else (shift.days, "DAY")
            later = f" + INTERVAL '{number}' {unit}"
        elif shift is not None and shift.millis:
            local = f" + INTERVAL '{shift.millis}' MILLISECOND"
        found = self.vocabulary.on(base, name, later, local)
        if found is None:
            able = ", ".join(self.vocabulary.split_by(name))
            measure = self.by_base[base][0]
            raise InvalidInput(
                f"{measure!r} cannot be split by {name!r}.", hint=f"These can: {able}."
            )
        return found

    def order(self) -> str:
        """Write the order of the rows; no tie is left to the engine."""
        question = self.question
        if question.order:
            name = question.order.removeprefix("-")
            way = "DESC" if question.order.startswith("-") else "ASC"
            first = f"{quoted(name)} {way} NULLS LAST"
        elif times := [name for name in question.dimensions if name in (*STRETCHES, "weekday")]:
            first = f"{quoted(times[0])} ASC NULLS LAST"
        else:
            first = f"{quoted(question.measures[0])} DESC NULLS LAST"
        rest = [f"{quoted(name)} ASC NULLS LAST" for name in question.dimensions]
        return ", ".join(dict.fromkeys([first, *rest]))

    def columns(self) -> tuple[Column, ...]:
        """Describe the columns."""
        found = []
        for name in self.question.dimensions:
            split = self.vocabulary.dimensions[name]
            kind = split.type if split.type in ("number", "boolean", "date") else "text"
            found.append(Column(name, "dimension", kind, split.title, key=True))  # type: ignore[arg-type]
        for name, suffix in self.numbers():
            counted = self.vocabulary.measures[name]
            unit: Any = counted.unit
            role: Any = "before" if suffix else "measure"
            title = counted.title
            if suffix:
                title = Title(en=f"{title.en}, before", zh=f"{title.zh}（之前）")
            found.append(Column(name + suffix, role, unit, title, measure=name))
        return tuple(found)
