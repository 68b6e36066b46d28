"""What a role may read for a purpose: rows and columns, whatever it asks."""

import json

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.model import POLICIES, Policy
from cic.policies import OWNER, Policies, Reader, wrong
from cic.ports import Mirror
from cic.testing import Facts, entries, fact
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidDefinition, InvalidInput, Refused
from cid.model.definition import ATTRIBUTES, Attribute

PEOPLE = [
    ("c1", "person", "Ann Keller", "ann@example.org", "FR", "1980-01-01"),
    ("c2", "person", "Bob", "bob@example.org", "DE", None),
    ("c3", "person", "Cao", "", None, None),
]
COLUMNS = ("customer", "kind", "name", "email", "country", "born")


def company(**policies):
    attributes = entries(
        email=Attribute(sensitivity="personal"),
        born=Attribute(sensitivity="sensitive", type="date"),
        country=Attribute(),
        name=Attribute(sensitivity="personal"),
    )
    sections = {ATTRIBUTES.name: attributes, POLICIES.name: entries(**policies)}
    return Definitions(None, sections)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    history = DuckDbHistory(tmp_path_factory.mktemp("seen") / "history.duckdb", memory="256MB")
    said = {"email": "ann@example.org", "name": "Ann Keller", "country": "FR"}
    note = {"total": 5, "email": "bob@example.org", "to": {"phone": "1", "city": "Ulm"}}
    consents = [("c1", "marketing", "email", True, 1), ("c2", "marketing", "sms", False, 1)]
    identifiers = [("email:ann@example.org", "email", "c1")]
    mirrors = {
        "customers": Mirror(COLUMNS, lambda: PEOPLE, "1"),
        "consents": Mirror(
            ("customer", "purpose", "channel", "granted", "since"), lambda: consents
        ),
        "identifiers": Mirror(("identifier", "kind", "customer"), lambda: identifiers),
        "systems": Mirror(
            ("name", "kind", "channel", "expected_ms"), lambda: [("shop",) * 3 + (1,)]
        ),
    }
    facts = [
        fact(1, attributes=said, properties={"total": 7}),
        fact(2, customer="c2", properties=note),
        fact(3, customer="c3", properties={"total": 9, "hint": "write to cao@example.org"}),
    ]
    history.sync(Facts(facts, mirrors))
    yield history
    history.close()


def rows(history, sql, reader, **policies):
    return history.query(sql, sight=Policies(company(**policies)).sight(reader)).rows


ANALYST = Reader("analyst")
FRENCH = Policy(roles=("analyst",), purposes=("analysis",), customers='country = "FR"')


def test_personal_columns_are_masked_in_every_view_for_who_may_not_see_them(history):
    ask = "SELECT name, email, born, country FROM customers ORDER BY customer"
    assert rows(history, ask, ANALYST) == [
        ("A•••", "a•••", "1•••", "FR"),
        ("B•••", "b•••", None, "DE"),
        ("C•••", "", None, None),
    ]
    assert rows(history, "SELECT identifier FROM identifiers", ANALYST) == [("email:•••",)]
    said = "SELECT attribute, value FROM attributes ORDER BY 1"
    assert rows(history, said, ANALYST) == [("country", "FR"), ("email", "a•••"), ("name", "A•••")]
    assert rows(history, "SELECT DISTINCT identity FROM facts", ANALYST) == [("user_id:•••",)]
    assert rows(history, "SELECT name FROM systems", ANALYST) == [("shop",)]


def test_properties_lose_what_is_personal_and_keep_the_rest(history):
    ask = "SELECT properties, total FROM facts ORDER BY position"
    assert [json.loads(row[0]) for row in rows(history, ask, ANALYST)] == [
        {"total": 7},
        {"total": 5, "to": {}},
        {"total": 9},
    ]
    assert "bob@example.org" in rows(history, ask, Reader("agent"))[1][0]


