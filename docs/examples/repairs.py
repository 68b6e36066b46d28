"""An application: repairs that the workshop registers are cases on the service desk."""

from cfa.model import Change, Manifest, read_text
from cfa.service import Service
from cfa.tasks import step_of
from cid.kit.definitions import Title
from cid.model.fact import Fact


class Repairs(Service):
    """Opens a case for each repair; how a case goes on is what Service says."""

    manifest = Manifest(name="repairs", title=Title(en="Repairs", zh="维修"))
    events = frozenset({"Repair Requested"})

    def take(self, fact: Fact) -> Change | None:
        """Say which case the fact is a step of; None where it names none."""
        repair = read_text(fact.properties, "id")
        if not repair:
            return None
        article = read_text(fact.properties, "article") or "something"
        fields = {
            "subject": f"Repair of {article}",
            "channel": "workshop",
            "priority": "normal",
            "queue": read_text(fact.properties, "queue") or self._first_queue,
        }
        return Change(self.kind, repair, step_of(fact, "opened", fields), fact.customer)
