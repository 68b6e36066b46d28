"""Which of thousands of conditions hold? One question to a table per value, instead of one to each."""

from cid.feel.index.building import Index

__all__ = ["Index"]
