"""Windows in arrays, compiled: what `numba_kernel` calls for each fact or for millions of them.

All state is in a handful of arrays, handed to every function in the same order:

``E`` facts in order of arrival; ``V`` their values, packed; ``B`` the texts that order facts of one
moment; ``I`` identities; ``C`` customers; ``A`` the traits' numbers by customer; ``Q`` who was touched;
``H`` the newest fact of each customer with each distinct value; ``L`` late facts, one heap by window;
``T`` traits, in order of their windows; ``W`` windows, the last one is all time; ``X`` edges; ``S`` scalars.

A fact is inserted into all windows that are open for it and taken out of each exactly once: ``live`` says
which it is in. Minimum, maximum and first go stale when their fact leaves and are found again when somebody
asks; of the facts with one distinct value only the newest is counted, since it leaves last.
"""

# Compiled code has the types of its arguments; the arrays have the letters that the text above gives them.
# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, ANN202, E741

from __future__ import annotations

import numpy as np
from numba import njit

NEVER = 1 << 62
EMPTY = -(1 << 62)
STALE = EMPTY - 1
COUNT, SUM, AVERAGE, MIN, MAX, FIRST, LAST, DISTINCT = range(8)
(CLOCK, FACTS, VALUES, TAIL, DUE, TOUCHED, TRACK, DEAD, VALUED, TEXT, SLOTS, WORDS, HEAP) = range(
    13
)
FOUND = 13
"""From here on: of each distinct signal the fact that had the value before the one at hand."""
SCALARS = FOUND + 32
LOW = (1 << 32) - 1
FAR = 1 << 29

FACT = np.dtype(
    [
        ("time", "i8"),
        ("said", "u8"),
        ("place", "i8"),
        ("text", "i8"),
        ("identity", "i4"),
        ("link", "i4"),
        ("live", "u4"),
        ("past", "u4"),
        ("event", "i4"),
    ]
)
"""``said``: bit by signal; ``place``: first of its values; ``link``: the identity's fact before it;
``live``: bit by window; ``past``: bit by distinct signal for which a newer fact has the same value."""
IDENTITY = np.dtype([("owner", "i4"), ("next", "i4"), ("last", "i4")])
SLOT = np.dtype([("what", "i8"), ("customer", "i4"), ("fact", "i4")])
TRAIT = np.dtype(
    [
        ("kind", "i4"),
        ("signal", "i4"),
        ("column", "i4"),
        ("window", "i4"),
        ("distinct", "i4"),
        ("word", "i4"),
        ("bit", "u8"),
        ("edges", "i4"),
        ("until", "i4"),
    ]
)
"""``edges`` to ``until``: the numbers that matter; −1: any change does. ``bit`` 0: nobody looks."""
WINDOW = np.dtype(
    [
        ("length", "i8"),
        ("position", "i8"),
        ("due", "i8"),
        ("late", "i8"),
        ("start", "i4"),
        ("end", "i4"),
        ("signals", "u8"),
    ]
)
"""``start`` to ``end``: its traits; ``signals``: which signals any of them reads."""

_ONE = np.uint64(1)


