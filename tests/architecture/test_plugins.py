"""One door: our own implementations come in through the same entry points as everybody else's."""

import inspect
from importlib.metadata import distribution, entry_points

import pytest

from icustomer.sockets import PORTS, installed

PLUGINS = [(port, name) for port in PORTS for name in port.names()]


def members(protocol: type) -> dict[str, object]:
    """Return what a protocol asks for: methods, and attributes with their annotations."""
    found: dict[str, object] = {}
    for each in reversed(protocol.__mro__[:-1]):
        if each.__name__ in ("Protocol", "Generic"):
            continue
        found |= dict.fromkeys(getattr(each, "__annotations__", {}))
        found |= {name: value for name, value in vars(each).items() if not name.startswith("_")}
    return found


def asked(function: object) -> list[inspect.Parameter]:
    return [
        each
        for each in inspect.signature(function).parameters.values()  # type: ignore[arg-type]
        if each.name != "self"
    ]


def test_every_entry_point_of_ours_belongs_to_a_socket():
    ours = {each.group for each in distribution("icustomer").entry_points}
    sockets = {port.group for port in PORTS}
    assert ours - {"console_scripts", "pytest11"} <= sockets
    assert all(entry_points(group=group) for group in sockets), "a socket nobody is plugged into"


def test_the_sockets_are_named_after_their_layer():
    for port in PORTS:
        root, layer, name = port.group.split(".")
        assert root == "icustomer"
        assert layer in ("cid", "cii", "cic", "cfa", "context", "cbc")
        assert name.endswith("s")


@pytest.mark.parametrize(("port", "name"), PLUGINS, ids=lambda each: getattr(each, "group", each))
def test_a_plugin_loads_and_keeps_the_protocol_of_its_socket(port, name):
    plugin = port.load(name)
    assert inspect.isclass(plugin)
    own = {name for each in plugin.__mro__ for name in getattr(each, "__annotations__", {})}
    for member, value in members(port.protocol).items():
        held = inspect.getattr_static(plugin, member, None)
        assert held is not None or member in own or sets(plugin, member), f"{member} is missing"
        if not inspect.isfunction(value) or not inspect.isfunction(held):
            continue
        wanted, given = asked(value), asked(held)
        named = {each.name for each in given}
        open_ended = any(each.kind is each.VAR_KEYWORD for each in given)
        assert open_ended or {each.name for each in wanted} <= named, f"{member}: {named}"
        extra = [each for each in given if each.name not in {one.name for one in wanted}]
        assert all(each.default is not each.empty or each.kind >= 2 for each in extra), member


def sets(plugin: type, member: str) -> bool:
    """Whether the constructor sets an attribute."""
    return f"self.{member} =" in inspect.getsource(plugin.__init__) or (
        f"self.{member}:" in inspect.getsource(plugin.__init__)
    )


def test_the_list_of_plugins_names_socket_implementation_and_distribution():
    rows = installed()
    assert len(rows) >= 17
    assert {(row["socket"], row["name"]) for row in rows} >= {
        ("icustomer.cii.transports", "sqlite"),
        ("icustomer.cic.engines", "duckdb"),
        ("icustomer.context.actions", "task"),
    }
    assert {row["distribution"] for row in rows if row["name"] == "sqlite"} == {"icustomer"}
