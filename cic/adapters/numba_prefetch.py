"""Memory asked for before it is needed: what waits for one customer's row waits for the next ones' as well."""

# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, ANN202, E741

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from cic.adapters.numba_layout import NEWEST_OF, OWNER, inlined

AHEAD, NEAR = 24, 12
"""How many facts ahead an identity is asked for, and its customer's row, which then is known."""
LINE = 64
"""Bytes that come from memory at once."""


@intrinsic
def _fetch(_context, address):
    """Ask for the memory at an address, without waiting; no address is wrong."""

    def generate(_context, builder, _signature, arguments):
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        ask = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        place = builder.inttoptr(arguments[0], byte)
        # 1: it will be written; 3: keep it near; 1: data.
        builder.call(ask, [place, word(1), word(3), word(1)])
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(types.uint64), generate


@inlined
def ones(bits):
    """Return how many bits are set."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + (
        (bits >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inlined
def lowest(bits):
    """Return the number of the lowest bit that is set."""
    return ones(~bits & (bits - np.uint64(1)))


@inlined
def identity(E, I, e):
    """Ask for the owner of a fact's identity."""
    at = np.int64(E[e].identity) * I.strides[1]
    _fetch(np.uint64(I.ctypes.data) + np.uint64(OWNER * I.strides[0] + at))


@inlined
def newest(E, I, e):
    """Ask for the newest fact of a fact's identity."""
    at = np.int64(E[e].identity) * I.strides[1]
    _fetch(np.uint64(I.ctypes.data) + np.uint64(NEWEST_OF * I.strides[0] + at))


@inlined
def numbers(E, I, A, D, e, bits):
    """Ask for what a fact may change of its customer's numbers by some signals."""
    customer = np.int64(I[OWNER, E[e].identity])
    while bits:
        signal = lowest(bits)
        bits &= bits - np.uint64(1)
        at = np.uint64(A.ctypes.data) + np.uint64(D[signal].base + customer * D[signal].stride)
        end = at + np.uint64(D[signal].length - 1)
        while at < end:
            _fetch(at)
            at += np.uint64(LINE)
        _fetch(end)


@inlined
def customer(E, I, C, e):
    """Ask for what was touched of the customer of a fact."""
    at = np.int64(I[OWNER, E[e].identity]) * C.strides[0]
    _fetch(np.uint64(C.ctypes.data) + np.uint64(at))


@inlined
def slot(H, at):
    """Ask for a place in the table of distinct values."""
    _fetch(np.uint64(H.ctypes.data) + np.uint64(at * H.strides[0]))


@inlined
def fact(E, e):
    """Ask for a fact."""
    _fetch(np.uint64(E.ctypes.data) + np.uint64(np.int64(e) * E.strides[0]))
