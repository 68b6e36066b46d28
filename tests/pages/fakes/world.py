"""Who lives in the fake company, and when."""

from __future__ import annotations

import random
from typing import Any

from cid.kit.clock import format_time, parse_time
from cid.kit.errors import NotFound

NOW = parse_time("2026-11-20T10:00:00Z")
ANN, WANG, JONAS = "c_ann0001", "c_wang001", "c_jonas01"
NAMES = {
    ANN: "Ann Keller",
    WANG: "王芳",
    JONAS: "Jonas Brandt",
    "c_club001": "Club Alpin de Lyon",
    "c_marie01": "Marie Dubois",
    "c_liwei01": "李伟",
    "c_emma001": "Emma Roth",
    "c_cham001": "Guide school Chamonix",
}


def ago(length: int) -> str:
    return format_time(NOW - length)


def title(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def walk(seed: int, start: float, step: float, n: int = 30) -> list[int]:
    dice = random.Random(seed)
    values = [start]
    for _ in range(n - 1):
        values.append(max(0.0, values[-1] + dice.uniform(-step, step * 1.15)))
    return [round(value) for value in values]


def known(name: str, names: Any, kind: str) -> str:
    if name not in names:
        raise NotFound(kind, name, names)
    return name
