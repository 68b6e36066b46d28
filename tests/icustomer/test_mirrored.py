"""History copies of the small tables only what changed, and holds what a copy of everything would."""

import orjson
import pytest

from cic.adapters.duckdb import DuckDbHistory, copying
from cid.kit.clock import HOUR, MINUTE
from cii.ports import Message
from icustomer.mirrored import Touched
from icustomer.samples.northlake.people import PEOPLE
from tests.company import opened

FANG = PEOPLE["Wang Fang"]
ANN = f"user_id:{FANG['user_id']}"
GROWING = {"changes", "memberships", "ledger", "customers", "consents", "identifiers"}
OWNED = "SELECT DISTINCT identity, customer FROM facts ORDER BY ALL"


def tables(engine):
    """Return all small tables; the key of a customer is another one in another history."""
    found = {}
    for (name,) in engine.query("SELECT name FROM kept.mirror WHERE name <> 'kept.owner'").rows:
        columns = engine.query(f"SELECT * FROM {name} LIMIT 0").columns
        wanted = ", ".join(f'"{column}"' for column in columns if column != "customer_key")
        found[name] = engine.query(f"SELECT {wanted} FROM {name} ORDER BY ALL", rows=None).rows
    return found


def strangers(engine, name):
    """Count rows whose key is not that of their customer."""
    sql = f"SELECT count(*) FROM {name} JOIN kept.customer c USING (customer_key) WHERE c.customer <> {name}.customer"
    return engine.query(sql).rows


@pytest.fixture
def company(northlake, tmp_path):
    with opened(northlake.copy(tmp_path / "company")) as opened_company:
        opened_company.history.fresh()
        yield opened_company


def lived(company):
    """Let things happen one after the other, and yield after each."""
    now = company.clock.now()

    def told(event, minutes, identity=ANN, **properties):
        at = now + minutes * MINUTE
        company.clock.moment = at
        company.cii.append(
            [
                company.cii.own_message(
                    event,
                    customer=identity,
                    properties=properties,
                    actor="",
                    loop="",
                    message_id=f"{event}{minutes}",
                    at=at,
                )
            ]
        )
        company.catch_up(at)
        assert company.cii.store.find(f"{event}{minutes}")[0]["state"] == "applied"

    told("Order Completed", 1, order_id="o1", total=900, currency="EUR", channel="web", items=[])
    yield "an order"
    told("Consent Given", 2, purpose="surveys", channel="sms")
    yield "a consent"
    for number, properties in enumerate([{}, {"sku": "T1", "name": "Tent"}]):
        said = {"type": "track", "event": "Product Viewed", "messageId": f"s{number}"}
        said |= {"userId": "never-seen", "properties": properties}
        headers = {"source": "shop", "protocol": "segment"}
        company.cii.append([Message(b"u", orjson.dumps(said), now + 3 * MINUTE, headers)])
    company.catch_up(now + 3 * MINUTE)
    assert company.cii.customer("user_id:never-seen")
    yield "a stranger"
    for number, who in enumerate([{"userId": "never-seen"}, {}]):
        said = {"type": "track", "event": "Product Viewed", "messageId": f"b{number}"}
        said |= {"anonymousId": "a-browser", "properties": properties, **who}
        company.cii.append([Message(b"u", orjson.dumps(said), now + 3 * MINUTE + number, headers)])
        company.catch_up(now + 3 * MINUTE + number)
        yield "a browser of hers, first with a login and then alone"
    company.cii.unmerge(FANG["wrong_edge_a"], FANG["wrong_edge_b"], "two sisters", "mei.chen")
    yield "a separation"
    company.pipeline.replay()
    yield "a replay"
    company.pipeline.reload()
    told("Consent Withdrawn", 4, purpose="surveys", channel="sms")
    yield "a state that was read again"
    company.clock.moment = now + 400 * 24 * HOUR
    company.catch_up(company.clock.moment)
    yield "a year without anything"


def test_after_whatever_happens_history_holds_what_a_copy_of_everything_would(company, tmp_path):
    source = company.history._source
    for number, what in enumerate(lived(company)):
        company.history.fresh()
        whole = DuckDbHistory(tmp_path / f"whole{number}.duckdb")
        whole.sync(source)
        ours, wanted = tables(company.history.engine), tables(whole)
        owned = [engine.query(OWNED, rows=None).rows for engine in (company.history.engine, whole)]
        assert owned[0] == owned[1], what
        whole.close()
        assert ours.keys() == wanted.keys() > GROWING
        for name, rows in wanted.items():
            assert ours[name] == rows, (what, name)
        for name in GROWING - {"ledger"}:
            assert strangers(company.history.engine, name) == [(0,)], (what, name)


def test_only_what_changed_is_copied(company, monkeypatch):
    laid = []
    real = copying._typed
    monkeypatch.setattr(
        copying, "_typed", lambda name, *rest: (laid.append(name), real(name, *rest))[1]
    )
    story = lived(company)
    next(story)
    company.history.fresh()
    assert not GROWING & set(laid)
    assert not {"opportunities", "products", "systems", "cases"} & set(laid), (
        "nothing in them changed"
    )


def test_whose_an_identity_is_is_told_only_where_that_is_new(company):
    source = company.history._source
    mark = source.owners().news("").mark
    told = []
    for what in lived(company):
        news = source.owners().news(mark)
        told.append((what, news.gone is not None, {each for each, _ in news.rows}))
        mark = news.mark
    assert told[:3] == [
        ("an order", True, set()),
        ("a consent", True, set()),
        ("a stranger", True, {"user_id:never-seen"}),
    ]
    assert [each for _, _, each in told[3:5]] == [
        {"user_id:never-seen"},
        {"user_id:never-seen", "anonymous_id:a-browser"},
    ]
    assert told[5][:2] == ("a separation", True)
    apart = {FANG["wrong_edge_a"], FANG["wrong_edge_b"]} & set(company.cid.customers.seen)
    assert apart
    assert apart <= told[5][2]
    assert told[7][:2] == ("a state that was read again", False)
    everybody = {each for each, _ in source.owners().news("").rows}
    assert everybody == set(company.cid.customers.seen)


def test_who_was_touched_longer_ago_than_is_known_means_everybody():
    touched = Touched()
    before, nobody = touched.since("")
    assert nobody is None
    touched.note({"ann"})
    after, some = touched.since(before)
    assert (some, touched.since(after)[1]) == ({"ann"}, set())
    assert touched.since(before)[1] is None, "that was forgotten when what came after was asked for"
    touched.note({"bob"})
    touched.forget()
    assert touched.since(after)[1] is None
