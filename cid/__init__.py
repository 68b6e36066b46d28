"""Customer information definition: what makes a customer, and which value is in force.

Everything above speaks of customers in the nouns of this layer. A company adds attributes and
entities of its own in YAML; the catalogue says of each what it means, who is its master and how
sensitive it is.

Which attribute is in force in which system? The master's word, wherever the newest record came
from:

>>> city = Attribute(masters=("erp",))
>>> said = [Observation(1, "erp", "m1", "Lyon"), Observation(2, "crm", "m2", "Paris")]
>>> survive(city, said)
Value(value='Lyon', source='erp', time=1)
"""

from cid.model.definition import (
    ATTRIBUTES,
    COMPANY,
    ENTITIES,
    SYSTEMS,
    Attribute,
    Company,
    Entity,
    System,
)
from cid.model.fact import Fact
from cid.model.relationship import Regrouped, Relationship
from cid.model.value import Observation, Value
from cid.ports import EXTENSIONS, STORES, Extension, Store
from cid.profile import survive

__all__ = [
    "ATTRIBUTES",
    "COMPANY",
    "ENTITIES",
    "EXTENSIONS",
    "STORES",
    "SYSTEMS",
    "Attribute",
    "Company",
    "Entity",
    "Extension",
    "Fact",
    "Observation",
    "Regrouped",
    "Relationship",
    "Store",
    "System",
    "Value",
    "survive",
]
