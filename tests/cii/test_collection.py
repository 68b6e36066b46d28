import contextlib
import gzip
import json
import random
import zlib
from functools import partial

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.kit.clock import parse_time
from cii.collection import Collected, collect, normalise
from cii.model import RecordFault
from cii.ports import CollectLimits
from cii.reception import Batch, RequestFault, parse, read_body, write_keys

# Without the moment in it: parallel runs must name the same tests.
zipped = partial(gzip.compress, mtime=0)

LIMITS = CollectLimits()
RECEIVED = parse_time("2026-01-31T12:00:00Z")
TRACK = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}


def sent(*events, kind="", limits=LIMITS, **options) -> Collected:
    return collect(Batch(list(events)), kind, "shop", RECEIVED, limits, **options)


def normal(event, batch=None, kind=""):
    return normalise(
        event, batch or Batch([]), kind, "2026-01-31T12:00:00.000Z", new_id=lambda: "new"
    )


def fault_of(call, *arguments, **options):
    with pytest.raises(RequestFault) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.code


def nested(depth):
    value = "leaf"
    for _ in range(depth):
        value = {"a": value}
    return value


# Reading the body


def test_a_plain_body_stays_as_it_is():
    assert read_body(b"abc", "", LIMITS) == read_body(b"abc", "identity", LIMITS) == b"abc"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_gzip_is_read_through(encoding):
    assert read_body(zipped(b"abc"), encoding, LIMITS) == b"abc"


def test_all_members_of_a_gzip_text_count():
    packed = zipped(b"abc") + zipped(b"") + zipped(b"def") + b"\0\0"
    assert read_body(packed, "gzip", LIMITS) == b"abcdef"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        zipped(b"abc" * 99)[:-1],
        zipped(b"abc")[:5],
        zipped(b"abc") + b"rubbish",
        zipped(b"abc") + zipped(b"def")[:-3],
        zipped(b"") * 200,
        zlib.compress(b"abc"),
        zipped(b"abc")[:-8] + bytes(8),
    ],
)
def test_a_broken_gzip_text_is_refused(raw):
    assert fault_of(read_body, raw, "gzip", LIMITS) == (400, "invalid_gzip")


@pytest.mark.parametrize("packed", [1, 2])
def test_a_bomb_is_stopped_at_the_limit(packed):
    some = LIMITS.inflated // 4 * 3
    bomb = zipped(bytes(some)) * packed + zipped(bytes(some))
    assert fault_of(read_body, bomb, "gzip", LIMITS) == (413, "request_too_large")


def test_exactly_the_limit_is_taken():
    body = bytes(LIMITS.inflated)
    assert read_body(zipped(body), "gzip", LIMITS) == body
    assert fault_of(read_body, zipped(body + b"x"), "gzip", LIMITS)[0] == 413
    assert fault_of(read_body, body + b"x", "", LIMITS)[0] == 413


def test_an_unknown_compression_is_refused():
    assert fault_of(read_body, b"abc", "br", LIMITS) == (400, "unsupported_encoding")


# Parsing


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"a": "\xe9"}', "invalid_json"),
        (b'{"a": NaN}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"a": "\\ud83d" oops}', "invalid_json"),
        (b"7", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"[]", "not_an_object"),
        (b"{}", "missing_batch"),
        (b'{"batch": {}}', "missing_batch"),
        (b'{"batch": null}', "missing_batch"),
    ],
)
def test_a_body_that_is_no_batch_is_refused(body, code):
    assert fault_of(parse, body, LIMITS, batch=True) == (400, code)


def test_a_batch_has_so_many_events_at_most():
    body = orjson.dumps({"batch": [TRACK] * 2_501})
    assert fault_of(parse, body, LIMITS, batch=True) == (413, "too_many_events")
    assert len(parse(orjson.dumps({"batch": [TRACK] * 2_500}), LIMITS, batch=True).events) == 2_500


