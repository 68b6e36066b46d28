"""Segments: who belongs together right now."""

from __future__ import annotations

from cid.kit.definitions import Definition, Feel, Section


class Segment(Definition):
    """Customers who meet a condition right now.

    The condition is FEEL over attributes, traits and other segments by name, and ``consent(purpose, channel)``.
    """

    when: Feel


SEGMENTS = Section("segments", Segment)
