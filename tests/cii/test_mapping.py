"""What a system sent becomes a fact in the company's words, or a fault with its reason."""

import json
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from cid.kit.clock import DAY, HOUR, MINUTE, parse_time
from cid.kit.definitions import load
from cid.kit.errors import NotFound
from cid.model.definition import SECTIONS as CID
from cii.mapping import Mapper
from cii.model import SECTIONS as CII
from cii.model import RecordFault, State
from cii.ports import LogRecord
from cii.reasons import Reason
from cii.times import moment_of

NOW = parse_time("2026-03-01T12:00:00Z")
COMPANY = """
company: {name: North, time zone: Europe/Paris}
identifiers:
  user_id: {unique: true}
  email: {normalise: email, attributes: [email]}
  anonymous_id: {}
contracts:
  Order Completed:
    properties:
      order_id: {type: text, required: true}
      total: {type: number, minimum: 0}
  Identify: {properties: {email: {type: text}}}
entities:
  offer: {from: [Offer Updated], key: id, subject: marketing}
"""


def mapper(path, definitions=COMPANY):
    (path / "company.yaml").write_text(definitions)
    found, errors = load(path, [*CID, *CII])
    assert errors == []
    return Mapper(found)


@pytest.fixture
def north(tmp_path):
    return mapper(tmp_path)


def record(value, headers=None, received=NOW):
    if not isinstance(value, bytes):
        value = json.dumps(value).encode()
    headers = {"source": "shop", "protocol": "segment"} if headers is None else headers
    return LogRecord("facts", 0, 7, received, b"", value, headers)


def track(**changes):
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m1",
        "userId": "u1",
        "anonymousId": None,
        "properties": {"order_id": "o1", "total": 10},
        "timestamp": "2026-03-01T11:00:00.000Z",
        "context": {},
    } | changes


def fault(mapper, value, headers=None):
    with pytest.raises(RecordFault) as caught:
        mapper.map(record(value, headers))
    return caught.value.state, caught.value.reason, caught.value.detail


def test_a_track_record_becomes_a_fact(north):
    fact = north.map(record(track(context={"actor": "ann", "loop": "l1"})))
    assert fact.position == 0
    assert (fact.message_id, fact.source, fact.type) == ("m1", "shop", "track")
    assert fact.event == "Order Completed"
    assert fact.time == NOW - HOUR
    assert fact.received == NOW
    assert fact.identifiers == ("user_id:u1",)
    assert fact.properties == {"order_id": "o1", "total": 10}
    assert (fact.actor, fact.loop) == ("ann", "l1")


def test_an_identify_record_says_something_about_the_customer(north):
    fact = north.map(
        record(track(type="identify", traits={"email": "Ann@X.org", "city": "Lyon"}, properties={}))
    )
    assert fact.event == "Identify"
    assert fact.attributes == {"email": "Ann@X.org", "city": "Lyon"}
    assert fact.identifiers == ("user_id:u1", "email:ann@x.org")


def test_pages_and_screens_say_what_was_seen(north):
    page = {"url": "https://x.org/tent", "title": "Tents", "other": 1}
    body = track(type="page", name="Tents", category="Gear", properties={}, context={"page": page})
    fact = north.map(record(body))
    assert fact.event == "Page Viewed"
    assert fact.properties == {
        "name": "Tents",
        "category": "Gear",
        "url": "https://x.org/tent",
        "title": "Tents",
    }
    fact = north.map(record(track(type="screen", name="Cart", properties={"name": "Basket"})))
    assert (fact.event, fact.properties) == ("Screen Viewed", {"name": "Basket"})


def test_traits_of_a_group_are_not_those_of_its_member(north):
    body = track(type="group", groupId="g1", traits={"name": "Club Alpin", "city": "Lyon"})
    fact = north.map(record(body))
    assert fact.properties == {"name": "Club Alpin", "city": "Lyon", "group_id": "g1"}
    assert fact.attributes == {"company": "Club Alpin"}


def test_an_alias_names_both_identifiers_and_to_itself_does_nothing(north):
    fact = north.map(record(track(type="alias", previousId="a1")))
    assert fact.identifiers == ("user_id:u1", "user_id:a1", "anonymous_id:a1")
    fact = north.map(record(track(type="alias", previousId="u1")))
    assert fact.identifiers == ("user_id:u1",)


