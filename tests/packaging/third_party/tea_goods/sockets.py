"""One plugin for each socket. The examples of the handbook, and stores that stand before the usual ones.

With ``TEA_FAULTY=1`` each has a fault, of the kind that a contract kit must find.
"""

import os
from pathlib import Path

from cfa.ports import STORES as CFA_STORES
from cic.ports import KERNELS
from cic.ports import STORES as CIC_STORES
from cid.kit.errors import InvalidInput
from cid.ports import STORES as CID_STORES
from cii.ports import STORES as CII_STORES
from context.diagrams import DecisionModel
from context.ports import STORES as CONTEXT_STORES
from tea_goods.folder_log import FolderLog
from tea_goods.halves import Halves
from tea_goods.letter import Letter
from tea_goods.repairs import Repairs
from tea_goods.sqlite_rows import SqliteRows
from tea_goods.tea_ability import TeaAbility
from tea_goods.tea_trade import TeaTrade
from tea_goods.watched_history import WatchedHistory


class Traits(KERNELS.load("pure")):
    """Keeps live traits."""


class CidStore(CID_STORES.load("sql")):
    """Knows customers."""


class CiiStore(CII_STORES.load("sql")):
    """Knows what became of records."""


class CicStore(CIC_STORES.load("sql")):
    """Knows memberships."""


class CfaStore(CFA_STORES.load("sql")):
    """Knows the work on desks."""


class ContextStore(CONTEXT_STORES.load("sql")):
    """Knows decisions."""


class JsonModels:
    """Decision models as JSON."""

    name = "json"

    def read(self, data):
        try:
            return DecisionModel.model_validate_json(data)
        except ValueError as error:
            raise InvalidInput("This is no decision model.") from error

    def write(self, model, others):
        return model.model_dump_json(by_alias=True).encode()

    def load(self, make, source, others):
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        return make(self.read(data), others)


class Lines:
    """Tables as lines of cells with bars between them."""

    name = "lines"

    def read(self, data):
        try:
            lines = data.decode().splitlines()
        except UnicodeDecodeError as error:
            raise InvalidInput("This is no text.") from error
        if len(data) > 1_000_000 or len(lines) > 1_000:
            raise InvalidInput("This is too large.")
        return [line.split("|") for line in lines]


PLUGINS = {
    "icustomer.cid.stores": CidStore,
    "icustomer.cid.extensions": TeaTrade,
    "icustomer.cii.stores": CiiStore,
    "icustomer.cii.transports": FolderLog,
    "icustomer.cii.connectors": SqliteRows,
    "icustomer.cic.stores": CicStore,
    "icustomer.cic.engines": WatchedHistory,
    "icustomer.cic.kernels": Traits,
    "icustomer.cic.scorers": Halves,
    "icustomer.cfa.stores": CfaStore,
    "icustomer.cfa.apps": Repairs,
    "icustomer.context.stores": ContextStore,
    "icustomer.context.actions": Letter,
    "icustomer.context.notations": JsonModels,
    "icustomer.context.sheets": Lines,
    "icustomer.cbc.capabilities": TeaAbility,
}


def __getattr__(name: str) -> type:
    """Give the plugin of a socket, named as in `icustomer_cid_stores`."""
    socket = name.replace("_", ".")
    if socket not in PLUGINS:
        raise AttributeError(name)
    if os.environ.get("TEA_FAULTY") == "1":
        from tea_goods.faults import FAULTS

        return FAULTS[socket]
    return PLUGINS[socket]
