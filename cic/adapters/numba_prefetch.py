"""Memory asked for before it is needed: what waits for one customer's row waits for the next ones' as well."""

# mypy: disallow-untyped-defs=False, disallow-untyped-decorators=False, disallow-untyped-calls=False
# mypy: disallow-incomplete-defs=False, check-untyped-defs=False
# ruff: noqa: ANN001, ANN201, ANN202, E741

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

AHEAD, NEAR = 24, 12
"""How many facts ahead an identity is asked for, and its customer's row, which then is known."""
LINE = 64
"""Bytes that come from memory at once."""
_ONE = np.uint64(1)


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


@njit(cache=True)
def identity(E, I, e):
    """Ask for the identity of a fact."""
    at = np.int64(E[e].identity) * I.strides[0]
    _fetch(np.uint64(I.ctypes.data) + np.uint64(at))


@njit(cache=True)
def numbers(E, I, A, e, first, last):
    """Ask for some columns of the customer of a fact."""
    at = np.int64(I[E[e].identity].owner) * A.strides[0]
    begin = np.uint64(A.ctypes.data) + np.uint64(at + 8 * first)
    end = np.uint64(A.ctypes.data) + np.uint64(at + 8 * last + 7)
    while begin < end:
        _fetch(begin)
        begin += np.uint64(LINE)
    _fetch(end)


@njit(cache=True)
def customer(E, I, C, e):
    """Ask for what was touched of the customer of a fact."""
    at = np.int64(I[E[e].identity].owner) * C.strides[0]
    _fetch(np.uint64(C.ctypes.data) + np.uint64(at))


@njit(cache=True)
def slot(H, at):
    """Ask for a place in the table of distinct values."""
    _fetch(np.uint64(H.ctypes.data) + np.uint64(at * H.strides[0]))


@njit(cache=True)
def fact(E, e):
    """Ask for a fact."""
    _fetch(np.uint64(E.ctypes.data) + np.uint64(np.int64(e) * E.strides[0]))
