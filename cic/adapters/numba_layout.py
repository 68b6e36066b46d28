"""How the compiled kernel's arrays are laid out: the letters that all compiled code calls them by.

``E`` facts in order of arrival; ``P`` the kinds of facts: an event and what it says something to; ``V`` the
facts' values, packed; ``B`` the texts that order facts of one moment; ``I`` identities; ``C`` customers;
``A`` the traits' numbers in four bytes each, ``N`` the same memory in eight; ``D`` where the numbers that belong to
each signal are in it; ``Q`` who was touched;
``H`` the newest fact of each customer with each distinct value; ``L`` late facts, one heap by window;
``T`` traits, in order of windows and signals; ``R`` where those of a window and a signal begin; ``W`` windows,
the last one is all time; ``X`` edges; ``S`` scalars.

Numbers that the same events change are in one block, a row for each customer, signal by signal: what a fact
changes in all windows lies in as few lines of memory as can be, and the next window that it leaves finds them
where the last one did; blocks of frequent events stay near the processor. What counts facts or points to one has
four bytes, since there are fewer than 2³¹ of them; amounts have eight, and sums twelve.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: Any = {"cache": True, "_nrt": False}
# Arrays are not counted as held and let go of: the kernel holds them while it calls, what is compiled for facts
# makes none, and counting took two thirds of the time.
compiled = njit(**_OPTIONS)
inlined = njit(forceinline=True, **_OPTIONS)

NEVER = 1 << 62
EMPTY = -(1 << 62)
STALE = EMPTY - 1
NO_FACT, LOST_FACT = -1, -2
"""What first and last have instead of a fact: none, or one that is to be looked for."""
COUNT, SUM, AVERAGE, MIN, MAX, FIRST, LAST, DISTINCT = range(8)
KINDS = ("count", "sum", "average", "min", "max", "first", "last", "distinct")
WIDE, NARROW = (0, 1, 1, 1, 1, 0, 0, 0), (1, 1, 2, 0, 0, 1, 1, 1)
"""By kind: how many numbers of eight bytes and of four it has for each customer."""
(CLOCK, FACTS, VALUES, TAIL, DUE, TOUCHED, TRACK, DEAD, VALUED, TEXT, SLOTS, WORDS, HEAP) = range(
    13
)
NEWEST, DISTINCTS = 13, 14
FOUND = 15
"""From here on: of each distinct signal the fact that had the value before the one at hand."""
ASKED = FOUND + 32
"""From here on: the signal of each of the ``DISTINCTS``."""
SCALARS = ASKED + 32
FAR = 1 << 61
"""Sums beyond it, either way, are not compared with edges: whoever has one is touched."""
OWNER, NEXT, NEWEST_OF = range(3)
"""The rows of ``I``: who owns an identity, her next one, and its newest fact."""
LATE = np.uint32(1) << np.uint32(31)
"""A bit of ``past``: the fact is not in the order of the log; heaps hold it."""

FACT = np.dtype(
    [
        ("time", "i8"),
        ("text", "i8"),
        ("place", "u4"),
        ("identity", "i4"),
        ("link", "i4"),
        ("live", "u4"),
        ("past", "u4"),
        ("kind", "u4"),
    ]
)
"""``place``: first of its values; ``link``: the identity's fact before it; ``live``: bit by window; ``past``: bit
by distinct signal for which a newer fact has the same value; ``kind``: its place in ``P``."""
KIND = np.dtype([("said", "u8"), ("event", "i4")], align=True)
"""``said``: bit by signal."""
SIGNAL = np.dtype([("base", "i8"), ("stride", "i8"), ("length", "i8")])
"""In bytes: where the first customer's numbers are, how far it is to the next one's, how long they are."""
ENTRY = np.dtype([("time", "i8"), ("fact", "i8")])
"""A late fact in a heap, with its time: who puts a heap in order need not look at the facts."""
SLOT = np.dtype([("what", "i8"), ("customer", "i4"), ("fact", "i4")])
TRAIT = np.dtype(
    [
        ("bit", "u8"),
        ("narrow", "i8"),
        ("wide", "i8"),
        ("stride", "i8"),
        ("kind", "i4"),
        ("signal", "i4"),
        ("window", "i4"),
        ("distinct", "i4"),
        ("word", "i4"),
        ("edges", "i4"),
        ("until", "i4"),
    ],
    align=True,
)
"""``narrow``, ``wide``: the first customer's numbers in ``A`` and in ``N``; ``stride``: how many numbers of four bytes
it is to the next one's; ``edges`` to ``until``: the numbers that matter,
−1: any change does. ``bit`` 0: nobody looks."""
WINDOW = np.dtype(
    [("length", "i8"), ("position", "i8"), ("due", "i8"), ("late", "i8"), ("signals", "u8")]
)
"""``signals``: which signals any of its traits reads."""
