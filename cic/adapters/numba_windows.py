"""Windows in arrays, compiled: what `numba_kernel` calls for each fact or for millions of them.

All state is in a handful of arrays, handed to every function in the same order; `numba_layout` says what their
letters mean.

A fact is inserted into all windows that are open for it and taken out of each exactly once: ``live`` says
which it is in. Minimum, maximum and first go stale when their fact leaves and are found again when somebody
asks; of the facts with one distinct value only the newest is counted, since it leaves last.

What runs for each fact is inlined: to hand over all arrays takes longer than what is done with them.
"""

# Compiled code has the types of its arguments; the arrays have the letters that the layout gives them.
# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, ANN202, E741

from __future__ import annotations

import numpy as np

from cic.adapters import numba_prefetch as ahead
from cic.adapters.numba_layout import (
    ASKED,
    AVERAGE,
    CLOCK,
    COUNT,
    DEAD,
    DISTINCTS,
    DUE,
    EMPTY,
    FACTS,
    FAR,
    FIRST,
    FOUND,
    HEAP,
    LAST,
    LATE,
    LOST_FACT,
    MAX,
    MIN,
    NEVER,
    NEWEST,
    NEWEST_OF,
    NO_FACT,
    OWNER,
    SLOTS,
    STALE,
    SUM,
    TAIL,
    TEXT,
    TOUCHED,
    TRACK,
    VALUED,
    VALUES,
    WORDS,
    compiled,
    inlined,
)
from cic.adapters.numba_prefetch import AHEAD, NEAR, lowest, ones

_ONE = np.uint64(1)


@inlined
def _of(V, S, place, said, signal):
    """Return what a fact with values from a place on says to a signal."""
    before = said & np.uint64(S[VALUED]) & ((_ONE << np.uint64(signal)) - _ONE)
    return V[np.int64(place) + ones(before)]


@inlined
def _value(E, P, V, S, e, signal):
    return _of(V, S, E[e].place, P[E[e].kind].said, signal)


@compiled
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


@inlined
def _home(H, customer, what):
    """Return the place where a key is, if no other one was there before it."""
    mask = H.shape[0] - 1
    mixed = (np.uint64(what) * np.uint64(0x9E3779B97F4A7C15)) ^ (
        np.uint64(customer) * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))


@inlined
def _slot(H, customer, what):
    """Return the place of a key, or of the free place where it would be."""
    mask = H.shape[0] - 1
    at = _home(H, customer, what)
    while H[at].customer >= 0 and (H[at].customer != customer or H[at].what != what):
        at = (at + 1) & mask
    return at


@compiled
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


@compiled
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


@compiled
def _summed(C, A, N, Q, S, T, X, t, customer, at, wide, change):
    """Touch a customer whose sum is about to change, if that matters."""
    low = N[wide]
    if A[at] == low >> 63 and -FAR < low < FAR:
        _moved(C, Q, S, T, X, t, customer, low, low + change)
    else:
        _touch(C, Q, S, T, t, customer)


@inlined
def _plus(A, N, narrow, wide, held):
    """Add to a sum of twelve bytes: it cannot overflow."""
    part = np.uint64(held)
    low = np.uint64(N[wide]) + part
    N[wide] = np.int64(low)
    A[narrow] += (held >> 63) + np.int64(low < part)


@inlined
def _minus(A, N, narrow, wide, held):
    """Take exactly that out again."""
    part = np.uint64(held)
    low = np.uint64(N[wide])
    N[wide] = np.int64(low - part)
    A[narrow] -= (held >> 63) + np.int64(low < part)


