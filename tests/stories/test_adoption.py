"""New traits and segments come into force on a living system, whole or not at all (promise 2)."""

import json
import os
import subprocess
import sys
import threading

import pytest

from cic import adoption
from cid.kit.clock import format_time
from cid.kit.errors import Conflict, InvalidDefinition, InvalidInput, Refused
from icustomer import ICustomer
from tests.company import icustomer, opened

COMMAND = [sys.executable, "-c", "from icustomer.cli import main; main()"]
DEFINED = """\
traits:
  views 200d:
    of: Product Viewed
    count: true
    window: 200 d
segments:
  window shoppers:
    title: {en: Window shoppers}
    when: views 200d < 3 and orders = 0
"""


@pytest.fixture
def path(northlake, tmp_path):
    return northlake.copy(tmp_path / "company")


@pytest.fixture
def company(path):
    with opened(path) as found:
        yield found


def view(company, number):
    """Somebody looks at a product."""
    who = sorted(company.cid.customers.members)[number]
    message = company.cii.own_message(
        "Product Viewed",
        customer=who,
        properties={"sku": "NL-BAC-31", "category": "backpacks", "price": 9.5},
        actor="",
        loop="",
        message_id=f"view-{number}",
        at=company.clock.now(),
    )
    company.cii.append([message])
    return who


def test_a_new_segment_is_right_at_once_and_moves_nobody_twice(company):
    told = company.cic.save("segment", "buyers", definition={"when": "orders > 0"}, reason="test")
    assert told["entered"] == told["size"] == company.cic.members("buyers")["size"] > 0
    assert told["backfilled"] == 0
    assert company.cic.verify()["mismatches"] == 0
    rows = company.cic.store.changes(segment="buyers", limit=100_000)
    assert {row["cause"] for row in rows} == {"definition"}
    assert len(rows) == told["entered"]
    again = company.cic.save("segment", "buyers", definition={"when": "orders > 0"})
    assert (again["entered"], again["left"]) == (0, 0)


def test_a_changed_segment_moves_exactly_those_who_were_announced(company):
    before = set(company.cic.segmentation.members("vip"))
    when = "spend 365d >= 500 and not(business)"
    announced = company.cic.preview(when, "vip")["change"]
    told = company.cic.save("segment", "vip", definition={"when": when}, version=None)
    after = set(company.cic.segmentation.members("vip"))
    assert announced["before"] == len(before)
    assert announced["enter"]["count"] == told["entered"] == len(after - before) > 0
    assert announced["leave"]["count"] == told["left"] == len(before - after)
    # Whatever reads the segment moved with it.
    assert company.cic.verify()["mismatches"] == 0


def test_a_new_trait_is_filled_from_history_and_lives_on(company):
    told = company.cic.define(DEFINED, reason="what people look at")
    assert told["backfilled"] > 100
    assert {each["name"] for each in told["all"]} == {"views 200d", "window shoppers"}
    who = view(company, 5)
    company.catch_up()
    traits = {one["name"]: one["value"] for one in company.cic.traits(who)["traits"]}
    assert traits["views 200d"] >= 1
    assert company.cic.verify()["mismatches"] == 0
    company.pipeline.tick(company.clock.now() + 8 * 86_400_000)
    assert company.cic.verify()["mismatches"] == 0


def test_what_the_running_traits_keep_is_not_read_again(company):
    told = company.cic.define(DEFINED.replace("200", "14"))
    assert told["backfilled"] == 0
    assert company.cic.verify()["mismatches"] == 0
    company.pipeline.tick(company.clock.now() + 8 * 86_400_000)
    assert company.cic.verify()["mismatches"] == 0


def test_after_a_restart_everything_is_as_it_was_and_nobody_moves(path):
    with opened(path) as company:
        company.cic.define(DEFINED)
        inside = {
            name: company.cic.members(name)["size"] for name in company.cic.segmentation._names
        }
        changes = company.cic.store.count()
    with opened(path) as company:
        company.catch_up()
        assert company.cic.store.count() == changes
        names = company.cic.segmentation._names
        assert {name: company.cic.members(name)["size"] for name in names} == inside
        assert company.cic.verify()["mismatches"] == 0
        assert company.definitions.sections["segments"]["window shoppers"].file == "segments.yaml"


def test_records_that_come_while_it_is_filled_are_counted_once(company):
    """The writer goes on in another thread while a definition is taken in; nothing is missed."""
    stop = threading.Event()
    came = []

    def flow():
        number = 0
        while not stop.is_set() and number < 150:
            came.append(view(company, number))
            company.catch_up()
            number += 1

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        company.cic.define(DEFINED)
        company.cic.save("segment", "lookers", definition={"when": "views 200d > 0"})
    finally:
        stop.set()
        thread.join()
    company.catch_up()
    assert came
    assert company.cic.verify()["mismatches"] == 0
    moves = {}
    for row in reversed(company.cic.store.changes(segment="lookers", limit=100_000)):
        assert moves.get(row["customer"]) != row["kind"], "she entered twice"
        moves[row["customer"]] = row["kind"]