def test_what_a_batch_says_about_all_its_events_is_read():
    body = {"batch": [], "context": {"a": 1}, "integrations": {"All": True}, "writeKey": "k"}
    body["sentAt"] = "2026-01-31T11:59:59Z"
    batch = parse(orjson.dumps(body), LIMITS, batch=True)
    assert batch == Batch([], {"a": 1}, {"All": True}, "2026-01-31T11:59:59Z", "k")
    odd = {"batch": [], "context": 1, "integrations": [], "writeKey": 7, "sentAt": 3}
    assert parse(orjson.dumps(odd), LIMITS, batch=True) == Batch([])


def test_half_an_emoji_does_not_cost_the_batch():
    body = rb'{"userId": "\ud83d", "a": "\ud83d\ude00", "b": "\\ud83d", "c": "x\ude00y"}'
    [event] = parse(body, LIMITS, batch=False).events
    assert event == {"userId": "�", "a": "😀", "b": "\\ud83d", "c": "x�y"}


def test_a_byte_order_mark_is_no_fault():
    assert parse(b"\xef\xbb\xbf{}", LIMITS, batch=False).events == [{}]


# Write keys


def test_write_keys_count_in_order():
    assert write_keys("Basic YTo=", "b", "c", "d:e") == ["a", "b", "c", "d:e", "d"]
    assert write_keys("Bearer xyz", "", "", "") == []
    assert write_keys("basic YTpwdw==", "a", "a", "") == ["a"]
    assert write_keys("Basic Og==", "", "", "") == []


@pytest.mark.parametrize("authorization", ["Basic !!!", "Basic YQ", "Basic /w==", "Basic é"])
def test_a_basic_authorization_that_cannot_be_read_is_refused(authorization):
    assert fault_of(write_keys, authorization, "b", "", "") == (401, "invalid_authorization")


# Normalising


def test_ids_are_texts_and_nulls_are_absent():
    event = {"type": "track", "event": " Viewed ", "userId": 7, "anonymousId": None, "groupId": " "}
    record = normal(event | {"messageId": " m1 ", "previousId": 12.0})
    assert record == {
        "type": "track",
        "event": "Viewed",
        "userId": "7",
        "messageId": "m1",
        "previousId": "12",
        "receivedAt": "2026-01-31T12:00:00.000Z",
    }


def test_traits_come_from_both_places_and_the_root_wins():
    event = {"type": "identify", "userId": "u", "traits": {"a": 1, "b": 1}}
    event["context"] = {"traits": {"b": 2, "c": 2}}
    assert normal(event)["traits"] == {"a": 1, "b": 1, "c": 2}
    only = {"type": "identify", "userId": "u", "context": {"traits": {"b": 2}}, "traits": None}
    assert normal(only)["traits"] == {"b": 2}


def test_the_traits_of_a_group_are_not_mixed_with_those_of_its_member():
    event = {"type": "group", "userId": "u", "groupId": "g", "traits": {"name": "ACME"}}
    event["context"] = {"traits": {"email": "ann@example.org"}}
    assert normal(event)["traits"] == {"name": "ACME"}


def test_what_the_batch_says_lies_beneath_what_the_event_says():
    batch = Batch([], {"ip": "1", "app": "x"}, {"All": True}, "2026-01-31T11:00:00Z")
    record = normal(TRACK | {"context": {"ip": "2"}, "integrations": {"A": False}}, batch)
    assert record["context"] == {"ip": "2", "app": "x"}
    assert record["integrations"] == {"All": True, "A": False}
    assert record["sentAt"] == "2026-01-31T11:00:00Z"
    assert normal(TRACK | {"sentAt": "2026-01-31T10:00:00Z"}, batch)["sentAt"][11:13] == "10"


def test_unknown_keys_are_kept_but_not_the_credential():
    record = normal(TRACK | {"_metadata": {"x": None}, "channel": "server", "writeKey": "secret"})
    assert record["_metadata"] == {"x": None}
    assert record["channel"] == "server"
    assert "writeKey" not in record


