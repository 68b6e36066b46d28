"""Turn what was counted into a number that says how sure it is, and compare it honestly.

Pure: rows or their totals in, readings out. Periods are in ``period``, the SQL in ``sql``.
"""

from cbc.measurement.period import Period, partial, trend
from cbc.measurement.reading import Reading, Totals, compare, number, read, verdict
from cbc.measurement.sql import drill_sql, rows_sql, tables_read, totals_sql

__all__ = [
    "Period",
    "Reading",
    "Totals",
    "compare",
    "drill_sql",
    "number",
    "partial",
    "read",
    "rows_sql",
    "tables_read",
    "totals_sql",
    "trend",
    "verdict",
]
