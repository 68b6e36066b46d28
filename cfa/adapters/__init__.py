"""Adapters of the applications, found by name through entry points."""
