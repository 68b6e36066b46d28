"""Facts that follow their identities to others, or are forgotten; compiled. The letters are of `numba_layout`."""

# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, E741

from __future__ import annotations

import numpy as np
from numba import njit

from cic.adapters.numba_layout import (
    AVERAGE,
    DEAD,
    DISTINCT,
    EMPTY,
    FIRST,
    LAST,
    LATE,
    MAX,
    MIN,
    NEWEST_OF,
    NEXT,
    NO_FACT,
    OWNER,
    SUM,
    TRACK,
)
from cic.adapters.numba_windows import _ONE, _contribute, _slot, _value


@njit(cache=True)
def clear(E, P, V, I, C, A, N, H, T, S, customer):
    """Forget the numbers of a customer, to be contributed again."""
    for t in range(T.shape[0]):
        row, kind = customer * T[t].stride, T[t].kind
        if kind in (MIN, MAX):
            N[T[t].wide + (row >> 1)] = EMPTY
        elif kind in (FIRST, LAST):
            A[T[t].narrow + row] = NO_FACT
        else:
            A[T[t].narrow + row] = 0
        if kind in (SUM, AVERAGE):
            N[T[t].wide + (row >> 1)] = 0
        if kind == AVERAGE:
            A[T[t].narrow + row + 1] = 0
    identity = C[customer, 0]
    while identity >= 0:
        e = np.int64(I[NEWEST_OF, identity])
        while e >= 0:
            E[e].past &= LATE
            for t in range(T.shape[0]):
                if T[t].kind == DISTINCT and (P[E[e].kind].said >> np.uint64(T[t].signal)) & _ONE:
                    what = (_value(E, P, V, S, e, T[t].signal) << 5) | T[t].distinct
                    slot = _slot(H, customer, what)
                    if H[slot].customer >= 0:
                        H[slot].fact = -1
            e = np.int64(E[e].link)
        identity = np.int64(I[NEXT, identity])


@njit(cache=True)
def move(I, C, identity, customer):
    """Give an identity to another customer; −1: to nobody."""
    owner = I[OWNER, identity]
    if owner >= 0:
        before, each = np.int64(-1), C[owner, 0]
        while each >= 0 and each != identity:
            before, each = each, np.int64(I[NEXT, each])
        if each == identity:
            if before < 0:
                C[owner, 0] = I[NEXT, identity]
            else:
                I[NEXT, before] = I[NEXT, identity]
    I[OWNER, identity] = customer
    if customer >= 0:
        I[NEXT, identity] = C[customer, 0]
        C[customer, 0] = identity


@njit(cache=True)
def own(I, C, identities, customers):
    """Give new identities to their customers."""
    for n in range(identities.shape[0]):
        move(I, C, identities[n], customers[n])


@njit(cache=True)
def again(E, P, V, B, I, C, A, N, Q, H, T, R, W, X, S, customer):
    """Contribute all that a customer's identities did."""
    track = S[TRACK]
    S[TRACK] = 0
    identity = C[customer, 0]
    while identity >= 0:
        e = np.int64(I[NEWEST_OF, identity])
        while e >= 0:
            if E[e].live:
                _contribute(E, P, V, B, I, C, A, N, Q, H, T, R, W, X, S, e, False)
            e = np.int64(E[e].link)
        identity = np.int64(I[NEXT, identity])
    S[TRACK] = track


@njit(cache=True)
def drop(E, I, S, identity):
    """Forget all that an identity did."""
    e = np.int64(I[NEWEST_OF, identity])
    while e >= 0:
        if E[e].live:
            S[DEAD] += 1
        E[e].live = 0
        E[e].kind = 0
        e = np.int64(E[e].link)
    I[NEWEST_OF, identity] = -1


@njit(cache=True)
def unlink(E, I, S, e):
    """Take a fact out of its identity's list; queues pass over it."""
    identity = E[e].identity
    if I[NEWEST_OF, identity] == e:
        I[NEWEST_OF, identity] = E[e].link
    else:
        each = np.int64(I[NEWEST_OF, identity])
        while E[each].link != e:
            each = np.int64(E[each].link)
        E[each].link = E[e].link
    E[e].live = 0
    E[e].kind = 0
    S[DEAD] += 1