@inlined
def _contribute(E, P, V, B, I, C, A, N, Q, H, T, R, W, X, S, e, newest):
    """Add a fact to all windows that it is live in; ``newest``: it is known to come after all others."""
    customer = np.int64(I[OWNER, E[e].identity])
    said, place, live, track = P[E[e].kind].said, E[e].place, E[e].live, S[TRACK]
    done = np.uint64(0)
    for w in range(W.shape[0]):
        if not (live >> np.uint32(w)) & np.uint32(1):
            continue
        bits = said & W[w].signals
        while bits:
            signal = lowest(bits)
            bits &= bits - _ONE
            held = np.int64(0)
            if (np.uint64(S[VALUED]) >> np.uint64(signal)) & _ONE:
                held = _of(V, S, place, said, signal)
            for t in range(R[w, signal], R[w, signal + 1]):
                kind, row = T[t].kind, customer * T[t].stride
                at, wide = T[t].narrow + row, T[t].wide + (row >> 1)
                if kind == COUNT:
                    before = np.int64(A[at])
                    A[at] = before + 1
                    if track and T[t].bit:
                        _moved(C, Q, S, T, X, t, customer, before, before + 1)
                    continue
                if kind == SUM:
                    if track and T[t].bit:
                        _summed(C, A, N, Q, S, T, X, t, customer, at, wide, held)
                    _plus(A, N, at, wide, held)
                    continue
                if kind == AVERAGE:
                    _plus(A, N, at, wide, held)
                    A[at + 1] += 1
                elif kind == MIN:
                    least = N[wide]
                    if least == EMPTY or (least != STALE and held < least):
                        N[wide] = held
                elif kind == MAX:
                    most = N[wide]
                    if most != STALE and held > most:
                        N[wide] = held
                elif kind == LAST:
                    if newest or A[at] < 0 or _newer(E, B, e, np.int64(A[at])):
                        A[at] = e
                elif kind == FIRST:
                    first = np.int64(A[at])
                    if first == NO_FACT or (not newest and first >= 0 and _newer(E, B, first, e)):
                        A[at] = e
                else:
                    # Find the other fact with this value once for all windows.
                    distinct = T[t].distinct
                    flag = np.uint32(1) << np.uint32(distinct)
                    if (done >> np.uint64(distinct)) & _ONE:
                        other = S[FOUND + distinct]
                    else:
                        done |= _ONE << np.uint64(distinct)
                        other = _replaced(E, B, H, S, e, customer, held, distinct, newest)
                    if E[e].past & flag:
                        continue
                    if other >= 0 and (E[other].live >> np.uint32(w)) & np.uint32(1):
                        continue
                    A[at] += 1
                if track and T[t].bit:
                    _touch(C, Q, S, T, t, customer)


@compiled
def _replaced(E, B, H, S, e, customer, held, distinct, newest):
    """Let a fact be the newest with its value, unless it is not; return the one that was, −1: none."""
    flag = np.uint32(1) << np.uint32(distinct)
    what = (held << 5) | distinct
    slot = _slot(H, customer, what)
    if H[slot].customer < 0:
        H[slot].customer = customer
        H[slot].what = what
        H[slot].fact = -1
        S[SLOTS] += 1
    other = np.int64(H[slot].fact)
    S[FOUND + distinct] = other
    if other >= 0 and not newest and _newer(E, B, other, e):
        E[e].past |= flag
    else:
        if other >= 0:
            E[other].past |= flag
        H[slot].fact = e
    return other


@inlined
def _leave(E, P, V, I, C, A, N, Q, T, R, W, X, S, w, e):
    """Take a fact out of one window: exactly what was added."""
    live = E[e].live & ~(np.uint32(1) << np.uint32(w))
    E[e].live = live
    if not live:
        S[DEAD] += 1
    customer = np.int64(I[OWNER, E[e].identity])
    said, track = P[E[e].kind].said, S[TRACK]
    bits = said & W[w].signals
    while bits:
        signal = lowest(bits)
        bits &= bits - _ONE
        held = np.int64(0)
        if (np.uint64(S[VALUED]) >> np.uint64(signal)) & _ONE:
            held = _of(V, S, E[e].place, said, signal)
        for t in range(R[w, signal], R[w, signal + 1]):
            kind, row = T[t].kind, customer * T[t].stride
            at, wide = T[t].narrow + row, T[t].wide + (row >> 1)
            if kind == COUNT:
                before = np.int64(A[at])
                A[at] = before - 1
                if track and T[t].bit:
                    _moved(C, Q, S, T, X, t, customer, before, before - 1)
                continue
            if kind == SUM:
                if track and T[t].bit:
                    _summed(C, A, N, Q, S, T, X, t, customer, at, wide, -held)
                _minus(A, N, at, wide, held)
                continue
            if kind == AVERAGE:
                _minus(A, N, at, wide, held)
                A[at + 1] -= 1
            elif kind in (MIN, MAX):
                if N[wide] == held:
                    N[wide] = STALE
            elif kind == FIRST:
                if A[at] == e:
                    A[at] = LOST_FACT
            elif kind == LAST:
                # The newest leaves last: nothing is left behind it.
                if A[at] == e:
                    A[at] = NO_FACT
            elif not (E[e].past >> np.uint32(T[t].distinct)) & np.uint32(1):
                A[at] -= 1
            if track and T[t].bit:
                _touch(C, Q, S, T, t, customer)


