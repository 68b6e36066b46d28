"""Two records that mean the same customer say it with the same text."""

import pytest

from cid.kit.definitions import Entry
from cii.identifiers import Identifiers
from cii.model import IdentifierKind


def kinds(**models):
    return Identifiers({name: Entry(name, model, "", 0, "") for name, model in models.items()})


NORTH = kinds(
    user_id=IdentifierKind(unique=True),
    card=IdentifierKind(normalise="upper"),
    email=IdentifierKind(normalise="email", attributes=("email",), ignore=("Test@Test.com",)),
    phone=IdentifierKind(normalise="phone", attributes=("phone", "mobile"), region="FR"),
    anonymous_id=IdentifierKind(),
)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("user_id", "  u1 ", "user_id:u1"),
        ("user_id", 17850.0, "user_id:17850"),
        ("user_id", 17, "user_id:17"),
        ("user_id", "a" * 201, ""),
        ("user_id", "", ""),
        ("user_id", "\u200b \x00", ""),
        ("user_id", True, ""),
        ("user_id", ["u1"], ""),
        ("user_id", float("nan"), ""),
        ("user_id", float("inf"), ""),
        ("user_id", "Am\u0065\u0301lie", "user_id:Amélie"),
        ("user_id", "王芳", "user_id:王芳"),
        ("card", " ab-12", "card:AB-12"),
        ("email", "Ann@X.org ", "email:ann@x.org"),
        ("email", "ann@x", ""),
        ("email", "ann@@x.org", ""),
        ("email", "ann@x..org", ""),
        ("email", "a@x.org, b@x.org", ""),
        ("email", "test@test.com", ""),
        ("phone", "06 12 34 56 78", "phone:+33612345678"),
        ("phone", "(0)6.12.34.56.78", "phone:+33612345678"),
        ("phone", "0049 40 123456", "phone:+4940123456"),
        ("phone", "+86 138 0013 8000", "phone:+8613800138000"),
        ("phone", "none", ""),
        ("phone", "1", ""),
        ("shoe size", "42", ""),
    ],
)
def test_an_identifier_has_one_spelling_or_none(kind, value, expected):
    assert NORTH.normalise(kind, value) == expected
    assert NORTH.normalise(kind, value) == expected, "the second time it is remembered"


def test_identifiers_are_listed_strongest_first_and_once():
    found = NORTH.identifiers_of(
        [("anonymous_id", "a"), ("email", "ANN@x.org"), ("user_id", "u"), ("user_id", None)],
        {"email": "ann@x.org", "mobile": "0612345678", "name": "Ann"},
    )
    assert found == ("user_id:u", "email:ann@x.org", "phone:+33612345678", "anonymous_id:a")


def test_of_two_identifiers_of_a_kind_the_first_named_comes_first():
    assert NORTH.identifiers_of([("user_id", "new"), ("user_id", "old")]) == (
        "user_id:new",
        "user_id:old",
    )


def test_what_identifies_nobody_is_left_out():
    assert NORTH.identifiers_of([("email", "test@test.com"), ("unheard of", "x")]) == ()


@pytest.mark.parametrize("visitor", [None, "", "v1", 7, True])
@pytest.mark.parametrize("user", [None, "", " u1 ", 17850.0, ["u1"]])
@pytest.mark.parametrize(
    "company",
    [
        NORTH,
        kinds(anonymous_id=IdentifierKind(), user_id=IdentifierKind()),
        kinds(user_id=IdentifierKind()),
        kinds(card=IdentifierKind()),
    ],
)
def test_a_record_that_names_two_ids_and_nothing_else_is_read_the_same_way(company, user, visitor):
    pairs = [("user_id", user), ("anonymous_id", visitor)]
    assert company.of_two(user, visitor) == company.identifiers_of(pairs)
