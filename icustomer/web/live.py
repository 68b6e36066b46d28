"""The live strip: is the company's customer knowledge alive and true?"""

from __future__ import annotations

from typing import Any


def live(company: Any) -> dict[str, Any]:
    """Return the figures of the strip; it may call itself green only when nothing is wrong."""
    ledger = company.cii.ledger()
    verified = company.cic.last_verification()
    waiting = int(ledger["states"].get("quarantined", 0))
    return {
        "records": int(ledger["received"]),
        "last_record": ledger["last_received"],
        "quarantined": waiting,
        "verified_at": verified["at"] if verified else None,
        "mismatches": int(verified["mismatches"]) if verified else None,
        "balanced": bool(ledger["balanced"]),
    }
