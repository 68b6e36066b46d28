"""Real data sets are found by their columns, and every row ends as a fact or with a reason."""

import gzip
import json
from collections import Counter
from decimal import Decimal

import duckdb
import pytest

from cbc.measurement import Period, drill_sql, number
from cbc.model import MEASURES
from cbc.model import SECTIONS as CBC
from cbc.testing import MemoryHistory
from cfa.model import SECTIONS as CFA
from cic.model import SECTIONS as CIC
from cic.model import SEGMENTS, TRAITS
from cid.feel import names, parse
from cid.kit.clock import format_time, parse_time
from cid.kit.definitions import load
from cid.model.definition import ATTRIBUTES
from cid.model.definition import SECTIONS as CID
from cii.mapping import Mapper
from cii.model import FLOWS
from cii.model import SECTIONS as CII
from cii.ports import LogRecord
from context.model import RULES, TABLES
from context.model import SECTIONS as CONTEXT
from icustomer.samples.real import DEFINITIONS, find, relive
from icustomer.samples.real.sets import COLUMNS

NOW = 1_790_000_000_000
ALL = [*CID, *CII, *CIC, *CFA, *CONTEXT, *CBC]


@pytest.fixture(scope="module")
def company():
    definitions, errors = load(DEFINITIONS, ALL)
    assert errors == []
    return definitions


@pytest.fixture(scope="module")
def mapper(company):
    return Mapper(company)


def facts(mapper, directory):
    found = []
    for flow, paths in find(directory):
        for path in paths:
            for place, message in enumerate(mapper.prepare(flow, path, NOW)):
                value, headers = message.value, message.headers
                record = LogRecord("f", 0, place, message.timestamp, message.key, value, headers)
                found.append(mapper.map(record))
    return found


def events(found):
    return Counter(fact.event for fact in found)