def test_a_missing_message_id_is_made():
    assert normal({"type": "page", "userId": "u", "messageId": None})["messageId"] == "new"


def test_the_path_decides_the_type():
    assert normal({"type": "track", "userId": "u"}, kind="page")["type"] == "page"


def test_a_view_has_its_name_and_category_from_either_place():
    record = normal({"type": "page", "anonymousId": "a", "properties": {"category": "shoes"}})
    assert record["category"] == "shoes"
    record = normal({"type": "screen", "anonymousId": "a", "name": "Cart", "properties": None})
    assert record["name"] == "Cart"


def test_normalising_again_changes_nothing():
    event = {"type": "identify", "userId": 7, "context": {"traits": {"a": 1}}, "messageId": "m"}
    batch = Batch([], {"ip": "1"}, {"All": True}, "2026-01-31T11:00:00Z")
    assert normal(normal(event, batch), batch) == normal(event, batch)


# Faults of single events

FAULTS = [
    (7, "not_an_object"),
    (None, "not_an_object"),
    ([], "not_an_object"),
    ({}, "unknown_type"),
    ({"type": "trak", "userId": "u"}, "unknown_type"),
    ({"type": {"a": 1}, "userId": "u"}, "unknown_type"),
    ({"type": "track", "userId": "u"}, "no_event"),
    ({"type": "track", "userId": "u", "event": "  "}, "no_event"),
    ({"type": "track", "userId": "u", "event": 7}, "no_event"),
    ({"type": "track", "event": "Viewed"}, "no_identifier"),
    ({"type": "page", "userId": None, "anonymousId": " "}, "no_identifier"),
    ({"type": "page", "event": {}, "userId": ""}, "no_identifier"),
    ({"type": "identify"}, "no_identifier"),
    ({"type": "page", "userId": True}, "invalid_id"),
    ({"type": "page", "userId": {"a": 1}}, "invalid_id"),
    ({"type": "page", "userId": "u", "messageId": ["m"]}, "invalid_id"),
    ({"type": "page", "userId": "u", "messageId": "m" * 101}, "invalid_id"),
    ({"type": "page", "userId": "u", "properties": "x"}, "not_an_object"),
    ({"type": "page", "userId": "u", "traits": [1]}, "not_an_object"),
    ({"type": "page", "userId": "u", "context": 1}, "not_an_object"),
    ({"type": "page", "userId": "u", "properties": {"x": "y" * 33_000}}, "too_large"),
    ({"type": "page", "userId": "u", "properties": nested(64)}, "too_large"),
    ({"type": "page", "userId": "u", "properties": nested(900)}, "too_large"),
]


@pytest.mark.parametrize(("event", "reason"), FAULTS, ids=lambda value: str(value)[:60])
def test_a_broken_event_is_kept_with_its_reason_and_the_others_are_stored(event, reason):
    other = TRACK | {"messageId": "m2"}
    collected = sent(TRACK, event, other)
    assert [rejected.reason for rejected in collected.rejected] == [reason]
    first, broken, last = collected.messages
    assert "fault" not in first.headers
    assert "fault" not in last.headers
    assert broken.headers["fault"] == reason
    assert broken.headers["source"] == "shop"
    assert broken.headers["detail"] == collected.rejected[0].detail
    kept = orjson.loads(broken.value)
    assert kept["messageId"] == broken.headers["id"] == collected.rejected[0].message_id
    assert kept["receivedAt"] == "2026-01-31T12:00:00.000Z"


def test_a_broken_event_is_kept_as_it_was_sent():
    event = {"type": "trak", "userId": 7, "messageId": "m7", "extra": [1, None], "writeKey": "k"}
    kept = orjson.loads(sent(event).messages[0].value)
    del event["writeKey"]
    assert kept == event | {"receivedAt": "2026-01-31T12:00:00.000Z"}
    assert orjson.loads(sent([1]).messages[0].value)["body"] == [1]


