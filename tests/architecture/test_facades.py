"""One way in: what a layer offers stands in its ``__init__`` and says what the layer is."""

import importlib
import pkgutil

import pytest

import icustomer

LAYERS = ("cid", "cii", "cic", "cfa", "context", "cbc")


def every_module():
    for name in (*LAYERS, "icustomer"):
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if ".migrations." not in found.name and ".adapters" not in found.name:
                yield importlib.import_module(found.name)


@pytest.mark.parametrize("name", [*LAYERS, "icustomer"])
def test_a_layer_offers_exactly_its_public_names(name):
    layer = importlib.import_module(name)
    assert layer.__doc__, "a layer says what it is"
    assert len(layer.__doc__.split()) >= 8
    assert layer.__all__ == sorted(layer.__all__, key=lambda word: (not word.isupper(), word))
    public = {
        word
        for word, value in vars(layer).items()
        if not word.startswith("_") and not hasattr(value, "__path__") and not is_module(value)
    }
    assert public == set(layer.__all__)


def is_module(value: object) -> bool:
    return type(value).__name__ == "module"


def test_what_a_layer_offers_comes_from_the_layer_itself():
    for name in LAYERS:
        layer = importlib.import_module(name)
        for word in layer.__all__:
            home = getattr(getattr(layer, word), "__module__", f"{name}.")
            assert home.startswith((f"{name}.", "cid.kit.")), (name, word, home)


def test_every_module_begins_with_a_sentence():
    for module in every_module():
        first = (module.__doc__ or "").strip().split("\n")[0]
        assert first, module.__name__
        assert first[0].isupper() or first.startswith("iCustomer"), module.__name__


def test_the_whole_company_is_one_class_with_six_attributes():
    assert set(icustomer.__all__) == {"ICustomer", "Settings"}
    source = importlib.import_module("icustomer.build").Layers.__dataclass_fields__
    assert set(LAYERS) <= set(source)