RETAIL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,"HEART, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527,Unspecified
536414,22139,,56,2010-12-01 11:52:00,0.0,,United Kingdom
536589,21777,,-10,2010-12-01 16:50:00,0.0,,United Kingdom
A563185,B,Adjust bad debt,1,8/12/2011 14:50,11062.06,,United Kingdom
"""


def test_every_order_line_is_one_fact(mapper, tmp_path):
    (tmp_path / "some_sales_of_a_retailer.csv.gz").write_bytes(gzip.compress(RETAIL.encode()))
    found = facts(mapper, tmp_path)
    assert events(found) == {
        "Identify": 5,
        "Order Line Sold": 3,
        "Order Line Cancelled": 1,
        "Stock Adjusted": 1,
        "Bad Debt Adjusted": 1,
    }
    sold = next(fact for fact in found if fact.event == "Order Line Sold")
    assert sold.identifiers == ("erp_id:17850",)
    assert sold.properties == {
        "order_id": "536365",
        "sku": "85123A",
        "name": "HEART, WHITE",
        "quantity": 6,
        "price": 2.55,
        "total": 15.3,
        "currency": "GBP",
    }
    assert format_time(sold.time) == format_time(sold.received) == "2010-12-01T08:26:00.000Z"
    assert format_time(found[-1].time) == "2011-08-12T13:50:00.000Z", "summer in London"


def test_lines_without_a_customer_belong_to_their_invoice_alone(mapper, tmp_path):
    (tmp_path / "online.csv").write_text(RETAIL)
    found = facts(mapper, tmp_path)
    nameless = [fact for fact in found if fact.identifiers[0].startswith("receipt:")]
    assert {fact.identifiers for fact in nameless} == {
        ("receipt:536414",),
        ("receipt:536589",),
        ("receipt:A563185",),
    }
    said = {fact.attributes["kind"] for fact in nameless if fact.type == "identify"}
    assert said == {"unknown"}


def test_the_other_edition_of_the_set_is_known_too(mapper, tmp_path):
    head, _, rest = RETAIL.partition("\n")
    head = head.replace("InvoiceNo", "Invoice").replace("UnitPrice", "Price")
    (tmp_path / "ii.csv").write_text(f"{head.replace('CustomerID', 'Customer ID')},More\n")
    with (tmp_path / "ii.csv").open("a") as file:
        file.writelines(f"{line},x\n" for line in rest.splitlines())
    assert events(facts(mapper, tmp_path))["Order Line Sold"] == 3


def test_a_spoilt_order_line_is_kept_with_its_reason(mapper, tmp_path):
    path = tmp_path / "online.csv"
    path.write_text(RETAIL + "536999,1,x,six,2010-12-02 10:00:00,1.0,17850,France\n")
    *_, message = mapper.prepare("online retail lines", path, NOW)
    with pytest.raises(Exception, match="quantity is missing"):
        mapper.map(LogRecord("f", 0, 0, message.timestamp, b"", message.value, message.headers))


PIPELINE = """\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
1C1I7A6R,Moses Frase,GTX Plus Basic,Cancity,Won,2016-10-20,2017-03-01,1054
Z063OYW0,Darcel Schlecht,GTXPro,Isdom,Lost,2016-10-25,2017-03-11,0
HAXMC4IX,James Ascencio,MG Advanced,,Engaging,2016-11-03,,
QVYRFULF,Lajuana Vencill,GTX Basic,Cancity,Prospecting,,,
"""


def test_a_deal_is_opened_and_closed_at_its_own_dates(mapper, tmp_path):
    (tmp_path / "deals.csv").write_text(PIPELINE)
    (tmp_path / "a.csv").write_text(
        "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
        "Cancity,technolgy,1996,1100.04,2822,Philipines,\n"
    )
    (tmp_path / "p.csv").write_text("product,series,sales_price\nGTX Pro,GTX,4821\n")
    (tmp_path / "t.csv").write_text("sales_agent,manager,regional_office\nAnna,Dustin,Central\n")
    found = facts(mapper, tmp_path)
    assert events(found) == {
        "Product Updated": 1,
        "Agent Updated": 1,
        "Identify": 1,
        "Opportunity Updated": 6,
    }
    assert found[2].identifiers == ("crm_id:Cancity",)
    assert found[2].attributes == {
        "name": "Cancity",
        "kind": "organisation",
        "sector": "technology",
        "revenue": 1100.04,
        "employees": 2822,
        "country": "Philippines",
        "year_established": 1996,
    }
    deals = [
        (fact.identifiers[0], fact.properties["stage"], format_time(fact.time)[:10])
        for fact in found
        if fact.event == "Opportunity Updated"
    ]
    assert deals == [
        ("crm_id:Cancity", "qualified", "2016-10-20"),
        ("crm_id:Isdom", "qualified", "2016-10-25"),
        ("deal_ref:HAXMC4IX", "qualified", "2016-11-03"),
        ("crm_id:Cancity", "prospecting", "2016-10-01"),
        ("crm_id:Cancity", "won", "2017-03-01"),
        ("crm_id:Isdom", "lost", "2017-03-11"),
    ]
    assert found[4].properties["product"] == "GTX Pro"
    assert found[-2].properties["amount"] == 1054


def process_log(path, rows, extra):
    columns = ", ".join(f'{number} AS "{name}"' for name, number in extra.items())
    steps = " UNION ALL ".join(
        f"SELECT '{case}' AS \"case:concept:name\", '{step}' AS \"Activity\", "
        f"'{step}' AS \"lifecycle:transition\", TIMESTAMPTZ '{time}+00' AS \"time:timestamp\" "
        for case, step, time in rows
    )
    duckdb.execute(f"COPY (SELECT *, {columns} FROM ({steps})) TO '{path}' (FORMAT parquet)")


def test_a_ticket_opens_once_and_every_line_is_a_step(mapper, tmp_path):
    rows = [
        ("Case1", "Assign seriousness", "2010-01-13 06:40:25"),
        ("Case1", "Take in charge ticket", "2010-01-29 06:52:27"),
        ("Case1", "Wait", "2010-01-29 06:52:30"),
        ("Case1", "Resolve ticket", "2010-01-29 06:52:34"),
        ("Case2", "Closed", "2010-02-13 06:52:48"),
    ]
    process_log(tmp_path / "log.parquet", rows, {"Resource": "'Value 2'"})
    found = facts(mapper, tmp_path)
    assert events(found) == {
        "Case Opened": 2,
        "Case Message": 1,
        "Case Resolved": 1,
        "Case Status Changed": 3,
    }
    assert {fact.identifiers for fact in found} == {
        ("case_ref:helpdesk Case1",),
        ("case_ref:helpdesk Case2",),
    }
    first = min(found, key=lambda fact: fact.order)
    assert (first.event, format_time(first.time)) == ("Case Opened", "2010-01-13T06:40:25.000Z")
    said = [fact.properties["status"] for fact in found if fact.event == "Case Status Changed"]
    assert said == ["Assign seriousness", "waiting", "closed"]


def test_an_incident_has_a_priority_by_its_impact(mapper, tmp_path):
    rows = [
        ("1-36", "In Progress", "2010-03-31 14:59:42"),
        ("1-36", "Wait - User", "2010-03-31 15:00:56"),
        ("1-36", "In Call", "2010-04-01 15:00:56"),
    ]
    extra = {"impact": "'Major'", "product": "'PROD1'", "org:group": "'G1'"}
    process_log(tmp_path / "volvo.parquet", rows, extra)
    opened, *steps = facts(mapper, tmp_path)
    assert opened.properties["priority"] == "urgent"
    assert [step.event for step in steps] == [
        "Case Status Changed",
        "Case Status Changed",
        "Case Resolved",
    ]


COMPLAINTS = """\
,Complaint ID,Product,Sub-product,Issue,Sub-issue,State,ZIP code,Date received,Date sent to company\
,Company response,Timely response?,Consumer disputed?
0,1291006,Debt collection,,Communication tactics,Calls,TX,76119,3/9/2015,3/19/2015,In progress,Yes,
1,1290580,Mortgage,FHA,Other,,MA,2127,3/19/2015,3/20/2015,Closed with explanation,No,Yes
"""


def test_a_complaint_is_opened_and_answered(mapper, tmp_path):
    (tmp_path / "cfpb.csv").write_text(COMPLAINTS)
    found = facts(mapper, tmp_path)
    assert [(fact.event, format_time(fact.time)[:10]) for fact in found] == [
        ("Case Opened", "2015-03-09"),
        ("Case Opened", "2015-03-19"),
        ("Case Resolved", "2015-03-20"),
    ]
    assert found[-1].properties == {
        "case_id": "complaint 1290580",
        "resolution": "Closed with explanation",
        "timely": False,
        "disputed": True,
    }


def test_the_app_s_hours_become_moments(mapper, tmp_path):
    members = [
        {"gender": None, "age": 118, "id": "m1", "became_member_on": "20170212", "income": None},
        {"gender": "F", "age": 55, "id": "m2", "became_member_on": 20170715, "income": 112000},
    ]
    offers = [
        {"reward": 10, "channels": ["email"], "difficulty": 10, "duration": 7.0,
         "offer_type": "bogo", "id": "o1"}
    ]  # fmt: skip
    acts = [
        {"person": "m1", "event": "offer received", "value": {"offer id": "o1"}, "time": 0},
        {"person": "m1", "event": "offer viewed", "value": {"offer id": "o1"}, "time": 6},
        {"person": "m1", "event": "transaction", "value": {"amount": 10.25}, "time": 30},
        {"person": "m1", "event": "offer completed", "value": {"offer_id": "o1", "reward": 10},
         "time": 30},
    ]  # fmt: skip
    for name, rows in {"profile.json": members, "portfolio.json": offers}.items():
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "acts.json.gz").write_bytes(gzip.compress(json.dumps(acts).encode()))
    found = facts(mapper, tmp_path)
    assert events(found) == {
        "Offer Updated": 1,
        "Identify": 2,
        "Offer Received": 1,
        "Offer Viewed": 1,
        "Order Completed": 1,
        "Offer Completed": 1,
    }
    nobody, somebody = (fact for fact in found if fact.type == "identify")
    assert nobody.attributes == {"kind": "person", "member_since": "2017-02-12"}
    assert somebody.attributes == {
        "kind": "person",
        "age": 55,
        "gender": "F",
        "income": 112000,
        "member_since": "2017-07-15",
    }
    assert format_time(somebody.time) == "2017-07-15T00:00:00.000Z"
    bought = next(fact for fact in found if fact.event == "Order Completed")
    assert bought.properties["total"] == 10.25
    assert format_time(bought.time) == "2018-07-28T06:00:00.000Z"
    completed = next(fact for fact in found if fact.event == "Offer Completed")
    assert completed.properties == {"offer": "o1", "reward": 10}


def test_what_visitors_of_a_web_shop_did_is_known_in_both_published_forms(mapper, tmp_path):
    (tmp_path / "events.csv").write_text(
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n"
        "1433221999827,257597,addtocart,355908,\n"
        "1433222276276,257597,transaction,355908,4000.0\n"
    )
    (tmp_path / "2019-Oct.csv.gz").write_bytes(
        gzip.compress(
            b"event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
            b"2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,s-1\n"
            b"2019-10-01 00:00:01 UTC,remove_from_cart,3900821,2053,appliances,aqua,33.2,541312140,s-1\n"
            b"2019-10-01 00:02:14 UTC,purchase,3900821,2053,appliances,aqua,33.2,541312140,s-1\n"
        )
    )
    found = facts(mapper, tmp_path)
    assert [(fact.event, fact.identifiers[0], format_time(fact.time)) for fact in found] == [
        ("Product Viewed", "visitor:shop 1 257597", "2015-06-02T05:02:12.117Z"),
        ("Product Added", "visitor:shop 1 257597", "2015-06-02T05:13:19.827Z"),
        ("Item Bought", "visitor:shop 1 257597", "2015-06-02T05:17:56.276Z"),
        ("Product Viewed", "visitor:shop 2 541312140", "2019-10-01T00:00:00.000Z"),
        ("Product Removed", "visitor:shop 2 541312140", "2019-10-01T00:00:01.000Z"),
        ("Item Bought", "visitor:shop 2 541312140", "2019-10-01T00:02:14.000Z"),
    ]
    assert found[2].properties == {"sku": "355908", "order_id": "4000", "channel": "web"}
    assert found[-1].properties["price"] == 33.2
    assert found[-1].properties["order_id"] == "s-1"


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "broken.parquet").write_text("x")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert find(tmp_path) == []


def test_every_flow_is_known_by_its_columns(company):
    assert set(COLUMNS) == set(company.of(FLOWS))


def test_every_condition_can_be_read_and_names_what_exists(company):
    known = {name for section in (ATTRIBUTES, TRAITS, SEGMENTS) for name in company.of(section)} | {
        "name",
        "country",
        "postcode",
        "gender",
        "event",
    }
    conditions = [entry.value.when for entry in company.of(SEGMENTS).values()]
    for entry in company.of(RULES).values():
        conditions.append(entry.value.when)
        for call in entry.value.do:
            assert not call.table or call.table in company.of(TABLES)
            conditions += [
                value[1:]
                for value in call.parameters.values()
                if isinstance(value, str) and value.startswith("=")
            ]
    for condition in conditions:
        assert names(parse(condition, known)) <= known, condition


def test_everything_has_a_title_in_both_languages(company):
    for section in (FLOWS, TRAITS, SEGMENTS, RULES, TABLES, MEASURES):
        for entry in company.of(section).values():
            assert entry.value.title is not None, entry.name
            assert entry.value.title.zh, entry.name


def test_everything_is_relived_in_the_order_in_which_it_happened(mapper, tmp_path):
    (tmp_path / "a.csv").write_text(PIPELINE)
    (tmp_path / "b.csv").write_text(RETAIL)
    (tmp_path / "c.csv").write_text(COMPLAINTS)
    seen = []
    messages = list(relive(mapper, tmp_path, NOW, lambda file, rows: seen.append((file, rows))))
    moments = [message.timestamp for message in messages]
    assert moments == sorted(moments)
    assert len(messages) == 5 + 6 + 4 + 2 + 2 + 1
    assert seen[-1] == ("a.csv", 4)
    again = [message.headers["id"] for message in relive(mapper, tmp_path, NOW)]
    assert again == [message.headers["id"] for message in messages]


def test_every_measure_can_be_counted_and_opened(company):
    history = MemoryHistory()
    history.fact("a", "Order Line Sold", "2011-01-01", order_id="1", total=10.5)
    history.fact("a", "Order Line Sold", "2011-01-02", order_id="2", total=9.5)
    history.fact("a", "Order Line Cancelled", "2011-01-03", order_id="C3", total=-5)
    history.fact("b", "Opportunity Updated", "2017-01-01", opportunity_id="o", stage="qualified")
    history.fact(
        "b", "Opportunity Updated", "2017-01-11", opportunity_id="o", stage="won", amount=100
    )
    history.fact(
        "c", "Case Resolved", "2015-03-01", source="complaints", timely=True, disputed=False
    )
    history.add(
        "cases", id="k", customer="c", opened_at="2015-02-25T12:00:00", resolved_at="2015-03-01"
    )
    history.fact("d", "Offer Received", "2018-01-01", offer="x")
    history.fact("d", "Offer Viewed", "2018-01-02", offer="x")
    period = Period(parse_time("2010-01-01"), parse_time("2019-01-01"))
    found = {}
    for name, entry in company.of(MEASURES).items():
        answer = history.query(drill_sql(entry.value, period, 100))
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        found[name] = number(entry.value, rows).value
    assert found == {
        "net sales": 15,
        "sales without a customer": 0,
        "cancelled value": Decimal("0.25"),
        "customers who come back": 1,
        "deals won": 1,
        "value of a won deal": 100,
        "length of a deal": 10,
        "days to resolve": Decimal("3.5"),
        "timely answers": 1,
        "disputed answers": 0,
        "offers viewed": 1,
        "offers completed": 0,
    }