@compiled
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


@compiled
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


@inlined
def _admit(E, P, V, B, I, C, A, N, Q, H, L, T, R, W, X, S, e):
    """Take in a fact whose columns are written already, at the present clock."""
    clock, time, said = S[CLOCK], E[e].time, P[E[e].kind].said
    live = np.uint32(0)
    windows = W.shape[0] - 1
    late = time < S[TAIL]
    for w in range(windows):
        if said & W[w].signals and time > clock - W[w].length:
            live |= np.uint32(1) << np.uint32(w)
            if late:
                _push(L, W, S, w, time, e)
            due = time + W[w].length
            if due < W[w].due:
                W[w].due = due
                if due < S[DUE]:
                    S[DUE] = due
    if late:
        E[e].past = LATE
    elif live:
        S[TAIL] = time
    if said & W[windows].signals:
        live |= np.uint32(1) << np.uint32(windows)
    E[e].live = live
    identity = E[e].identity
    E[e].link = I[NEWEST_OF, identity]
    I[NEWEST_OF, identity] = e
    if live:
        newest = time > S[NEWEST]
        _contribute(E, P, V, B, I, C, A, N, Q, H, T, R, W, X, S, e, newest)
    else:
        S[DEAD] += 1
    S[NEWEST] = max(S[NEWEST], time)


@compiled
def admit(E, P, V, B, I, C, A, N, D, Q, H, L, T, R, W, X, S, time, kind, identity, values, text):
    """Take in one fact; its values and text are written behind those of the others already."""
    e = S[FACTS]
    E[e].time = time
    E[e].place = S[VALUES]
    E[e].kind = kind
    E[e].identity = identity
    E[e].past = 0
    S[VALUES] += values
    S[TEXT] += text
    E[e + 1].text = S[TEXT]
    S[FACTS] = e + 1
    _admit(E, P, V, B, I, C, A, N, Q, H, L, T, R, W, X, S, e)


@compiled
def written(E, P, M, S, n, time, event, identity, said, lengths):
    """Write the columns of facts behind the others, whose values and texts are there already.

    Stops at the first whose kind is not known; returns how many are written.
    """
    first, valued = S[FACTS] + n, np.uint64(S[VALUED])
    place, text = S[VALUES], S[TEXT]
    kind, mask = np.int64(0), M.shape[0] - 1
    while n < time.shape[0]:
        if P[kind].said != said[n] or P[kind].event != event[n]:
            at = seat(event[n], said[n], mask)
            kind = np.int64(M[at])
            while kind >= 0 and (P[kind].said != said[n] or P[kind].event != event[n]):
                at = (at + 1) & mask
                kind = np.int64(M[at])
            if kind < 0:
                break
        e = first
        E[e].time = time[n]
        E[e].place = place
        E[e].identity = identity[n]
        E[e].live = 0
        E[e].past = 0
        E[e].kind = kind
        place += ones(said[n] & valued)
        text += np.int64(lengths[n])
        E[e + 1].text = text
        first += 1
        n += 1
    S[VALUES], S[TEXT] = place, text
    return n


@compiled
def seat(event, said, mask):
    """Return where among the known kinds one stands, if no other one was there before it."""
    mixed = (np.uint64(said) + np.uint64(event)) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))


@compiled
def seated(P, M, first, end):
    """Give some kinds their seats."""
    mask = M.shape[0] - 1
    for kind in range(first, end):
        at = seat(P[kind].event, P[kind].said, mask)
        while M[at] >= 0:
            at = (at + 1) & mask
        M[at] = kind


