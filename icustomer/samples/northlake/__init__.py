"""Northlake (北湖): an invented outdoor retailer, eighteen months of it, with all its trouble.

>>> from itertools import islice
>>> first = next(iter(company(now=1_790_000_000_000, scale=0.01)))
>>> first.source, first.body["event"]
('erp', 'Product Updated')
"""

from icustomer.samples.northlake.people import PEOPLE
from icustomer.samples.northlake.staff import answer, outcome
from icustomer.samples.northlake.stream import DEFINITIONS, company
from icustomer.samples.northlake.tape import Delivery

__all__ = ["DEFINITIONS", "PEOPLE", "Delivery", "answer", "company", "outcome"]
