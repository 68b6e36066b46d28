"""What Northlake sells: about 120 products in ten categories, and what goes with what."""

from __future__ import annotations

from typing import Any, NamedTuple


class Product(NamedTuple):
    """One article: prices are in cents, before and after the price rise."""

    sku: str
    name: str
    category: str
    price: int
    margin: float


RISE = 1.06
"""How much dearer everything became on the day of the price rise."""

_MODELS = ("Aiguille", "Brocken", "Cirrus", "Dru", "Eiger", "Föhn", "Garda", "Huashan", "Iller")
_LINES: dict[str, tuple[tuple[str, int], ...]] = {
    "tents": (("tent 2P", 32900), ("tent 3P", 44900), ("tarp", 12900)),
    "sleeping": (("sleeping bag", 18900), ("sleeping mat", 8900), ("pillow", 2490)),
    "backpacks": (("backpack 30 l", 11900), ("backpack 55 l", 19900), ("hip pack", 4490)),
    "boots": (("hiking boots", 18900), ("approach shoes", 13900), ("gaiters", 3990)),
    "clothing": (("shell jacket", 27900), ("fleece", 8990), ("merino shirt", 6990)),
    "climbing": (("rope 60 m", 15900), ("harness", 7490), ("quickdraws", 8990)),
    "ski": (("touring ski", 54900), ("ski skins", 14900), ("ski poles", 8990)),
    "kitchen": (("stove", 7990), ("pot set", 4990), ("bottle", 2490)),
    "electronics": (("headlamp", 5990), ("GPS watch", 38900), ("power bank", 4490)),
    "kids": (("child carrier", 26900), ("kids' boots", 6990), ("kids' jacket", 7990)),
}
_MARGIN = {"electronics": 0.22, "ski": 0.31, "tents": 0.36, "kitchen": 0.46, "clothing": 0.52}


def _products() -> tuple[Product, ...]:
    found = []
    for place, (category, lines) in enumerate(_LINES.items()):
        for line, (kind, price) in enumerate(lines):
            for step in range(4):
                model = _MODELS[(place + line + 2 * step) % len(_MODELS)]
                sku = f"NL-{category[:3].upper()}-{line + 1}{step + 1}"
                dearer = int(price * (0.8 + 0.16 * step)) // 100 * 100 + 90
                margin = _MARGIN.get(category, 0.41) + 0.02 * step
                found.append(Product(sku, f"{model} {kind}", category, dearer, margin))
    return tuple(found)


PRODUCTS = _products()
CATEGORIES = tuple(_LINES)
BY_CATEGORY = {
    category: tuple(place for place, each in enumerate(PRODUCTS) if each.category == category)
    for category in CATEGORIES
}
PLACE = {each.sku: place for place, each in enumerate(PRODUCTS)}

RECALLED = "NL-ELE-12"
"""A headlamp whose battery may get hot; taken back in a recall."""

GOES_WITH = {
    "tents": "sleeping",
    "sleeping": "kitchen",
    "backpacks": "kitchen",
    "boots": "clothing",
    "clothing": "boots",
    "climbing": "clothing",
    "ski": "clothing",
    "kitchen": "electronics",
    "electronics": "backpacks",
    "kids": "boots",
}

WINTER = frozenset({"ski", "clothing", "electronics"})
_SUMMER = (0.5, 0.55, 0.75, 1.0, 1.35, 1.6, 1.55, 1.1, 0.85, 0.75, 0.75, 1.25)
_COLD = (1.5, 1.2, 0.7, 0.5, 0.45, 0.4, 0.4, 0.5, 0.8, 1.2, 1.7, 1.9)
HIGHEST = 2.0


def season(category: str, month: int) -> float:
    """Return how much more than usual a category sells in a month (1–12), at most ``HIGHEST``."""
    return (_COLD if category in WINTER else _SUMMER)[month - 1]


def price_of(place: int, dearer: bool) -> int:
    """Return the price in cents, before or after the price rise."""
    price = PRODUCTS[place].price
    return (int(price * RISE) // 100 * 100 + 90) if dearer else price


def updated(place: int, dearer: bool) -> dict[str, Any]:
    """Write the properties of ``Product Updated``: what it is, costs, and goes with."""
    product = PRODUCTS[place]
    same = BY_CATEGORY[product.category]
    other = BY_CATEGORY[GOES_WITH[product.category]]
    better = place + 1 if place + 1 in same else place - 1
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price": price_of(place, dearer) / 100,
        "currency": "EUR",
        "related": [
            {"sku": PRODUCTS[other[place % len(other)]].sku, "kind": "goes with"},
            {"sku": PRODUCTS[better].sku, "kind": "similar"},
        ],
    }
