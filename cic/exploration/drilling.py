"""Drilling: from a row of an answer to the customers behind it, by the same conditions."""

from __future__ import annotations


def listed(drill: str) -> str:
    """Write the SQL that lists customers with name, those with most behind the row first.

    ``drill`` yields (customer, behind); what belongs to nobody we know is left out.
    """
    return (
        "SELECT h.customer, p.name, h.behind, count(*) OVER () AS size FROM (\n"
        f"{drill}\n"
        ") h LEFT JOIN customers p ON p.customer = h.customer "
        "WHERE h.customer IS NOT NULL ORDER BY h.behind DESC, h.customer"
    )