def test_no_expression_gets_behind_a_mask(history):
    tries = [
        "SELECT substr(email, 2) FROM customers",
        "SELECT string_agg(email, '') FROM customers",
        "SELECT ascii(substr(email, 2, 1)) FROM customers",
        "SELECT count(*) FROM customers WHERE email LIKE '%@example.org'",
        "SELECT to_json(customers) FROM customers",
        "SELECT customers FROM customers",
        "SELECT COLUMNS('.*') FROM customers",
        "SELECT f.properties->>'email' FROM facts f",
        "SELECT regexp_extract(properties, '@.*') FROM facts",
        "SELECT a.value FROM attributes a POSITIONAL JOIN customers",
        "SELECT max(email), min(identity) FROM attributes, customers",
        "SELECT histogram(email) FROM customers",
        "WITH x AS (SELECT * FROM customers) SELECT * FROM x UNION ALL SELECT * FROM customers",
        "SELECT (SELECT list(email) FROM customers), [x for x in [1]]",
        "SELECT * FROM customers QUALIFY row_number() OVER (ORDER BY email) < 9",
    ]
    for sql in tries:
        said = repr(rows(history, sql, ANALYST))
        assert "example" not in said, sql
        assert "110" not in said, sql
    assert rows(history, tries[3], ANALYST) == [(0,)]


OUTSIDE = [
    "SELECT * FROM kept.fact",
    "SELECT * FROM kept.shared",
    "SELECT * FROM main.customers",
    "SELECT * FROM history.main.customers",
    "SELECT * FROM history.kept.owner",
    'SELECT * FROM "history"."kept"."owner"',
    "SELECT (SELECT count(*) FROM kept.owner)",
    "SELECT * FROM customers WHERE EXISTS (SELECT 1 FROM kept.owner)",
    "WITH x AS (SELECT * FROM kept.owner) SELECT * FROM x",
    "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 1 FROM kept.owner) SELECT * FROM x",
    "SELECT * FROM customers UNION SELECT * FROM main.customers",
    "SELECT * FROM customers POSITIONAL JOIN kept.owner",
    "SELECT * FROM customers, LATERAL (SELECT * FROM kept.owner)",
    "FROM kept.owner",
    "PIVOT kept.owner ON who",
    "SELECT * FROM (PIVOT kept.owner ON who USING count(*))",
    "SELECT * FROM (DESCRIBE kept.owner)",
    "SELECT * FROM (SUMMARIZE customers)",
    "SELECT * FROM (SHOW ALL TABLES)",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM duckdb_views",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM pg_class",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_storage_info('kept.owner')",
    "SELECT * FROM pragma_table_info('kept.owner')",
    "SELECT * FROM query('SELECT * FROM kept.owner')",
    "SELECT * FROM query_table('kept.owner')",
    "SELECT * FROM query_table(['customers', 'history.kept.owner'])",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM kept.owner'))",
    "SELECT json_serialize_plan('SELECT * FROM kept.owner')",
    "SELECT stats(email) FROM customers",
    "SELECT getvariable('x')",
    "SELECT current_setting('memory_limit')",
    "SELECT error(customer) FROM customers",
    "SELECT history.main.lower('A')",
    "WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM seq_scan('kept.owner')",
    "SELECT * FROM 'history.duckdb'",
    "SELECT * FROM ｋｅｐｔ.owner",
    'SELECT * FROM "kept.owner"',
    "SELECT * FROM KEPT . OWNER",
    "SELECT * FROM/**/kept/**/./**/owner",
    "CREATE MACRO m() AS TABLE SELECT * FROM kept.owner",
    "EXECUTE p",
    "USE kept",
    "SET schema = 'kept'",
    "SET VARIABLE x = (SELECT 1)",
    "COPY (SELECT 1) TO '/tmp/x'",
]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_nothing_but_the_views_of_the_policy_can_be_read(history, sql):
    with pytest.raises((Refused, InvalidInput)):
        rows(history, sql, ANALYST)