@njit(cache=True)
def _ones(bits):
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + (
        (bits >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def _value(E, V, S, e, signal):
    before = E[e].said & np.uint64(S[VALUED]) & ((_ONE << np.uint64(signal)) - _ONE)
    return V[E[e].place + _ones(before)]


@njit(cache=True)
def _newer(E, B, a, b):
    """Whether a comes after b in the total order of facts."""
    if E[a].time != E[b].time:
        return E[a].time > E[b].time
    i, j = E[a].text, E[b].text
    end, stop = E[a + 1].text, E[b + 1].text
    while i < end and j < stop:
        if B[i] != B[j]:
            return B[i] > B[j]
        i += 1
        j += 1
    if (end - i) != (stop - j):
        return (end - i) > (stop - j)
    return a > b


@njit(cache=True)
def _slot(H, customer, what):
    """Return the place of a key, or of the free place where it would be."""
    mask = H.shape[0] - 1
    mixed = (np.uint64(what) * np.uint64(0x9E3779B97F4A7C15)) ^ (
        np.uint64(customer) * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    at = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))
    while H[at].customer >= 0 and (H[at].customer != customer or H[at].what != what):
        at = (at + 1) & mask
    return at


@njit(cache=True)
def _touch(C, Q, S, T, t, customer):
    bit = T[t].bit
    if not bit or not S[TRACK]:
        return
    new = True
    for word in range(S[WORDS]):
        if C[customer, word + 1]:
            new = False
    if new:
        Q[S[TOUCHED]] = customer
        S[TOUCHED] += 1
    C[customer, T[t].word + 1] |= np.int64(bit)


@njit(cache=True)
def _moved(C, Q, S, T, X, t, customer, before, after):
    """Touch a customer if a number came past, to or from one that somebody compares it with."""
    if T[t].edges >= 0:
        low, high = min(before, after), max(before, after)
        hit = False
        for n in range(T[t].edges, T[t].until):
            if X[n] >= low:
                hit = X[n] <= high and low != high
                break
        if not hit:
            return
    _touch(C, Q, S, T, t, customer)


@njit(cache=True)
def _summed(C, A, Q, S, T, X, t, customer, at, change):
    """Touch a customer whose sum is about to change, if that matters; its two halves cannot overflow."""
    low, high = A[customer, at], A[customer, at + 1]
    if abs(high) < FAR and abs(low >> 32) < FAR:
        before = (high << 32) + low
        _moved(C, Q, S, T, X, t, customer, before, before + change)
    else:
        _touch(C, Q, S, T, t, customer)


@njit(cache=True)
def _contribute(E, V, B, I, C, A, Q, H, T, W, X, S, e):
    """Add a fact to all windows that it is live in."""
    customer = I[E[e].identity].owner
    said, live, track = E[e].said, E[e].live, S[TRACK]
    done = np.uint64(0)
    for w in range(W.shape[0]):
        if not (live >> np.uint32(w)) & np.uint32(1) or not said & W[w].signals:
            continue
        for t in range(W[w].start, W[w].end):
            signal = T[t].signal
            if not (said >> np.uint64(signal)) & _ONE:
                continue
            kind, at = T[t].kind, T[t].column
            if kind == COUNT:
                before = A[customer, at]
                A[customer, at] = before + 1
                if track and T[t].bit:
                    _moved(C, Q, S, T, X, t, customer, before, before + 1)
                continue
            held = _value(E, V, S, e, signal)
            if kind == SUM:
                if track and T[t].bit:
                    _summed(C, A, Q, S, T, X, t, customer, at, held)
                A[customer, at] += held & LOW
                A[customer, at + 1] += held >> 32
                continue
            if kind == AVERAGE:
                A[customer, at] += held & LOW
                A[customer, at + 1] += held >> 32
                A[customer, at + 2] += 1
            elif kind == MIN:
                if A[customer, at] == EMPTY or (
                    A[customer, at] != STALE and held < A[customer, at]
                ):
                    A[customer, at] = held
            elif kind == MAX:
                if A[customer, at] != STALE and held > A[customer, at]:
                    A[customer, at] = held
            elif kind == LAST:
                if A[customer, at] < 0 or _newer(E, B, e, A[customer, at]):
                    A[customer, at] = e
            elif kind == FIRST:
                if A[customer, at] == EMPTY or (
                    A[customer, at] >= 0 and _newer(E, B, A[customer, at], e)
                ):
                    A[customer, at] = e
            else:
                # Find the other fact with this value once for all windows.
                flag = np.uint32(1) << np.uint32(T[t].distinct)
                what = (held << 5) | T[t].distinct
                if (done >> np.uint64(T[t].distinct)) & _ONE:
                    other = S[FOUND + T[t].distinct]
                else:
                    done |= _ONE << np.uint64(T[t].distinct)
                    slot = _slot(H, customer, what)
                    if H[slot].customer < 0:
                        H[slot].customer = customer
                        H[slot].what = what
                        H[slot].fact = -1
                        S[SLOTS] += 1
                    other = np.int64(H[slot].fact)
                    S[FOUND + T[t].distinct] = other
                    if other >= 0 and _newer(E, B, other, e):
                        E[e].past |= flag
                    else:
                        if other >= 0:
                            E[other].past |= flag
                        H[slot].fact = e
                if E[e].past & flag:
                    continue
                if other >= 0 and (E[other].live >> np.uint32(w)) & np.uint32(1):
                    continue
                A[customer, at] += 1
            if track and T[t].bit:
                _touch(C, Q, S, T, t, customer)


@njit(cache=True)
def _leave(E, V, I, C, A, Q, T, W, X, S, w, e):
    """Take a fact out of one window: exactly what was added."""
    E[e].live &= ~(np.uint32(1) << np.uint32(w))
    if not E[e].live:
        S[DEAD] += 1
    customer = I[E[e].identity].owner
    said, track = E[e].said, S[TRACK]
    for t in range(W[w].start, W[w].end):
        signal = T[t].signal
        if not (said >> np.uint64(signal)) & _ONE:
            continue
        kind, at = T[t].kind, T[t].column
        if kind == COUNT:
            before = A[customer, at]
            A[customer, at] = before - 1
            if track and T[t].bit:
                _moved(C, Q, S, T, X, t, customer, before, before - 1)
            continue
        held = _value(E, V, S, e, signal)
        if kind == SUM:
            if track and T[t].bit:
                _summed(C, A, Q, S, T, X, t, customer, at, -held)
            A[customer, at] -= held & LOW
            A[customer, at + 1] -= held >> 32
            continue
        if kind == AVERAGE:
            A[customer, at] -= held & LOW
            A[customer, at + 1] -= held >> 32
            A[customer, at + 2] -= 1
        elif kind in (MIN, MAX):
            if A[customer, at] == held:
                A[customer, at] = STALE
        elif kind == FIRST:
            if A[customer, at] == e:
                A[customer, at] = STALE
        elif kind == LAST:
            # The newest leaves last: nothing is left behind it.
            if A[customer, at] == e:
                A[customer, at] = EMPTY
        elif not (E[e].past >> np.uint32(T[t].distinct)) & np.uint32(1):
            A[customer, at] -= 1
        if track and T[t].bit:
            _touch(C, Q, S, T, t, customer)


@njit(cache=True)
def _push(E, L, W, S, w, e):
    n = W[w].late
    W[w].late = n + 1
    S[HEAP] = max(S[HEAP], n + 1)
    while n > 0:
        above = (n - 1) >> 1
        if E[L[w, above]].time <= E[e].time:
            break
        L[w, n] = L[w, above]
        n = above
    L[w, n] = e


@njit(cache=True)
def _pop(E, L, W, w):
    first = L[w, 0]
    W[w].late -= 1
    size = W[w].late
    e = L[w, size]
    n = 0
    while True:
        below = 2 * n + 1
        if below >= size:
            break
        if below + 1 < size and E[L[w, below + 1]].time < E[L[w, below]].time:
            below += 1
        if E[e].time <= E[L[w, below]].time:
            break
        L[w, n] = L[w, below]
        n = below
    L[w, n] = e
    return first


LATE = np.uint32(1) << np.uint32(31)
"""A bit of ``past``: the fact is not in the order of the log; heaps hold it."""


@njit(cache=True)
def _admit(E, V, B, I, C, A, Q, H, L, T, W, X, S, e):
    """Take in a fact whose columns are written already, at the present clock."""
    clock, time, said = S[CLOCK], E[e].time, E[e].said
    live = np.uint32(0)
    windows = W.shape[0] - 1
    for w in range(windows):
        if said & W[w].signals and time > clock - W[w].length:
            live |= np.uint32(1) << np.uint32(w)
    late = time < S[TAIL]
    if live:
        if late:
            E[e].past = LATE
        else:
            S[TAIL] = time
        for w in range(windows):
            if (live >> np.uint32(w)) & np.uint32(1):
                if late:
                    _push(E, L, W, S, w, e)
                due = time + W[w].length
                if due < W[w].due:
                    W[w].due = due
                    if due < S[DUE]:
                        S[DUE] = due
    elif late:
        E[e].past = LATE
    if said & W[windows].signals:
        live |= np.uint32(1) << np.uint32(windows)
    E[e].live = live
    identity = E[e].identity
    E[e].link = I[identity].last
    I[identity].last = e
    if live:
        _contribute(E, V, B, I, C, A, Q, H, T, W, X, S, e)
    else:
        S[DEAD] += 1


@njit(cache=True)
def admit(E, V, B, I, C, A, Q, H, L, T, W, X, S, time, event, identity, said, values, text):
    """Take in one fact; its values and text are written behind those of the others already."""
    e = S[FACTS]
    E[e].time = time
    E[e].said = said
    E[e].place = S[VALUES]
    E[e].event = event
    E[e].identity = identity
    E[e].past = 0
    S[VALUES] += values
    S[TEXT] += text
    E[e + 1].text = S[TEXT]
    S[FACTS] = e + 1
    _admit(E, V, B, I, C, A, Q, H, L, T, W, X, S, e)


@njit(cache=True)
def admit_all(E, V, B, I, C, A, Q, H, L, T, W, X, S, until):
    """Take in all facts up to a place whose columns are written already; stop where room runs out."""
    half = H.shape[0] >> 1
    while S[FACTS] < until and S[SLOTS] + 32 < half and S[HEAP] < L.shape[1]:
        e = S[FACTS]
        S[FACTS] = e + 1
        _admit(E, V, B, I, C, A, Q, H, L, T, W, X, S, e)


@njit(cache=True)
def _expire(E, V, I, C, A, Q, L, T, W, X, S, w, edge):
    """Let everything at or before the edge leave a window; note when the next fact does."""
    position, end = W[w].position, S[FACTS]
    due = np.int64(NEVER)
    while position < end:
        if not E[position].past & LATE and (E[position].live >> np.uint32(w)) & np.uint32(1):
            if E[position].time > edge:
                due = E[position].time + W[w].length
                break
            _leave(E, V, I, C, A, Q, T, W, X, S, w, position)
        position += 1
    W[w].position = position
    while W[w].late:
        e = L[w, 0]
        if not (E[e].live >> np.uint32(w)) & np.uint32(1):
            _pop(E, L, W, w)
            continue
        if E[e].time > edge:
            due = min(due, E[e].time + W[w].length)
            break
        _pop(E, L, W, w)
        _leave(E, V, I, C, A, Q, T, W, X, S, w, e)
    W[w].due = due


@njit(cache=True)
def advance(E, V, I, C, A, Q, L, T, W, X, S, moment, stop):
    """Let happen what is due up to a moment, instant by instant; stop where somebody was touched."""
    while S[DUE] <= moment:
        if stop and S[TOUCHED]:
            return
        S[CLOCK] = max(S[CLOCK], S[DUE])
        due = np.int64(NEVER)
        for w in range(W.shape[0] - 1):
            if W[w].due <= S[CLOCK]:
                _expire(E, V, I, C, A, Q, L, T, W, X, S, w, S[CLOCK] - W[w].length)
            due = min(due, W[w].due)
        S[DUE] = due
    if moment > S[CLOCK] and not (stop and S[TOUCHED]):
        S[CLOCK] = moment


@njit(cache=True)
def jump(E, V, I, C, A, Q, L, T, W, X, S, moment):
    """Let happen what is due up to a moment at once, where nobody asks what was in between."""
    S[CLOCK] = max(S[CLOCK], moment)
    due = np.int64(NEVER)
    for w in range(W.shape[0] - 1):
        if W[w].due <= S[CLOCK]:
            _expire(E, V, I, C, A, Q, L, T, W, X, S, w, S[CLOCK] - W[w].length)
        due = min(due, W[w].due)
    S[DUE] = due


@njit(cache=True)
def clear(E, V, I, C, A, H, T, S, empty, customer):
    """Forget the numbers of a customer, to be contributed again."""
    A[customer, :] = empty
    identity = C[customer, 0]
    while identity >= 0:
        e = I[identity].last
        while e >= 0:
            E[e].past &= LATE
            for t in range(T.shape[0]):
                if T[t].kind == DISTINCT and (E[e].said >> np.uint64(T[t].signal)) & _ONE:
                    what = (_value(E, V, S, e, T[t].signal) << 5) | T[t].distinct
                    slot = _slot(H, customer, what)
                    if H[slot].customer >= 0:
                        H[slot].fact = -1
            e = E[e].link
        identity = I[identity].next


@njit(cache=True)
def move(I, C, identity, customer):
    """Give an identity to another customer; −1: to nobody."""
    owner = I[identity].owner
    if owner >= 0:
        before, each = -1, C[owner, 0]
        while each >= 0 and each != identity:
            before, each = each, I[each].next
        if each == identity:
            if before < 0:
                C[owner, 0] = I[identity].next
            else:
                I[before].next = I[identity].next
    I[identity].owner = customer
    if customer >= 0:
        I[identity].next = C[customer, 0]
        C[customer, 0] = identity


@njit(cache=True)
def again(E, V, B, I, C, A, Q, H, T, W, X, S, customer):
    """Contribute all that a customer's identities did."""
    track = S[TRACK]
    S[TRACK] = 0
    identity = C[customer, 0]
    while identity >= 0:
        e = I[identity].last
        while e >= 0:
            if E[e].live:
                _contribute(E, V, B, I, C, A, Q, H, T, W, X, S, e)
            e = E[e].link
        identity = I[identity].next
    S[TRACK] = track


@njit(cache=True)
def drop(E, I, S, identity):
    """Forget all that an identity did."""
    e = I[identity].last
    while e >= 0:
        if E[e].live:
            S[DEAD] += 1
        E[e].live = 0
        E[e].said = 0
        e = E[e].link
    I[identity].last = -1


@njit(cache=True)
def unlink(E, I, S, e):
    """Take a fact out of its identity's list; queues pass over it."""
    identity = E[e].identity
    if I[identity].last == e:
        I[identity].last = E[e].link
    else:
        each = I[identity].last
        while E[each].link != e:
            each = E[each].link
        E[each].link = E[e].link
    E[e].live = 0
    E[e].said = 0
    S[DEAD] += 1
