"""Room again where facts have left all windows; compiled. The letters are of `numba_layout`."""

# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, E741

from __future__ import annotations

import numpy as np

from cic.adapters.numba_layout import (
    DEAD,
    FACTS,
    FIRST,
    LAST,
    NEWEST_OF,
    TEXT,
    VALUED,
    VALUES,
    compiled,
)
from cic.adapters.numba_prefetch import ones


@compiled
def close_up(E, P, V, B, W, S, near):
    """Let those facts that still count move up to the begin, with their values and texts.

    ``near`` gets for each fact the new place of the newest at or before it, of the same identity, that counts;
    −1 where there is none.
    """
    end, count, place, text = S[FACTS], np.int64(0), np.int64(0), np.int64(0)
    for e in range(end):
        link = np.int64(E[e].link)
        before = near[link] if link >= 0 else np.int64(-1)
        for w in range(W.shape[0] - 1):
            if W[w].position == e:
                # No window has come to a place before its own: what it is now is not looked at again.
                W[w].position = -1 - count
        if not E[e].live:
            near[e] = before
            continue
        start, stop, first = E[e].text, E[e + 1].text, np.int64(E[e].place)
        for n in range(ones(P[E[e].kind].said & np.uint64(S[VALUED]))):
            V[place + n] = V[first + n]
        E[count].time = E[e].time
        E[count].text = text
        E[count].place = place
        E[count].identity = E[e].identity
        E[count].link = before
        E[count].live = E[e].live
        E[count].past = E[e].past
        E[count].kind = E[e].kind
        for n in range(stop - start):
            B[text + n] = B[start + n]
        place += ones(P[E[e].kind].said & np.uint64(S[VALUED]))
        text += stop - start
        near[e] = count
        count += 1
    for w in range(W.shape[0] - 1):
        W[w].position = count if W[w].position >= 0 else -1 - W[w].position
    E[count].text = text
    S[FACTS], S[VALUES], S[TEXT], S[DEAD] = count, place, text, 0


@compiled
def point_again(I, A, H, T, near, customers):
    """Let all that pointed to facts point to where they are now."""
    for identity in range(I.shape[1]):
        if I[NEWEST_OF, identity] >= 0:
            I[NEWEST_OF, identity] = near[I[NEWEST_OF, identity]]
    for slot in range(H.shape[0]):
        if H[slot].customer >= 0 and H[slot].fact >= 0:
            H[slot].fact = near[H[slot].fact]
    for t in range(T.shape[0]):
        if T[t].kind in (FIRST, LAST):
            for customer in range(customers):
                at = T[t].narrow + customer * T[t].stride
                if A[at] >= 0:
                    A[at] = near[A[at]]