def test_rows_about_other_customers_do_not_exist(history):
    for view in ("customers", "facts", "consents", "attributes", "lines", "identifiers"):
        found = rows(history, f"SELECT DISTINCT customer FROM {view}", ANALYST, french=FRENCH)
        assert set(found) <= {("c1",)}, view
    assert rows(history, "SELECT sum(total) FROM facts", ANALYST, french=FRENCH) == [(7,)]
    consenting = FRENCH.model_copy(update={"customers": "", "consent": "marketing"})
    asked = rows(history, "SELECT customer FROM customers", ANALYST, consenting=consenting)
    assert asked == [("c1",)]


@pytest.mark.parametrize(
    ("view", "condition"),
    [
        ("facts", "CASE WHEN total = 5 THEN CAST('x' || position AS INT) END IS NULL"),
        ("facts", "CASE WHEN customer = 'c2' THEN CAST(event AS INT) END IS NULL"),
        ("facts", "total <> 5 OR CAST(message_id AS INT) > 0"),
        ("customers", "CASE WHEN country = 'DE' THEN CAST('x' || random() AS INT) END IS NULL"),
        ("customers", "country = 'FR' OR CAST(country AS DATE) > DATE '2020-01-01'"),
    ],
)
def test_no_error_tells_of_rows_that_are_not_seen(history, view, condition):
    # The condition fails for the customer in Germany, and for nobody else.
    asked = f"SELECT count(*) FROM {view} WHERE {condition}"
    assert rows(history, asked, ANALYST, french=FRENCH) == [(1,)]


def test_an_error_does_not_repeat_what_it_met_where_rows_are_left_out(history):
    with pytest.raises(InvalidInput) as error:
        rows(history, "SELECT CAST(country AS INT) FROM customers", ANALYST, french=FRENCH)
    assert "FR" not in str(error.value)


def test_a_hidden_column_does_not_exist_and_a_shown_one_is_shown(history):
    policy = Policy(roles=("analyst",), purposes=("a",), show=("name",), hide=("country",))
    asked = rows(history, "SELECT name, email FROM customers LIMIT 1", ANALYST, own=policy)
    assert asked == [("Ann Keller", "a•••")]
    with pytest.raises(InvalidInput, match="country"):
        rows(history, "SELECT country FROM customers", ANALYST, own=policy)
    only = policy.model_copy(update={"views": ("facts",), "hide": ()})
    assert rows(history, "SELECT count(*) FROM facts", ANALYST, own=only) == [(3,)]
    with pytest.raises(Refused, match="customers"):
        rows(history, "SELECT * FROM customers", ANALYST, own=only)


def test_nobody_reads_without_a_purpose_and_only_for_one_that_is_allowed():
    policies = Policies(company(french=FRENCH))
    assert policies.sight(ANALYST).purpose == "analysis"
    assert policies.sight(Reader("agent")).purpose == "service"
    assert policies.sight(OWNER).purpose == "operation"
    assert policies.sight(Reader("analyst", "analysis")).policy == "french"
    with pytest.raises(Refused, match="marketing"):
        policies.sight(Reader("analyst", "marketing"))


def test_the_first_policy_that_fits_role_and_purpose_decides():
    mail = Policy(roles=("analyst",), purposes=("marketing",), consent="marketing")
    policies = Policies(company(french=FRENCH, mail=mail))
    assert policies.sight(Reader("analyst", "marketing")).consent == "marketing"
    assert policies.sight(ANALYST).customers
    assert policies.sight(ANALYST).key != policies.sight(Reader("analyst", "marketing")).key


@pytest.mark.parametrize("text", ["contry = 1", "country =", "some x in [1] satisfies x = country"])
def test_a_policy_that_cannot_be_asked_says_where_and_what(text):
    odd = FRENCH.model_copy(update={"customers": text})
    (error,) = wrong(company(odd=odd))
    assert isinstance(error, InvalidDefinition)
    assert error.file == "test.yaml"