def test_external_ids_count_if_their_kind_is_defined(north):
    ids = [{"type": "email", "id": "ann@x.org"}, {"type": "shoe", "id": "42"}, "nonsense", {}]
    fact = north.map(record(track(userId=None, context={"externalIds": ids})))
    assert fact.identifiers == ("email:ann@x.org",)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"timestamp": None}, 0),
        ({"timestamp": "2026-03-01T11:00:00Z"}, -HOUR),
        ({"timestamp": "2026-03-01T12:00:00+01:00"}, -HOUR),
        ({"timestamp": "2026-03-01T11:00:00.123456+00:00"}, -HOUR + 123),
        ({"timestamp": "2024-03-01T12:00:00Z", "sentAt": "2026-03-01T11:59:58Z"}, -730 * DAY),
        # a clock that is an hour ahead is set right
        ({"timestamp": "2026-03-01T12:59:00Z", "sentAt": "2026-03-01T13:00:00Z"}, -MINUTE),
        # a batch that is sent again after 3 minutes with its old sentAt does not move
        ({"timestamp": "2026-03-01T11:57:00Z", "sentAt": "2026-03-01T11:57:00Z"}, -3 * MINUTE),
        # RudderStack Node: the caller's own time wins over the library's
        (
            {
                "originalTimestamp": "2026-03-01T10:00:00Z",
                "timestamp": "2026-03-01T09:00:00Z",
                "sentAt": "2026-03-01T10:00:00Z",
            },
            -3 * HOUR,
        ),
        ({"originalTimestamp": "2026-03-01T10:00:00Z", "timestamp": None}, -2 * HOUR),
        ({"timestamp": "2026-03-01T11:59:00Z", "sentAt": "not a time"}, -MINUTE),
    ],
)
def test_when_it_happened(north, times, expected):
    assert north.map(record(track(**times))).time == NOW + expected


def test_the_way_of_a_browser_s_request_does_not_move_its_events(north):
    context = {"library": {"name": "analytics-next"}}
    times = {"timestamp": "2026-03-01T11:57:00Z", "sentAt": "2026-03-01T11:59:51Z"}
    fact = north.map(record(track(context=context, **times)))
    assert fact.time == NOW - 3 * MINUTE


def test_a_browser_s_clock_is_corrected_beyond_ten_seconds(north):
    context = {"library": {"name": "analytics-next"}}
    times = {"timestamp": "2026-03-01T11:57:00Z", "sentAt": "2026-03-01T11:58:00Z"}
    fact = north.map(record(track(context=context, **times)))
    assert fact.time == NOW - MINUTE
    assert fact.properties["_skew_ms"] == 2 * MINUTE


def test_an_event_from_the_future_is_clamped_and_says_so(north):
    fact = north.map(record(track(timestamp="2026-03-01T12:04:00Z")))
    assert fact.time == NOW + 4 * MINUTE
    fact = north.map(record(track(timestamp="2027-01-01T00:00:00Z")))
    assert (fact.time, fact.properties["_clamped"]) == (NOW, True)


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (b"{", Reason.INVALID_JSON, ""),
        (b"\xff", Reason.INVALID_JSON, ""),
        (b"[" * 5000, Reason.INVALID_JSON, ""),
        (b"7", Reason.NOT_AN_OBJECT, "the record is not a JSON object"),
        ([track()], Reason.NOT_AN_OBJECT, "the record is not a JSON object"),
        (track(properties=[1]), Reason.NOT_AN_OBJECT, "properties is not an object: [1]"),
        (track(type="tarck"), Reason.UNKNOWN_TYPE, "type 'tarck'"),
        (track(type=["track"]), Reason.UNKNOWN_TYPE, "type ['track']"),
        (track(event="  "), Reason.NO_EVENT, "a track record needs the event's name"),
        (track(userId=None), Reason.NO_IDENTIFIER, "nothing says which customer it is about"),
        (track(userId=" "), Reason.NO_IDENTIFIER, "nothing says which customer it is about"),
        (track(timestamp="soon"), Reason.INVALID_TIME, "timestamp is not a moment: 'soon'"),
        (track(timestamp=12), Reason.INVALID_TIME, "timestamp is not a moment: 12"),
        (track(timestamp="0001-01-01T00:00:00+14:00"), Reason.INVALID_TIME, ""),
    ],
)
def test_a_record_that_is_structurally_wrong_is_rejected(north, value, reason, detail):
    state, why, said = fault(north, value)
    assert (state, why) == (State.REJECTED, reason)
    assert said.startswith(detail)


