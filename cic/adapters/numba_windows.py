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

from cic.adapters import numba_prefetch as ahead
from cic.adapters.numba_prefetch import AHEAD, NEAR

NEVER = 1 << 62
EMPTY = -(1 << 62)
STALE = EMPTY - 1
COUNT, SUM, AVERAGE, MIN, MAX, FIRST, LAST, DISTINCT = range(8)
(CLOCK, FACTS, VALUES, TAIL, DUE, TOUCHED, TRACK, DEAD, VALUED, TEXT, SLOTS, WORDS, HEAP) = range(
    13
)
NEWEST, DISTINCTS = 13, 14
FOUND = 15
"""From here on: of each distinct signal the fact that had the value before the one at hand."""
ASKED = FOUND + 32
"""From here on: the signal of each of the ``DISTINCTS``."""
SCALARS = ASKED + 32
LOW = (1 << 32) - 1
FAR = 1 << 29

FACT = np.dtype(
    [
        ("time", "i8"),
        ("said", "u8"),
        ("text", "i8"),
        ("place", "u4"),
        ("identity", "i4"),
        ("link", "i4"),
        ("live", "u4"),
        ("past", "u4"),
        ("event", "u2"),
    ]
)
"""``said``: bit by signal; ``place``: first of its values; ``link``: the identity's fact before it;
``live``: bit by window; ``past``: bit by distinct signal for which a newer fact has the same value."""
IDENTITY = np.dtype([("owner", "i4"), ("next", "i4"), ("last", "i4")])
ENTRY = np.dtype([("time", "i8"), ("fact", "i8")])
"""A late fact in a heap, with its time: who puts a heap in order need not look at the facts."""
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
    return V[np.int64(E[e].place) + _ones(before)]


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
def _home(H, customer, what):
    """Return the place where a key is, if no other one was there before it."""
    mask = H.shape[0] - 1
    mixed = (np.uint64(what) * np.uint64(0x9E3779B97F4A7C15)) ^ (
        np.uint64(customer) * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))


@njit(cache=True)
def _slot(H, customer, what):
    """Return the place of a key, or of the free place where it would be."""
    mask = H.shape[0] - 1
    at = _home(H, customer, what)
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
def _contribute(E, V, B, I, C, A, Q, H, T, W, X, S, e, newest):
    """Add a fact to all windows that it is live in; ``newest``: it is known to come after all others."""
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
                if newest or A[customer, at] < 0 or _newer(E, B, e, A[customer, at]):
                    A[customer, at] = e
            elif kind == FIRST:
                if A[customer, at] == EMPTY or (
                    not newest and A[customer, at] >= 0 and _newer(E, B, A[customer, at], e)
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
                    if other >= 0 and not newest and _newer(E, B, other, e):
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
def _push(L, W, S, w, time, e):
    n = W[w].late
    W[w].late = n + 1
    S[HEAP] = max(S[HEAP], n + 1)
    while n > 0:
        above = (n - 1) >> 2
        if L[w, above].time <= time:
            break
        L[w, n] = L[w, above]
        n = above
    L[w, n].time = time
    L[w, n].fact = e


@njit(cache=True)
def _pop(L, W, w):
    """Take the first out of a heap in which four are below each one: few steps, near each other."""
    W[w].late -= 1
    size = W[w].late
    time, e = L[w, size].time, L[w, size].fact
    n = 0
    while True:
        child = 4 * n + 1
        if child >= size:
            break
        below, first = child, L[w, child].time
        for other in range(child + 1, min(child + 4, size)):
            if L[w, other].time < first:
                below, first = other, L[w, other].time
        if time <= first:
            break
        L[w, n] = L[w, below]
        n = below
    L[w, n].time = time
    L[w, n].fact = e


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
                    _push(L, W, S, w, time, e)
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
        _contribute(E, V, B, I, C, A, Q, H, T, W, X, S, e, time > S[NEWEST])
    else:
        S[DEAD] += 1
    S[NEWEST] = max(S[NEWEST], time)


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
def written(E, S, time, event, identity, said, lengths):
    """Write the columns of facts behind the others, whose values and texts are there already."""
    first, place, text, valued = S[FACTS], S[VALUES], S[TEXT], np.uint64(S[VALUED])
    for n in range(time.shape[0]):
        e = first + n
        E[e].time = time[n]
        E[e].said = said[n]
        E[e].place = place
        E[e].identity = identity[n]
        E[e].live = 0
        E[e].past = 0
        E[e].event = event[n]
        place += _ones(said[n] & valued)
        text += np.int64(lengths[n])
        E[e + 1].text = text
    S[VALUES], S[TEXT] = place, text


@njit(cache=True)
def _distinct(E, V, I, H, S, e, near):
    """Ask for where the distinct values of a fact are; later for the facts that had them before."""
    for d in range(S[DISTINCTS]):
        signal = S[ASKED + d]
        if (E[e].said >> np.uint64(signal)) & _ONE:
            at = _home(H, I[E[e].identity].owner, (_value(E, V, S, e, signal) << 5) | d)
            if not near:
                ahead.slot(H, at)
            elif H[at].fact >= 0:
                ahead.fact(E, H[at].fact)


@njit(cache=True)
def admit_all(E, V, B, I, C, A, Q, H, L, T, W, X, S, until):
    """Take in all facts up to a place whose columns are written already; stop where room runs out."""
    half, last = H.shape[0] >> 1, A.shape[1] - 1
    while S[FACTS] < until and S[SLOTS] + 32 < half and S[HEAP] < L.shape[1]:
        e = S[FACTS]
        S[FACTS] = e + 1
        if e + AHEAD < until:
            ahead.identity(E, I, e + AHEAD)
        if e + NEAR < until:
            ahead.numbers(E, I, A, e + NEAR, 0, last)
            _distinct(E, V, I, H, S, e + NEAR, False)
            _distinct(E, V, I, H, S, e + NEAR // 2, True)
            if S[TRACK]:
                ahead.customer(E, I, C, e + NEAR)
        _admit(E, V, B, I, C, A, Q, H, L, T, W, X, S, e)


@njit(cache=True)
def _expire(E, V, I, C, A, Q, L, T, W, X, S, w, edge):
    """Let everything at or before the edge leave a window; note when the next fact does."""
    position, end = W[w].position, S[FACTS]
    due = np.int64(NEVER)
    first = T[W[w].start].column
    last = T[W[w].end].column - 1 if W[w].end < T.shape[0] else A.shape[1] - 1
    while position < end:
        if position + AHEAD < end and E[position + NEAR].time <= edge:
            ahead.identity(E, I, position + AHEAD)
            ahead.numbers(E, I, A, position + NEAR, first, last)
            if S[TRACK]:
                ahead.customer(E, I, C, position + NEAR)
        if not E[position].past & LATE and (E[position].live >> np.uint32(w)) & np.uint32(1):
            if E[position].time > edge:
                due = E[position].time + W[w].length
                break
            _leave(E, V, I, C, A, Q, T, W, X, S, w, position)
        position += 1
    W[w].position = position
    while W[w].late:
        e = L[w, 0].fact
        if not (E[e].live >> np.uint32(w)) & np.uint32(1):
            _pop(L, W, w)
            continue
        if E[e].time > edge:
            due = min(due, E[e].time + W[w].length)
            break
        _pop(L, W, w)
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
def own(I, C, identities, customers):
    """Give new identities to their customers."""
    for n in range(identities.shape[0]):
        move(I, C, identities[n], customers[n])


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
                _contribute(E, V, B, I, C, A, Q, H, T, W, X, S, e, False)
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
