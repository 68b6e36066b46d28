"""Our own applications keep to the kit that we give to others, and the layer stays thin."""

import pytest
from sqlalchemy import Column, MetaData, Table, Text

import cfa.tables
from cfa.ports import APPS, STORES, Store
from cfa.sales import Sales
from cfa.service import Service
from cfa.testing import AppContract, attributes_of_customers


class TestSales(AppContract):
    @pytest.fixture
    def factory(self):
        return Sales


class TestService(AppContract):
    @pytest.fixture
    def factory(self):
        return Service


def test_our_applications_come_in_through_the_same_door_as_others():
    assert APPS.load("sales") is Sales
    assert APPS.load("service") is Service
    assert isinstance(STORES.load("sql")(None), Store)


def test_no_table_of_the_applications_holds_an_attribute_of_a_customer():
    tables = [*cfa.tables.WORK.values(), cfa.tables.case_message]
    assert all(table.name.startswith("cfa_") for table in tables)
    assert attributes_of_customers(tables) == []


def test_money_and_states_are_where_they_are_allowed():
    allowed = {"cfa_opportunity": {"amount", "discount"}, "cfa_offer": {"value"}}
    for table in cfa.tables.WORK.values():
        money = {column.name for column in table.columns} & {"amount", "discount", "value", "total"}
        assert money == allowed.get(table.name, set())
        assert "state" in table.columns


def test_the_kit_sees_a_table_that_is_not_thin():
    fat = Table("cfa_x", MetaData(), *(Column(name, Text) for name in ("id", "email", "last_name")))
    assert attributes_of_customers([fat]) == ["cfa_x.email", "cfa_x.last_name"]
