"""iCustomer: one trustworthy picture of each customer, from touchpoint to capability."""

from icustomer.company import ICustomer
from icustomer.settings import Settings

__all__ = ["ICustomer", "Settings"]
