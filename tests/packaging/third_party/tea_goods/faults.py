"""For each socket a plugin with a fault that is easily made and not easily seen."""

from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

from tea_goods import sockets as right


class CidStore(right.CidStore):
    def find(self, text, limit):
        """Looks at the case of letters."""
        return [row for row in super().find(text, limit) if text in str(row)]


class CiiStore(right.CiiStore):
    def advance(self, connection, topic, before, after):
        """Writes offsets without looking whether another worker has moved them."""
        super().advance(connection, topic, self.progress(connection, topic), after)


class CicStore(right.CicStore):
    def members(self, segment, limit):
        """Oldest first."""
        return super().members(segment, limit)[::-1]


class CfaStore(right.CfaStore):
    def regroup(self, connection, owners):
        """Leaves work where it was when its customer turns out to be another one."""


class ContextStore(right.ContextStore):
    def pending(self, now, limit):
        """Also what is not due yet."""
        return super().pending(1 << 60, limit)


class Trade(right.TeaTrade):
    def definitions(self):
        """Ships a word that nobody knows."""
        path = Path(mkdtemp()) / "trade.yaml"
        path.write_text("attributes:\n  tea: {title: {en: Tea, zh: 茶}, colour: green}\n", "utf-8")
        return [path]


class Log(right.FolderLog):
    def read(self, topic, partition, offset, limit):
        """Begins after the offset it is asked for."""
        return super().read(topic, partition, offset, limit)[bool(offset) :]


class Rows(right.SqliteRows):
    def rows(self, path, options):
        """Loses the last row."""
        yield from list(super().rows(path, options))[:-1]


class History(right.WatchedHistory):
    def query(self, sql, params=None, *, rows=10_000, **given):
        """Never cuts an answer."""
        return super().query(sql, params or {}, rows=None, **given)


class Scorer(right.Halves):
    def predict(self, examples):
        """Says the same of everybody."""
        return [0.5] * len(examples)


class App(right.Repairs):
    def take(self, fact):
        """Takes for a repair what names none."""
        fact.properties.setdefault("id", "none")
        return super().take(fact)


class Action(right.Letter):
    def perform(self, row, effects):
        """Names the letter by chance: twice is twice."""
        super().perform(row._replace(id=str(uuid4())), effects)


class Notation(right.JsonModels):
    def write(self, model, others):
        """Forgets which values a type allows."""
        return super().write(model.model_copy(update={"types": {}}), others)


class Sheet(right.Lines):
    def read(self, data):
        """Loses the last line."""
        return super().read(data)[:-1]


class Traits(right.Traits):
    def restore(self, columns, owner, without=()):
        """Comes back empty after a stop."""


class Ability(right.TeaAbility):
    def definitions(self):
        """Points at a measure that does not exist."""
        text = super().definitions()[0].read_text("utf-8")
        path = Path(mkdtemp()) / "ability.yaml"
        path.write_text(text.replace("[tea share]", "[coffee share]"), "utf-8")
        return [path]


FAULTS = {
    "icustomer.cid.stores": CidStore,
    "icustomer.cid.extensions": Trade,
    "icustomer.cii.stores": CiiStore,
    "icustomer.cii.transports": Log,
    "icustomer.cii.connectors": Rows,
    "icustomer.cic.stores": CicStore,
    "icustomer.cic.engines": History,
    "icustomer.cic.kernels": Traits,
    "icustomer.cic.scorers": Scorer,
    "icustomer.cfa.stores": CfaStore,
    "icustomer.cfa.apps": App,
    "icustomer.context.stores": ContextStore,
    "icustomer.context.actions": Action,
    "icustomer.context.notations": Notation,
    "icustomer.context.sheets": Sheet,
    "icustomer.cbc.capabilities": Ability,
}