def test_a_large_context_of_the_batch_is_not_the_events_fault():
    batch = Batch([TRACK], context={"x": "y" * 40_000})
    assert collect(batch, "", "shop", RECEIVED, LIMITS).rejected == []


def test_many_brackets_are_no_fault_if_they_are_not_deep():
    event = TRACK | {"properties": {"items": [{"sku": "{[" * 20} for _ in range(100)]}}
    assert sent(event).rejected == []
    assert sent(TRACK | {"properties": nested(63)}).rejected == []


def test_the_limit_of_an_event_can_be_raised():
    event = TRACK | {"properties": {"x": "y" * 33_000}}
    assert sent(event, limits=CollectLimits(event=4 << 20)).rejected == []


def test_an_event_about_no_customer_needs_no_id():
    event = {"type": "track", "event": "Product Updated", "messageId": "m"}
    assert sent(event, about_things={"Product Updated"}).rejected == []


def test_other_evidence_than_an_id_is_left_to_the_companys_definitions():
    by_card = {"type": "page", "context": {"externalIds": [{"type": "card", "id": "1"}]}}
    by_email = {"type": "identify", "traits": {"email": "ann@example.org"}}
    assert sent(by_card, by_email).rejected == []


# Messages


@pytest.mark.parametrize(
    ("ids", "key"),
    [
        ({"userId": 7, "anonymousId": "a"}, b"7"),
        ({"anonymousId": "客"}, "客".encode()),
        ({"context": {"externalIds": [{}]}}, b"m9"),
    ],
)
def test_the_strongest_id_decides_the_partition(ids, key):
    [message] = sent({"type": "page", "messageId": "m9"} | ids).messages
    assert message.key == key


def test_a_message_says_when_and_from_whom():
    [message] = sent(TRACK).messages
    assert message.timestamp == RECEIVED
    assert message.headers == {"source": "shop", "protocol": "segment"}
    assert orjson.loads(message.value) == TRACK | {"receivedAt": "2026-01-31T12:00:00.000Z"}


def test_events_of_an_unknown_key_wait_in_quarantine():
    [message, broken] = sent(TRACK, 7, unknown_key="lost").messages
    assert message.headers["source"] == "unknown"
    assert message.headers["quarantine"] == broken.headers["quarantine"] == "unknown_key"
    assert (message.headers["write_key"], message.headers["id"]) == ("lost", "m1")
    assert broken.headers["fault"] == "not_an_object"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
events = st.dictionaries(
    st.sampled_from(
        ["type", "userId", "anonymousId", "messageId", "event", "traits", "context", "properties"]
    ),
    json_values | st.sampled_from(["track", "page", "identify"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(json_values | events, max_size=4), st.sampled_from(["", "track", "group"]))
def test_every_event_whatever_it_is_becomes_exactly_one_message(batch, kind):
    body = orjson.dumps({"batch": batch})
    parsed = parse(body, LIMITS, batch=True)
    collected = collect(parsed, kind, "shop", RECEIVED, LIMITS)
    assert len(collected.messages) == len(batch)
    for message in collected.messages:
        kept = orjson.loads(message.value)
        assert 0 < len(kept["messageId"]) <= LIMITS.message_id
        if "fault" not in message.headers:
            assert kept["type"] in ("track", "page", "identify", "group")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["", "gzip"]), st.randoms(use_true_random=False))
def test_no_bytes_surprise_the_reception(raw, encoding, chance: random.Random):
    good = zipped(json.dumps({"batch": [TRACK]}).encode())
    place = chance.randrange(len(good))
    for each in (raw, good[:place] + raw + good[place:]):
        with contextlib.suppress(RequestFault):
            parse(read_body(each, encoding, LIMITS), LIMITS, batch=True)


def test_a_fault_is_an_error_of_the_record_not_of_the_program():
    with pytest.raises(RecordFault, match="trak"):
        normal({"type": "trak"})
