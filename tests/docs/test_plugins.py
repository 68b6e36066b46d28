"""The examples of plugins at work: installed like any package, used by a whole company."""

from pathlib import Path

import orjson
import pytest

from cid.kit.clock import DAY, SystemClock, format_time
from cii.ports import Message
from icustomer import ICustomer
from icustomer.sockets import PORTS
from icustomer.starting import check_company, init_company

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
ENTRY_POINTS = """
[icustomer.cid.extensions]
tea = tea_trade:TeaTrade
[icustomer.cfa.apps]
repairs = repairs:Repairs
[icustomer.context.actions]
letter = letter:Letter
[icustomer.cbc.capabilities]
tea = tea_ability:TeaAbility
[icustomer.cii.transports]
folder = folder_log:FolderLog
"""
RULES = """
rules:
  thank a vip:
    on: {entered: vip}
    do:
      - letter: {text: Thank you!}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    installed = tmp_path / "site"
    described = installed / "tea_shop-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: tea-shop\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(installed)
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("ICUSTOMER_TRANSPORT", "folder")
    init_company(tmp_path / "shop")
    (tmp_path / "shop" / "rules.yaml").write_text(RULES)
    return tmp_path / "shop"


def test_the_page_about_plugins_names_every_socket():
    page = (EXAMPLES.parent / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    assert [port.group for port in PORTS if port.group not in page] == []


def test_plugins_of_others_work_in_a_company_like_ours(shop):
    assert check_company(shop) == []
    with ICustomer.open(shop) as company:
        company.cii.append([_said("Order Completed", order_id="o1", total=1_500)])
        company.cii.append([_said("Repair Requested", id="r1", article="a teapot")])
        company.catch_up()
        company.delivery.run()
        assert company.cic.members("vip")["size"] == 1
        assert [case["subject"] for case in company.cfa.cases()] == ["Repair of a teapot"]
        assert "tea selling" in {each["name"] for each in company.cbc.capabilities()}
        assert "favourite_tea" in {each["name"] for each in company.cid.describe()["attributes"]}
    [letter] = (shop / "data" / "outbox").glob("*.letter")
    assert "Thank you!" in letter.read_text()
    with ICustomer.open(shop) as company:
        assert company.cii.ledger()["states"]["applied"] == 2


def _said(event, **properties):
    at = SystemClock().now() - DAY
    body = {
        "type": "track",
        "userId": "ann",
        "event": event,
        "messageId": event,
        "timestamp": format_time(at),
        "properties": properties,
    }
    return Message(b"ann", orjson.dumps(body), at, {"source": "shop", "protocol": "segment"})
