"""What is looked for in all facts at once, and facts as columns; compiled. The letters are of `numba_layout`."""

# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, E741

from __future__ import annotations

import numpy as np
from numba import njit

from cic.adapters.numba_layout import (
    EMPTY,
    FACTS,
    FIRST,
    LOST_FACT,
    MAX,
    MIN,
    NEWEST_OF,
    NEXT,
    NO_FACT,
    SLOTS,
    STALE,
)
from cic.adapters.numba_windows import _ONE, _newer, _slot, _value


@njit(cache=True)
def ending(E, B, S, end):
    """Return the live facts whose text ends so."""
    found = []
    size = end.shape[0]
    for e in range(S[FACTS]):
        if not E[e].live or E[e + 1].text - E[e].text < size:
            continue
        start = E[e + 1].text - size
        n = 0
        while n < size and B[start + n] == end[n]:
            n += 1
        if n == size:
            found.append(e)
    return np.array(found, np.int64)


@njit(cache=True)
def find(E, P, V, B, I, C, A, N, T, S, t, customer):
    """Find a stale minimum, maximum or first of a customer again."""
    kind, signal = T[t].kind, T[t].signal
    bit = np.uint32(1) << np.uint32(T[t].window)
    best, oldest = np.int64(EMPTY), np.int64(NO_FACT)
    identity = C[customer, 0]
    while identity >= 0:
        e = np.int64(I[NEWEST_OF, identity])
        while e >= 0:
            if E[e].live & bit and (P[E[e].kind].said >> np.uint64(signal)) & _ONE:
                if kind == FIRST:
                    if oldest < 0 or _newer(E, B, oldest, e):
                        oldest = e
                else:
                    held = _value(E, P, V, S, e, signal)
                    if best == EMPTY or (held < best if kind == MIN else held > best):
                        best = held
            e = np.int64(E[e].link)
        identity = np.int64(I[NEXT, identity])
    if kind == FIRST:
        A[T[t].narrow + customer * T[t].stride] = oldest
    else:
        N[T[t].wide + customer * (T[t].stride >> 1)] = best


@njit(cache=True)
def settle(E, P, V, B, I, C, A, N, T, S, t, first, end):
    """Find all that is stale of one trait of some customers."""
    kind = T[t].kind
    if kind == FIRST:
        for customer in range(first, end):
            if A[T[t].narrow + customer * T[t].stride] == LOST_FACT:
                find(E, P, V, B, I, C, A, N, T, S, t, customer)
    elif kind in (MIN, MAX):
        for customer in range(first, end):
            if N[T[t].wide + customer * (T[t].stride >> 1)] == STALE:
                find(E, P, V, B, I, C, A, N, T, S, t, customer)


@njit(cache=True)
def value_of(E, P, V, S, fact, signal):
    """Return what one fact said to a signal."""
    return _value(E, P, V, S, np.int64(fact), signal)


@njit(cache=True)
def values_of(E, P, V, S, facts, signal):
    """Return what each of some facts said to a signal."""
    found = np.empty(facts.shape[0], np.int64)
    for n in range(facts.shape[0]):
        found[n] = _value(E, P, V, S, np.int64(facts[n]), signal)
    return found


@njit(cache=True)
def rehash(E, H, fresh, S):
    """Carry the newest facts over into a table of another size; what has left is left behind."""
    S[SLOTS] = 0
    for n in range(H.shape[0]):
        if H[n].customer < 0 or H[n].fact < 0 or not E[H[n].fact].live:
            continue
        slot = _slot(fresh, H[n].customer, H[n].what)
        fresh[slot].customer = H[n].customer
        fresh[slot].what = H[n].what
        fresh[slot].fact = H[n].fact
        S[SLOTS] += 1


@njit(cache=True)
def unpack(events, counts, questions, values, wanted, codes, valued, said, packed):
    """Turn what facts answered, one entry for each question, into bits and packed values.

    ``wanted[event, question]`` has a bit for each of our signals that this answers; ``codes`` turns their
    codes into ours for signals whose values are codes. Returns how many values there are.
    """
    entry = 0
    filled = 0
    own = np.empty(64, np.int64)
    always = wanted.shape[1] - 1
    for e in range(said.shape[0]):
        bits = wanted[events[e], always]
        for _ in range(counts[e]):
            found = wanted[events[e], questions[entry]]
            bits |= found
            for signal in range(valued.shape[0]):
                if (found >> np.uint64(signal)) & _ONE and valued[signal]:
                    value = values[entry]
                    own[signal] = codes[value] if valued[signal] == 2 else value
            entry += 1
        said[e] = bits
        for signal in range(valued.shape[0]):
            if valued[signal] and (bits >> np.uint64(signal)) & _ONE:
                packed[filled] = own[signal]
                filled += 1
    return filled


@njit(cache=True)
def pack(E, P, V, keep, valued, answers, counts, questions, values):
    """The other way round: ``answers`` tells which question each signal answers, −1 the one never asked."""
    entry = 0
    for n in range(keep.shape[0]):
        e = keep[n]
        place = E[e].place
        begin = entry
        for signal in range(valued.shape[0]):
            if not (P[E[e].kind].said >> np.uint64(signal)) & _ONE:
                continue
            question = answers[signal]
            value = np.int64(0)
            if valued[signal]:
                value = V[place]
                place += 1
            new = question >= 0
            for other in range(begin, entry):
                if questions[other] == question:
                    new = False
            if new:
                questions[entry] = question
                values[entry] = value
                counts[n] += 1
                entry += 1
    return entry
