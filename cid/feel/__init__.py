"""FEEL: the one language of every condition in iCustomer.

An expression is parsed once to one tree; the interpreter is the oracle, compiled Python is fast,
SQL asks the history, and the explanation says why. They agree, or a target says ``Unsupported``.
"""

from cid.feel.check import called, check, names
from cid.feel.errors import FeelError, Unsupported
from cid.feel.explain import Explanation, explain
from cid.feel.interpreter import evaluate, evaluate_unary
from cid.feel.notation import write
from cid.feel.parser import parse, parse_unary
from cid.feel.python import compile_expression, compile_unary
from cid.feel.sql import to_sql

__all__ = [
    "Explanation",
    "FeelError",
    "Unsupported",
    "called",
    "check",
    "compile_expression",
    "compile_unary",
    "evaluate",
    "evaluate_unary",
    "explain",
    "names",
    "parse",
    "parse_unary",
    "to_sql",
    "write",
]
