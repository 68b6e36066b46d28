"""The web frame: one look, two languages, light and dark, for the pages of all layers."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Files served under ``/static``: our own style and scripts and the vendored libraries."""
