"""The SQL of a measure: its rows in one period, and their totals in many periods with one query."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cbc.measurement.period import Period
from cbc.model import Measure
from cbc.ports import HISTORY
from cid.kit.clock import format_time

_PARAMETER = re.compile(r"\$(start|end)\b")
_TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]+)\b(?!\s*\()", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")

# Columns a measure may leave out: an empty relation adds them by name, as null.
_OPTIONAL = (
    "SELECT NULL::TIMESTAMP AS time, NULL::VARCHAR AS arm, NULL::VARCHAR AS stratum WHERE false"
)

_MEMBERS = """ WHERE customer IN (
  SELECT customer FROM changes WHERE segment = $segment AND effective_at < {start}
  GROUP BY customer HAVING arg_max(kind, (effective_at, known_at)) = 'entered')"""

TOTALS = (
    "coalesce(arm, '') AS arm, coalesce(CAST(stratum AS VARCHAR), '') AS stratum,"
    " count(*) AS rows, sum(numerator) AS numerator, sum(denominator) AS denominator,"
    " sum(CAST(numerator AS DOUBLE) * CAST(numerator AS DOUBLE)) AS squares,"
    " sum(CAST(numerator AS DOUBLE) * CAST(denominator AS DOUBLE)) AS products,"
    " sum(CAST(denominator AS DOUBLE) * CAST(denominator AS DOUBLE)) AS weights,"
    " count(*) FILTER (WHERE denominator <> 1 OR numerator NOT IN (0, 1)) AS uneven,"
    " count(*) FILTER (WHERE numerator < 0 OR numerator > denominator) AS outside,"
    " max(time) AS latest"
)


def rows_sql(measure: Measure, period: Period) -> str:
    """Write the SELECT whose rows are what is counted in a period.

    The moments are written into the text, so that it can be copied and run anywhere as it stands.
    """
    moments = {"start": _literal(period.start), "end": _literal(period.end)}
    return _PARAMETER.sub(lambda found: moments[found[1]], measure.rows).strip().rstrip(";")


def drill_sql(measure: Measure, period: Period, limit: int) -> str:
    """Write the SELECT that shows what is counted, in a stable order."""
    return f"SELECT * FROM (\n{rows_sql(measure, period)}\n) ORDER BY ALL LIMIT {int(limit)}"


def totals_sql(measure: Measure, periods: Sequence[Period], *, of_segment: bool = False) -> str:
    """Write one SELECT that adds up what is counted, once for each period (from 0 on).

    With ``of_segment`` only those count who were in ``$segment`` when the period began: whoever
    left it meanwhile still counts, or the number would flatter itself.
    """
    return "\nUNION ALL\n".join(
        f"SELECT {place} AS period, {TOTALS} FROM (\n"
        f"SELECT * FROM (\n{rows_sql(measure, period)}\n)"
        f"{_MEMBERS.format(start=_literal(period.start)) if of_segment else ''}"
        f" UNION ALL BY NAME {_OPTIONAL}\n) GROUP BY ALL"
        for place, period in enumerate(periods)
    )


def tables_read(measure: Measure) -> list[str]:
    """Name the tables of the history a measure reads, as ``layer.table``."""
    found = {name.lower() for name in _TABLE.findall(_COMMENT.sub("", measure.rows))}
    return sorted(f"{HISTORY[name].layer}.{name}" for name in found & HISTORY.keys())


def _literal(moment: int) -> str:
    return f"TIMESTAMP '{format_time(moment)[:-1].replace('T', ' ')}'"
