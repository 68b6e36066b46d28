"""The contract kits of integration: subclass, say how to open yours, run.

>>> class TestMyLog(TransportContract):
...     def open(self, directory):
...         return MyLog(directory / "log")
"""

from cii.testing.connectors import ConnectorContract
from cii.testing.stores import StoreContract
from cii.testing.transports import GROUP, TOPIC, TransportContract, everything, message

__all__ = [
    "GROUP",
    "TOPIC",
    "ConnectorContract",
    "StoreContract",
    "TransportContract",
    "everything",
    "message",
]
