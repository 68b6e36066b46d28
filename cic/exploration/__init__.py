"""Exploration: questions about many customers in the words of the business, answered from history."""

from cic.exploration.asking import Exploration

__all__ = ["Exploration"]