def test_somebody_elses_change_is_not_overwritten(company):
    seen = company.cic.definition("segment", "vip")
    text = seen["text"].replace("2000", "1500")
    company.cic.save("segment", "vip", text=text, version=seen["version"])
    with pytest.raises(Conflict, match="Somebody else has changed 'vip'"):
        company.cic.save("segment", "vip", text=text, version=seen["version"])
    with pytest.raises(Conflict, match="already"):
        company.cic.save("segment", "vip", text=text, version="")


def test_what_is_wrong_changes_nothing(company):
    segments = company.directory / "segments.yaml"
    before = segments.read_text()
    wrong = [
        ({"when": "ordres > 0"}, InvalidDefinition),
        ({"when": "bad and"}, InvalidDefinition),
        ({"when": "mine"}, InvalidDefinition),
        ({"when": "orders > 0", "stay": "soon"}, InvalidDefinition),
        ({"wenn": "orders > 0"}, InvalidDefinition),
    ]
    for definition, error in wrong:
        with pytest.raises(error):
            company.cic.save("segment", "mine", definition=definition)
    with pytest.raises(InvalidDefinition, match="already used"):
        company.cic.save("segment", "orders", definition={"when": "true"})
    with pytest.raises(Refused):
        company.cic.save("segment", "mine", definition={"when": "orders > 0"}, role="agent")
    with pytest.raises(InvalidInput):
        company.cic.define("rules: {}")
    assert segments.read_text() == before
    assert "mine" not in company.cic.segmentation._names
    found = company.cic.check_definition("segment", "mine", "mine:\n  when: ordres > 0\n")
    assert found["sound"] is False
    assert found["findings"][0]["hint"] == "Did you mean 'orders'?"


def test_files_edited_by_hand_meanwhile_are_not_taken_in_by_the_way(company):
    traits = company.directory / "traits.yaml"
    text = traits.read_text()
    traits.write_text(text.replace("window: 30 d", "window: 31 d", 1))
    with pytest.raises(Conflict, match="something else"):
        company.cic.save("segment", "buyers", definition={"when": "orders > 0"})


def test_an_attribute_that_is_only_in_the_files_is_told_before_anything_reads_it(company):
    attributes = company.directory / "more.yaml"
    attributes.write_text("attributes: {pet: {}}\n")
    with pytest.raises(Conflict, match="'pet' is in the files and not in force yet"):
        company.cic.save("trait", "cats", definition={"formula": 'if pet = "cat" then 1 else 0'})
    attributes.unlink()
    assert company.cic.save("segment", "buyers", definition={"when": "orders > 0"})["size"] > 0


def test_what_others_write_into_the_file_meanwhile_stays(company, monkeypatch):
    path, fill = company.directory / "segments.yaml", adoption._Filling.until_few

    def slowly(filling):
        path.write_text(path.read_text() + "\nboards:\n  mine: {title: {en: Mine}}\n")
        fill(filling)

    monkeypatch.setattr(adoption._Filling, "until_few", slowly)
    company.cic.define(DEFINED)
    text = path.read_text()
    assert "boards:\n  mine:" in text
    assert "window shoppers:" in text


@pytest.mark.parametrize("name", ["", " a", "a\nb", "x" * 81, "\0"])
def test_names_that_nobody_could_read_are_refused(company, name):
    with pytest.raises(InvalidInput):
        company.cic.save("segment", name, definition={"when": "true"})


def test_what_cannot_be_written_leaves_everything_as_it_was(company, monkeypatch):
    before = (company.directory / "segments.yaml").read_text()
    sizes = company.cic.store.sizes()

    def full(*given):
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(company.cic.store, "save", full)
        with pytest.raises(OSError, match="No space"):
            company.cic.define(DEFINED)
    assert (company.directory / "segments.yaml").read_text() == before
    company.catch_up()
    assert company.cic.store.sizes() == sizes
    assert company.cic.verify()["mismatches"] == 0
    company.cic.define(DEFINED)
    assert company.cic.verify()["mismatches"] == 0


