"""Decision tables: the first row that fits, or the default; contradictions are no answer."""

import pytest

from cid.kit.errors import InvalidDefinition, NotFound

TABLE = """
tables:
  tier of:
    hit: {hit}
    inputs: [spend, region]
    outputs: [tier, gift]
    rows:
      - [">= 1000", "-", '"gold"', "spend * 0.1"]
      - [">= 100", '"FR", "DE"', '"silver"', 5]
      - [">= 100", "-", '"bronze"', 0]
    default: {{tier: none, gift: 0}}
"""


@pytest.mark.parametrize(
    ("spend", "region", "row", "tier", "gift"),
    [
        (2000, "CN", 1, "gold", 200),
        (2000, None, 1, "gold", 200),
        (100, "FR", 2, "silver", 5),
        (100, "CN", 3, "bronze", 0),
        (99, "FR", 0, "none", 0),
        (None, "FR", 0, "none", 0),
        ("a lot", "FR", 0, "none", 0),
    ],
)
def test_the_first_row_that_fits_decides(world, spend, region, row, tier, gift):
    with world(
        TABLE.format(hit="first").replace("[spend,", "[amount,").replace("spend *", "amount *")
    ) as w:
        said = w.company.context.ask_table("tier of", {"amount": spend, "region": region})
        assert (said["row"], said["tier"], said["gift"]) == (row, tier, gift)


def test_with_hit_unique_two_rows_that_fit_contradict_each_other(world):
    text = TABLE.format(hit="unique").replace("[spend,", "[amount,").replace("spend *", "amount *")
    with world(text) as w:
        ask = w.company.context.ask_table
        assert ask("tier of", {"amount": 100, "region": "FR"})["tier"] == "none"
        assert ask("tier of", {"amount": 100, "region": "CN"})["tier"] == "bronze"


def test_a_table_reads_the_customer_who_is_named(world):
    with world(TABLE.format(hit="first")) as w:
        w.happens("Order Completed", total=1500)
        customer = w.company.cii.customer("user_id:ann")
        assert w.company.context.ask_table("tier of", {"customer": customer})["tier"] == "gold"
        with pytest.raises(NotFound, match="tier of"):
            w.company.context.ask_table("tier off", {})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"-", \'"gold"\', "spend * 0.1"', '"-", \'"gold"\'', "cells"),
        ('">= 1000"', '"> > 1000"', "more.yaml"),
        ("hit: first", "hit: sum", "unique"),
        ("spend * 0.1", "spnd * 0.1", "spend"),
    ],
)
def test_a_table_that_cannot_decide_is_told(world, before, after, said):
    text = TABLE.format(hit="first")
    assert before in text
    with pytest.raises(InvalidDefinition) as told, world(text.replace(before, after)):
        pass
    assert said in str(told.value)


def test_what_is_supposed_beats_what_is_known(world):
    with world(TABLE.format(hit="first").replace("region", "country")) as w:
        w.happens("Order Completed", total=150)
        ask = w.company.context.ask_table
        customer = w.company.cii.customer("user_id:ann")
        assert ask("tier of", {"customer": customer})["tier"] == "bronze"
        assert ask("tier of", {"customer": customer, "country": "FR"})["tier"] == "silver"
        assert ask("tier of", {"customer": customer, "spend": 1000.5})["gift"] == 100.05
        assert ask("tier of", {"country": "FR", "spend": 100})["row"] == 2
