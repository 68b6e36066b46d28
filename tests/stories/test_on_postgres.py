"""A company whose records, and whose log, are in Postgres is the same company."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from cid.kit.clock import parse_time
from cid.kit.db import Database, metadata
from cid.kit.errors import Conflict, ICustomerError, InvalidInput, Unavailable
from icustomer import Settings, migrations
from icustomer.demo import build_demo
from icustomer.samples import northlake as sample
from tests.company import NOT_ABOUT_IT, NOW, SCALE, figures, icustomer, opened
from tests.services.postgres import running
from tests.stories.test_odd_values import messages

psycopg = pytest.importorskip("psycopg", reason="pip install 'icustomer[postgres]'")

COMMAND = [sys.executable, "-c", "from icustomer.cli import main; main()"]
ARGUMENTS = ["demo", "--headless", "--scale", str(SCALE), "--now", NOW]
VIEWS = (
    "facts", "attributes", "customers", "memberships", "changes", "decisions", "actions", "tasks",
    "cases", "opportunities", "ledger", "consents", "identifiers", "scores", "systems", "products",
)  # fmt: skip


def records(url):
    """Return all records of all layers by table, whatever database they are in.

    Left out is what is not about the company: when somebody verified, and running numbers.
    """
    database = Database(url)
    found = {}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            if table.name not in NOT_ABOUT_IT:
                columns = [column for column in table.c if column.autoincrement is not True]
                rows = connection.execute(select(*columns))
                found[table.name] = sorted(repr([plain(value) for value in row]) for row in rows)
    database.close()
    return found


def plain(value):
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, str) and value[:1] in "{[":
        with suppress(json.JSONDecodeError):
            return plain(json.loads(value))
    return "\n".join(sorted(value.split("\n"))) if isinstance(value, str) else value


def differences(one, other):
    return {
        table: (
            sorted(set(rows) - set(other[table]))[:3],
            sorted(set(other[table]) - set(rows))[:3],
        )
        for table, rows in one.items()
        if rows != other[table]
    }


def in_file(path):
    return f"sqlite:///{path / 'data' / 'records.sqlite'}"


def letters(path):
    outbox = path / "data" / "outbox"
    return sorted((file.name, file.read_bytes()) for file in outbox.rglob("*.*"))


@pytest.fixture
def on(monkeypatch):
    """Say where the records and the log are, as an administrator would."""

    def choose(url, transport="sqlite"):
        monkeypatch.setenv("ICUSTOMER_DATABASE_URL", url)
        monkeypatch.setenv("ICUSTOMER_TRANSPORT", transport)

    return choose


@pytest.fixture(scope="module")
def built(postgres, tmp_path_factory):
    """Northlake with its records in Postgres: where, and its figures."""
    path, url = tmp_path_factory.mktemp("postgres") / "northlake", postgres.schema()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICUSTOMER_DATABASE_URL", url)
        return path, url, build_demo(path, scale=SCALE, now=NOW)


def test_a_company_on_postgres_has_the_same_records_as_on_sqlite(northlake, built):
    path, url, summary = built
    assert figures(summary) == figures(northlake.summary)
    assert differences(records(in_file(northlake.path)), records(url)) == {}
    assert letters(path) == letters(northlake.path)
    assert not (path / "data" / "records.sqlite").exists()


def test_history_says_the_same_whichever_database_it_was_copied_from(acme, built, on):
    path, url, _ = built
    on(url)
    with opened(path) as company:
        for view in VIEWS:
            asked = f"SELECT * FROM {view} ORDER BY ALL"
            assert acme.cic.sql(asked)["rows"] == company.cic.sql(asked)["rows"], view
            types = f"SELECT column_name, column_type FROM (DESCRIBE {view})"
            assert acme.history.query(types).rows == company.history.query(types).rows, view
        assert company.cic.verify("2026-08-01T00:00:00Z")["mismatches"] == 0


def test_the_same_command_again_changes_nothing(built, on):
    path, url, summary = built
    on(url)
    before = records(url)
    assert figures(build_demo(path, scale=SCALE, now=NOW)) == figures(summary)
    assert differences(before, records(url)) == {}


def test_rebuilding_gives_the_same_records_and_sends_nothing_twice(built, on):
    path, url, summary = built
    on(url)
    before, sent = records(url), letters(path)
    answer = icustomer("rebuild", "--dir", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["same"] is True
    assert answer.json["records"] == summary["records_received"]
    assert differences(before, records(url)) == {}
    assert letters(path) == sent
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname ~ 'rebuilding'")
        assert left.fetchall() == []
    with opened(path) as company:
        assert company.delivery.run() == 0
        # History was made anew: the records are others, though they say the same.
        assert company.cic.sql("SELECT count(*) FROM facts")["rows"] == [[summary["applied"]]]


def test_a_company_moves_to_postgres_and_sends_nothing_twice(northlake, postgres, tmp_path, on):
    path, url = northlake.copy(tmp_path / "northlake"), postgres.schema()
    on("")
    assert "do not say where to" in icustomer("db", "move", "--dir", path).err
    on(url)
    answer = icustomer("db", "move", "--dir", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["same"] is True
    assert differences(records(in_file(path)), records(url)) == {}
    assert "already" in icustomer("db", "move", "--dir", path).err
    with opened(path) as company:
        assert company.delivery.run() == 0
        assert company.cic.verify()["mismatches"] == 0
    assert letters(path) == letters(northlake.path)


def test_killed_and_its_database_crashed_it_ends_as_one_that_was_not(northlake, tmp_path, on):
    """Records and log in Postgres; first the company is killed, then the server stops at once."""
    path = tmp_path / "northlake"
    with running(durable=True) as server:
        url = server.database()
        on(url, "postgres")
        whole = northlake.summary["records_received"]
        process = subprocess.Popen(
            [*COMMAND, *ARGUMENTS, "--dir", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: process.poll() is not None or applied(url) > 0.2 * whole)
        assert process.poll() is None, "it ended before it was killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        at = []

        def crash():
            wait_for(lambda: applied(url) > 0.5 * whole)
            server.stop(signal.SIGQUIT)
            server.start()
            at.append(applied(url))

        crashing = threading.Thread(target=crash)
        crashing.start()
        # It ends with an error, or the crash comes where nobody asks anything, and it goes on.
        with suppress(Unavailable):
            build_demo(path, scale=SCALE, now=NOW)
        crashing.join()
        assert 0.5 * whole < at[0] < whole
        summary = build_demo(path, scale=SCALE, now=NOW)
        assert figures(summary) == figures(northlake.summary)
        assert differences(records(in_file(northlake.path)), records(url)) == {}
        assert letters(path) == letters(northlake.path)
        assert not list((path / "data").glob("*.sqlite"))


def applied(url):
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=5) as connection:
        found = connection.execute("SELECT sum(records) FROM cii_count").fetchone()
        return int(found[0] or 0)
    return 0


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_odd_values_end_the_same_on_both_databases(postgres, tmp_path):
    found = []
    for name, url in (("postgres", postgres.schema()), ("sqlite", "")):
        path = tmp_path / name
        shutil.copytree(Path(sample.__file__).parent / "definitions", path)
        with opened(path, database_url=url) as company:
            company.cii.append(messages(parse_time(NOW)))
            company.catch_up()
            assert company.cii.ledger()["balanced"]
            assert company.cic.verify()["mismatches"] == 0
        found.append(records(url or in_file(path)))
    assert differences(*found) == {}


def test_two_companies_on_one_database_do_not_overtake_each_other(postgres, tmp_path, on):
    """Two directories with one log and one database: whoever is behind starts again from the records."""
    on(postgres.schema(), "postgres")
    for name in ("one", "two"):
        icustomer("init", tmp_path / name)
    orders = tmp_path / "orders.csv"
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        for turn in range(4):
            lines = [f"o{turn}-{n},2026-11-20,ann{n}@example.org,{n}\n" for n in range(9)]
            orders.write_text("order_id,date,email,total\n" + "".join(lines))
            mine, other = (one, two) if turn % 2 else (two, one)
            try:
                mine.cii.load("orders", [str(orders)])
            except Conflict:
                mine.catch_up()
            with suppress(Conflict):
                other.catch_up()
        for company in (one, two):
            company.pipeline.load()
            ledger = company.cii.ledger()
            assert ledger["balanced"]
            assert ledger["states"]["applied"] == ledger["received"] == 36
            assert len(company.cid.customers.members) == 9
            assert company.cic.verify()["mismatches"] == 0


def test_the_migrations_make_the_same_tables_on_postgres(postgres, on, tmp_path):
    url = postgres.schema()
    on(url)
    for before in (None, migrations.HEAD):
        answer = icustomer("db", "upgrade", "--dir", tmp_path, "--json")
        assert answer.json == {"before": before, "after": migrations.HEAD}
    database = Database(url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        texts = connection.exec_driver_sql(
            "SELECT count(*), count(*) FILTER (WHERE collation_name = 'C') FROM"
            " information_schema.columns WHERE data_type = 'text' AND table_name ~ '^c'"
            " AND table_schema = current_schema()"
        )
        every, by_bytes = texts.one()
        assert every == by_bytes > 80
    database.close()


def test_a_reader_sees_one_state_and_no_writer_waits_for_it(postgres):
    url = postgres.schema()
    database = Database(url)
    migrations.upgrade(database)
    count = select(metadata.tables["cid_channel"])
    with database.read() as connection:
        assert connection.execute(count).all() == []
        with database.write() as writer:
            writer.execute(metadata.tables["cid_channel"].insert(), [{"name": "web"}])
        assert connection.execute(count).all() == []
    with database.read() as connection:
        assert connection.execute(count).all() == [("web",)]
    database.close()


def test_one_process_writes_at_a_time_and_a_stopped_one_is_given_up(postgres, monkeypatch):
    from cid.kit import postgres as kit

    url = postgres.schema()
    database = Database(url)
    migrations.upgrade(database)
    short = kit._SESSION.replace(kit.PATIENCE, "200ms").replace(kit.ABANDONED, "600ms")
    monkeypatch.setattr(kit, "_SESSION", short)
    stopped, other = Database(url), Database(url)
    row = [{"name": "web"}]
    with pytest.raises(Unavailable), stopped.write() as zombie:  # noqa: PT012
        zombie.execute(metadata.tables["cid_channel"].insert(), row)
        with pytest.raises(Unavailable, match="lock timeout"), other.write():
            pass
        time.sleep(0.7)
        with other.write() as writer:
            writer.execute(metadata.tables["cid_channel"].insert(), row)
        # It wakes up, and learns that it is too late.
        zombie.execute(metadata.tables["cid_channel"].insert(), row)
    with database.read() as connection:
        assert connection.execute(select(metadata.tables["cid_channel"])).all() == [("web",)]
    for each in (database, stopped, other):
        each.close()


def test_the_doctor_looks_at_the_server_and_shows_no_password(postgres, on, tmp_path):
    icustomer("init", tmp_path / "acme")
    (tmp_path / "acme" / "data").mkdir()
    on(postgres.schema().replace("icustomer@", "icustomer:secret-password@"))
    assert "secret-password" not in repr(Settings())
    findings = icustomer("doctor", "--dir", tmp_path / "acme", "--json")
    assert "Run: icustomer db upgrade" in findings.out
    icustomer("db", "upgrade", "--dir", tmp_path / "acme")
    answer = icustomer("doctor", "--dir", tmp_path / "acme", "--json")
    found = [each for each in answer.json["findings"] if each["what"] == "database server"]
    assert "PostgreSQL" in found[0]["found"]
    # This server of the tests does not flush: the doctor sees that.
    assert {each["advice"] for each in found[1:]} == {
        "Set fsync = on.",
        "Set full_page_writes = on.",
    }
    assert "secret-password" not in answer.out
    on("postgresql://nobody:secret-password@127.0.0.1:1/none")
    answer = icustomer("doctor", "--dir", tmp_path / "acme", "--json")
    assert answer.code == 1
    assert "cannot be used just now" in answer.out
    assert "secret-password" not in answer.out


def test_a_database_that_cannot_hold_every_name_is_refused(postgres):
    name = "narrow"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
    database = Database(postgres.url(name))
    with pytest.raises(InvalidInput, match="LATIN1"), database.read():
        pass
    database.close()


@pytest.mark.parametrize("url", ["postgresql://x@127.0.0.1/y", "postgres://x@127.0.0.1/y"])
def test_without_its_driver_postgres_says_what_to_install(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Unavailable, match=r"pip install 'icustomer\[postgres\]'"):
        Database(url)


def test_an_address_that_is_none_is_an_error_and_not_a_traceback():
    with pytest.raises(ICustomerError):
        Database("postgresql://host:many/acme")