@pytest.mark.parametrize("point", ["before adoption", "before commit:2", "after adoption"])
def test_killed_while_it_is_taken_in_it_is_afterwards_whole(path, tmp_path, point):
    with opened(path) as company:
        sizes = company.cic.store.sizes()
    file = tmp_path / "new.yaml"
    file.write_text(DEFINED)
    environment = {**os.environ, "ICUSTOMER_TESTING": "1", "ICUSTOMER_FAILPOINT": point}
    ended = subprocess.run(
        [*COMMAND, "cic", "define", str(file), "--dir", str(path)],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr
    with ICustomer.open(path) as company:
        company.catch_up()
        found = company.cic.verify()
        assert found["mismatches"] == 0, found
        there = company.cic.store.sizes().get("window shoppers", 0) > 0
        assert there is ("window shoppers" in (path / "segments.yaml").read_text())
        assert there or "adoption" not in point
        rows = [
            row for name in sizes for row in company.cic.store.changes(segment=name, limit=9_999)
        ]
        assert "definition" not in {row["cause"] for row in rows}


def test_the_command_line_saves_and_says_what_that_moved(path):
    arguments = ["cic", "save-segment", "buyers", "--when", "orders > 0", "--json", "--dir", path]
    answer = icustomer(*arguments)
    assert answer.code == 0, answer.err
    assert answer.json["entered"] > 0
    text = (path / "segments.yaml").read_text()
    assert "\n  buyers:\n    title: {en: buyers}\n    when: orders > 0\n" in text
    found = icustomer(
        "cic", "preview", "orders > 1", "--segment", "buyers", "--json", "--dir", path
    )
    assert found.json["change"]["leave"]["count"] > 0
    assert json.dumps(found.json)


def test_verify_ends_with_one_where_something_is_wrong_and_names_the_customer(path):
    assert icustomer("cic", "verify", "--segment", "vip", "--json", "--dir", path).code == 0
    with ICustomer.open(path) as company:
        who = company.cic.segmentation.members("vip")[0]
        with company.database.write() as connection:
            connection.exec_driver_sql(
                "DELETE FROM cic_membership WHERE segment = 'vip' AND customer = ?", (who,)
            )
    answer = icustomer("cic", "verify", "--segment", "vip", "--json", "--dir", path)
    assert answer.code == 1
    assert answer.json["segments"] == {"vip": 1}
    assert answer.json["examples"][0]["customer"] == who


GROUPED = """\
segments:
  seen lately:
    when: views 7d > 0
    stay: 21 d
  calm:
    when: not(seen lately)
  rfm champion:
    when: orders 90d >= 2 and spend 365d >= 1000
    group: rfm
    priority: 1
    stay: 60 d
  rfm loyal:
    when: orders 365d >= 3
    group: rfm
    priority: 2
  rfm new:
    when: orders > 0
    group: rfm
    priority: 3
"""


def test_stays_and_groups_are_verified_now_and_in_the_past_and_a_false_entry_is_found(company):
    company.cic.define(GROUPED)
    for days in (3, 9, 20, 40):
        company.pipeline.tick(company.clock.now() + days * 86_400_000)
        found = company.cic.verify(segments=["seen lately", "calm", "rfm champion", "rfm loyal"])
        assert found["mismatches"] == 0, found
        if days == 9:
            assert found["held"] > 0
            held, size = found["held"], company.cic.members("seen lately")["size"]
    then = format_time(company.clock.now() + 9 * 86_400_000)
    past = company.cic.verify(then)
    assert (past["mismatches"], past["held"]) == (0, held)
    assert company.cic.members("seen lately", as_of=then)["size"] == size
    names = [
        set(company.cic.segmentation.segments_of(who)) for who in company.cid.customers.members
    ]
    rfm = {"rfm champion", "rfm loyal", "rfm new"}
    assert {len(rfm & inside) for inside in names} == {0, 1}
    company.pipeline.tick(company.clock.now() + 41 * 86_400_000)
    live = company.cic.segmentation
    who = next(each for each in live.bits if "seen lately" not in live.segments_of(each))
    live.bits[who] |= 1 << live.meaning.place("seen lately")
    live.since[who, "seen lately"] = live.now - 1
    found = company.cic.verify(segments=["seen lately"])
    assert (found["mismatches"], found["examples"][0]["customer"]) == (1, who)


def test_it_is_told_why_she_stays_and_until_when(company):
    company.cic.define(GROUPED)
    company.pipeline.tick(company.clock.now() + 9 * 86_400_000)
    live = company.cic.segmentation
    inside = live.members("seen lately")
    told = [company.cic.why("seen lately", who) for who in inside]
    stays = [one for one in told if one["held"]["by"] == "stay"]
    assert stays
    assert all(one["leaves"] == one["held"]["until"] for one in stays)
    who = live.members("rfm champion")[0]
    other = company.cic.why("rfm new", who)
    assert (other["in"], other["held"]["by"], other["held"]["rival"]["segment"]) == (
        False,
        "group",
        "rfm champion",
    )
    leaves = {one["segment"]: one["leaves"] for one in company.cic.memberships(inside[0])}
    assert leaves["seen lately"] == next(o for o in told if o["customer"] == inside[0])["leaves"]


def test_what_was_written_into_a_file_is_in_force_though_no_time_passes(path):
    with opened(path) as company:
        wanted = len(company.cic.segmentation.members("vip"))
    whole, segments = path / "company.yaml", path / "segments.yaml"
    whole.write_text(whole.read_text().replace("demo: true", "demo: true\n  clock: records"))
    segments.write_text(segments.read_text() + "\n  big spenders: {when: vip}\n")
    with ICustomer.open(path) as company:
        company.catch_up()
        assert company.cic.members("big spenders")["size"] == wanted > 0
        assert company.cic.verify()["mismatches"] == 0
        batches = company.pipeline.counters.batches
        company.catch_up()
        assert company.pipeline.counters.batches == batches
