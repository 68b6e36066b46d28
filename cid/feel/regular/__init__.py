"""Regular expressions as FEEL means them: those of XPath, tried in bounded time.

A pattern is read into a tree. Where nothing in it can run away, Python's own machine tries it; all
others are tried by a machine of ours that never visits the same place twice and counts its steps.
"""

from cid.feel.regular.pattern import Found, Pattern, compiled, replaced, split

__all__ = ["Found", "Pattern", "compiled", "replaced", "split"]
