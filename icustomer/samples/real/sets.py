"""Which files of a directory are known, and by which flows they are loaded.

A file is known by its columns, not by its name, so that other editions of a set are found as well.
"""

from __future__ import annotations

from pathlib import Path

from cid.kit.definitions import load
from cid.kit.errors import InvalidInput
from cii.flows import FAULT
from cii.model import FLOWS, Flow
from cii.ports import CONNECTORS
from cii.rows import column_name

DEFINITIONS = Path(__file__).parent / "definitions"
"""The company's definitions: flows, identifiers, traits, segments, rules, measures of all sets."""

COLUMNS: dict[str, frozenset[str]] = {
    "online retail buyers": frozenset(("InvoiceNo", "StockCode", "Quantity", "InvoiceDate")),
    "online retail lines": frozenset(("InvoiceNo", "StockCode", "Quantity", "InvoiceDate")),
    "online retail ii buyers": frozenset(("Invoice", "StockCode", "Quantity", "InvoiceDate")),
    "online retail ii lines": frozenset(("Invoice", "StockCode", "Quantity", "InvoiceDate")),
    "incident openings": frozenset(("case_concept_name", "lifecycle_transition", "impact")),
    "incident steps": frozenset(("case_concept_name", "lifecycle_transition", "impact")),
    "helpdesk openings": frozenset(("case_concept_name", "Activity", "time_timestamp")),
    "helpdesk steps": frozenset(("case_concept_name", "Activity", "time_timestamp")),
    "complaints received": frozenset(("Complaint_ID", "Date_received", "Product")),
    "complaints answered": frozenset(("Complaint_ID", "Date_received", "Product")),
    "crm products": frozenset(("product", "series", "sales_price")),
    "crm teams": frozenset(("sales_agent", "manager", "regional_office")),
    "crm accounts": frozenset(("account", "sector", "employees")),
    "crm deals opened": frozenset(("opportunity_id", "deal_stage", "close_date")),
    "crm deals closed": frozenset(("opportunity_id", "deal_stage", "close_date")),
    "offer portfolio": frozenset(("id", "offer_type", "difficulty", "reward")),
    "offer members": frozenset(("id", "became_member_on", "gender")),
    "offer events": frozenset(("person", "event", "value", "time")),
    "web visits": frozenset(("timestamp", "visitorid", "event", "itemid", "transactionid")),
    "web clicks": frozenset(("event_time", "event_type", "product_id", "user_session")),
}
"""The columns by which the files of a flow are known, in the order in which they are best loaded:
the set with the longest story of each customer first, so that its windows run as they ran then."""

SUFFIXES = {
    "csv": (".csv", ".csv.gz"),
    "json": (".json", ".json.gz", ".jsonl", ".jsonl.gz"),
    "parquet": (".parquet",),
}


def find(data: Path) -> list[tuple[str, list[Path]]]:
    """Find the files of a directory that the flows know, in the order in which to load them.

    Sets that are not there are left out; files of other kinds are not touched.
    """
    definitions, _ = load(DEFINITIONS, [FLOWS])
    flows = {name: entry.value for name, entry in definitions.of(FLOWS).items()}
    files = sorted(path for path in data.rglob("*") if path.is_file())
    columns: dict[tuple[str, Path], frozenset[str]] = {}
    kinds: dict[Path, frozenset[str]] = {}
    found = []
    for name, needed in COLUMNS.items():
        flow = flows[name]
        mine = []
        for path in files:
            if path.name.lower().endswith(SUFFIXES[flow.format]):
                key = (flow.format, path)
                if key not in columns:
                    columns[key] = _columns(path, flow)
                # A file is of one kind, which several flows may read.
                if needed <= columns[key] and kinds.setdefault(path, needed) == needed:
                    mine.append(path)
        if mine:
            found.append((name, mine))
    return found


def _columns(path: Path, flow: Flow) -> frozenset[str]:
    """Return the names of a file's columns, as a flow uses them; none where it is no such file."""
    rows = CONNECTORS.load(flow.format)().rows(
        path, {"delimiter": flow.delimiter, "encoding": flow.encoding}
    )
    try:
        row = next((row for row in rows if FAULT not in row), {})
    except InvalidInput:
        return frozenset()
    return frozenset(column_name(name) for name in row)