def test_a_record_that_breaks_its_contract_waits_in_quarantine(north):
    assert fault(north, track(properties={"total": 1})) == (
        State.QUARANTINED,
        Reason.CONTRACT_MISSING,
        "order_id is missing",
    )
    state, reason, _ = fault(north, track(type="identify", traits={"email": 7}))
    assert (state, reason) == (State.QUARANTINED, Reason.CONTRACT_TYPE)


def test_what_the_collect_api_found_is_kept_as_the_reason(north):
    headers = {"source": "shop", "protocol": "segment"}
    assert fault(north, b"x", headers | {"fault": "too_large", "detail": "5 MB"}) == (
        State.REJECTED,
        "too_large",
        "5 MB",
    )
    assert fault(north, track(), headers | {"quarantine": "unknown_key"}) == (
        State.QUARANTINED,
        "unknown_key",
        "",
    )


def test_a_fact_about_a_thing_needs_no_customer(north):
    for event in ("Product Updated", "Offer Updated"):
        fact = north.map(record(track(event=event, userId=None)))
        assert fact.identifiers == ()


FLOW = """
flows:
  complaints:
    source: callcentre
    time format: "%m/%d/%Y"
    when: Product != "Test"
    record:
      event: '"Case Opened"'
      time: Date_received
      received: Date_received
      identifiers: {user_id: Complaint_ID}
      properties:
        case_id: Complaint_ID
        late: 'Timely_response = "No"'
        answered: 'Timely response? = "Yes"'
        doubled: number(Amount) * 2
        queue: Product
        nothing: Sub_product
        everything: 'count(get entries(row))'
      attributes: {email: Email}
  tills:
    source: till
    record:
      type: 'if kind = "who" then "identify" else "track"'
      event: kind
      id: '"till-" + no'
      time: at
      identifiers: {email: mail}
      properties: {total: total}
  broken:
    source: till
    record: {event: '"X"', identifiers: {user_id: 'Complaint ID + "x"'}}
  clicks:
    source: shop
    format: jsonl
    protocol: segment
    when: 'event != "Noise"'
    record: {received: sentAt}
"""
ROW = {
    "": "0",
    "Complaint ID": "17",
    "Product": "Mortgage",
    "Date received": "3/9/2015",
    "Timely response?": "No",
    "Amount": "12.15",
    "Email": "ANN@x.org",
}


@pytest.fixture
def flows(tmp_path):
    return mapper(tmp_path, COMPANY + FLOW)


def facts(mapper, flow, rows, digest="d"):
    for message in mapper.flow(flow).messages(rows, digest, NOW):
        yield mapper.map(
            LogRecord("facts", 0, 0, message.timestamp, message.key, message.value, message.headers)
        )


def test_a_row_becomes_a_fact_by_the_expressions_of_its_flow(flows):
    (fact,) = facts(flows, "complaints", [ROW])
    assert fact.event == "Case Opened"
    assert fact.source == "callcentre"
    assert fact.message_id == "d:1"
    assert fact.time == fact.received == parse_time("2015-03-08T23:00:00Z"), "midnight in Paris"
    assert fact.identifiers == ("user_id:17", "email:ann@x.org")
    assert fact.properties == {
        "case_id": "17",
        "late": True,
        "answered": False,
        "doubled": 24.3,
        "queue": "Mortgage",
        "everything": 7,
    }
    assert fact.attributes == {"email": "ANN@x.org"}


def test_rows_the_flow_does_not_want_are_left_out(flows):
    rows = [ROW, ROW | {"Product": "Test"}, ROW | {"Product": None}]
    assert [fact.message_id for fact in facts(flows, "complaints", rows)] == ["d:1", "d:3"]


def test_the_same_file_gives_the_same_ids_and_equal_rows_stay_apart(flows):
    first = [message.headers["id"] for message in flows.flow("tills").messages([{}, {}], "a", NOW)]
    again = [message.headers["id"] for message in flows.flow("tills").messages([{}, {}], "a", NOW)]
    other = [message.headers["id"] for message in flows.flow("tills").messages([{}], "b", NOW)]
    assert first == again == ["a:1", "a:2"]
    assert other == ["b:1"]