@inlined
def _distinct(E, P, V, I, H, S, e, near):
    """Ask for where the distinct values of a fact are; later for the facts that had them before."""
    said = P[E[e].kind].said
    for d in range(S[DISTINCTS]):
        signal = S[ASKED + d]
        if (said >> np.uint64(signal)) & _ONE:
            what = (_of(V, S, E[e].place, said, signal) << 5) | d
            at = _home(H, I[OWNER, E[e].identity], what)
            if not near:
                ahead.slot(H, at)
            elif H[at].fact >= 0:
                ahead.fact(E, H[at].fact)


@compiled
def admit_all(E, P, V, B, I, C, A, N, D, Q, H, L, T, R, W, X, S, until):
    """Take in all facts up to a place whose columns are written already; stop where room runs out."""
    half = H.shape[0] >> 1
    while S[FACTS] < until and S[SLOTS] + 32 < half and S[HEAP] < L.shape[1]:
        e = S[FACTS]
        S[FACTS] = e + 1
        if e + AHEAD < until:
            ahead.identity(E, I, e + AHEAD)
            ahead.newest(E, I, e + AHEAD)
        if e + NEAR < until:
            ahead.numbers(E, I, A, D, e + NEAR, P[E[e + NEAR].kind].said)
            _distinct(E, P, V, I, H, S, e + NEAR, False)
            _distinct(E, P, V, I, H, S, e + NEAR // 2, True)
            if S[TRACK]:
                ahead.customer(E, I, C, e + NEAR)
        _admit(E, P, V, B, I, C, A, N, Q, H, L, T, R, W, X, S, e)


@compiled
def _expire(E, P, V, I, C, A, N, D, Q, L, T, R, W, X, S, w, edge):
    """Let everything at or before the edge leave a window; note when the next fact does."""
    position, end = W[w].position, S[FACTS]
    due = np.int64(NEVER)
    while position < end:
        if position + AHEAD < end and E[position + NEAR].time <= edge:
            ahead.identity(E, I, position + AHEAD)
            bits = P[E[position + NEAR].kind].said & W[w].signals
            ahead.numbers(E, I, A, D, position + NEAR, bits)
            if S[TRACK]:
                ahead.customer(E, I, C, position + NEAR)
        if not E[position].past & LATE and (E[position].live >> np.uint32(w)) & np.uint32(1):
            if E[position].time > edge:
                due = E[position].time + W[w].length
                break
            _leave(E, P, V, I, C, A, N, Q, T, R, W, X, S, w, position)
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
        _leave(E, P, V, I, C, A, N, Q, T, R, W, X, S, w, e)
    W[w].due = due


@compiled
def advance(E, P, V, I, C, A, N, D, Q, L, T, R, W, X, S, moment, stop):
    """Let happen what is due up to a moment, instant by instant; stop where somebody was touched."""
    while S[DUE] <= moment:
        if stop and S[TOUCHED]:
            return
        S[CLOCK] = max(S[CLOCK], S[DUE])
        due = np.int64(NEVER)
        for w in range(W.shape[0] - 1):
            if W[w].due <= S[CLOCK]:
                _expire(
                    E, P, V, I, C, A, N, D, Q, L, T, R, W, X, S, w, S[CLOCK] - W[w].length
                )  # fmt: skip
            due = min(due, W[w].due)
        S[DUE] = due
    if moment > S[CLOCK] and not (stop and S[TOUCHED]):
        S[CLOCK] = moment


@compiled
def jump(E, P, V, I, C, A, N, D, Q, L, T, R, W, X, S, moment):
    """Let happen what is due up to a moment at once, where nobody asks what was in between."""
    S[CLOCK] = max(S[CLOCK], moment)
    due = np.int64(NEVER)
    for w in range(W.shape[0] - 1):
        if W[w].due <= S[CLOCK]:
            _expire(E, P, V, I, C, A, N, D, Q, L, T, R, W, X, S, w, S[CLOCK] - W[w].length)
        due = min(due, W[w].due)
    S[DUE] = due