def test_a_row_may_have_an_id_a_type_and_a_zone_of_its_own(flows):
    row = {"no": "7", "kind": "who", "at": "2026-01-02 10:00", "mail": "ann@x.org", "total": None}
    (fact,) = facts(flows, "tills", [row])
    assert (fact.message_id, fact.type, fact.event) == ("till-7", "identify", "who")
    assert fact.time == parse_time("2026-01-02T09:00:00Z")
    assert fact.properties == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"at": "yesterday"}, Reason.INVALID_TIME),
        ({"at": None}, Reason.INVALID_TIME),
        ({"mail": "nobody"}, Reason.NO_IDENTIFIER),
        ({"kind": None}, Reason.NO_EVENT),
        ({"_fault": "9 fields", "_line": 3, "_raw": "…"}, Reason.UNREADABLE_ROW),
    ],
)
def test_a_row_that_is_wrong_is_rejected_and_the_others_are_not(flows, change, reason):
    row = {"no": "7", "kind": "Sold", "at": "2026-01-02T10:00:00Z", "mail": "a@x.org", "total": 1}
    found = flows.flow("tills").messages([row | change, row], "d", NOW)
    bad, good = (
        LogRecord("facts", 0, 0, each.timestamp, each.key, each.value, each.headers)
        for each in found
    )
    with pytest.raises(RecordFault) as caught:
        flows.map(bad)
    assert (caught.value.state, caught.value.reason) == (State.REJECTED, reason)
    assert flows.map(good).properties == {"total": 1}


def test_a_row_that_does_not_fit_its_flow_waits_until_the_flow_is_mended(flows):
    (fact,) = facts(flows, "broken", [ROW])
    assert fact.identifiers == ("user_id:17x",)
    with pytest.raises(RecordFault) as caught:
        list(facts(flows, "broken", [{"Other": 1}]))
    assert (caught.value.state, caught.value.reason) == (State.QUARANTINED, Reason.MAPPING)
    (message,) = flows.flow("tills").messages([{"a": 1}], "d", NOW)
    headers = message.headers | {"flow": "gone"}
    assert fault(flows, message.value, headers)[:2] == (State.QUARANTINED, Reason.UNKNOWN_FLOW)


def test_messages_of_one_customer_go_to_one_partition(flows):
    first, second = flows.flow("complaints").messages([ROW, ROW | {"Amount": "1"}], "d", NOW)
    assert first.key == second.key == b"user_id:17"


def test_rows_in_the_collect_api_s_form_need_no_mapping(flows):
    body = track(sentAt="2026-03-01T11:00:05Z")
    (fact,) = facts(flows, "clicks", [body, track(event="Noise")])
    assert (fact.message_id, fact.identifiers) == ("m1", ("user_id:u1",))
    assert fact.received == parse_time("2026-03-01T11:00:05Z")


def test_the_row_before_can_be_asked_for(tmp_path):
    flow = """
flows:
  openings:
    source: desk
    when: previous = null or previous.case_name != case_name
    record: {event: '"Case Opened"', identifiers: {user_id: case_name}}
"""
    rows = [{"case:name": each} for each in "aabbba"]
    found = facts(mapper(tmp_path, COMPANY + flow), "openings", rows)
    assert [fact.message_id for fact in found] == ["d:1", "d:3", "d:6"]


def test_a_file_is_read_with_progress(flows, tmp_path):
    path = tmp_path / "tills.csv"
    path.write_text("no,kind,at,mail,total\n" + "1,Sold,2026-01-02,a@x.org,3\n" * 2500)
    seen = []
    found = list(flows.prepare("tills", path, NOW, seen.append))
    assert len(found) == 2500
    assert seen == [1000, 2000, 2500]
    with pytest.raises(NotFound, match="Did you mean 'tills'"):
        flows.prepare("till", path, NOW)


def test_headers_that_records_share_say_the_same_of_each(north):
    usual = MappingProxyType({"source": "shop", "protocol": "segment"})
    held = MappingProxyType({**usual, "quarantine": "unknown_key", "detail": "write key 'x'"})
    spoilt = MappingProxyType({**usual, "fault": "too_large", "detail": "an event may have 1 byte"})
    for _ in range(2):
        assert north.map(record(track(), usual)).source == "shop"
        for headers, state in ((held, State.QUARANTINED), (spoilt, State.REJECTED)):
            with pytest.raises(RecordFault) as told:
                north.map(record(track(), headers))
            assert told.value.state is state


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-02T03:04:05.123456Z",
        "1969-12-31T23:59:59.999999Z",
        "1901-02-03T04:05:06.000999+05:30",
        "2026-01-02T03:04:05.1239",
        "9999-12-31T23:59:59.999999-23:59",
    ],
)
def test_a_moment_is_the_whole_milliseconds_that_have_passed(moment):
    said = datetime.fromisoformat(moment)
    said = said if said.tzinfo else said.replace(tzinfo=UTC)
    passed = said - datetime(1970, 1, 1, tzinfo=UTC)
    assert moment_of(moment) == passed // timedelta(milliseconds=1)
