"""Run the compatibility kit of DMN against our decision models.

``python -m tests.conformance.tck FOLDER [--misses] [--only PART]`` prints one line of JSON for each level:
how many cases pass, and how many of those that expect something else than null. FOLDER holds
``compliance-level-2`` and ``compliance-level-3`` of https://github.com/dmn-tck/tck.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cid.feel import evaluate
from cid.feel.comparison import equal
from cid.kit.errors import ICustomerError
from context.decision import Model

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
TEMPORAL = {
    "date": "date(s)",
    "time": "time(s)",
    "dateTime": "date and time(s)",
    "duration": "duration(s)",
    "dayTimeDuration": "duration(s)",
    "yearMonthDuration": "duration(s)",
}


@dataclass
class Outcome:
    """What one expected result came to."""

    level: str
    folder: str
    case: str
    result: str
    expected: Any
    got: Any
    passed: bool


def local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def parts(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in element if local(each) == name]


def value_of(element: ElementTree.Element) -> Any:
    """Read a value of a test case: a plain one, a list or a structure."""
    components = parts(element, "component")
    if components:
        return {each.get("name"): value_of(each) for each in components}
    for each in element:
        if local(each) == "list":
            if each.get(f"{XSI}nil") == "true":
                return None
            return [value_of(item) for item in parts(each, "item")]
        if local(each) == "value":
            return plain(each)
    return None


def plain(element: ElementTree.Element) -> Any:
    if element.get(f"{XSI}nil") == "true":
        return None
    kind = (element.get(f"{XSI}type") or "").rpartition(":")[2]
    text = element.text or ""
    if kind in ("decimal", "double", "integer", "int", "long", "float"):
        number = Decimal(text.strip())
        return int(number) if number == number.to_integral_value() else number
    if kind == "boolean":
        return text.strip() == "true"
    if kind in TEMPORAL:
        return evaluate(TEMPORAL[kind], {"s": text.strip()})
    return text


def same(got: Any, expected: Any) -> bool:
    """Hold a value against the expected one; numbers may differ in the ninth place."""
    if expected is None or got is None:
        return got is expected
    if isinstance(expected, bool) or isinstance(got, bool):
        return got is expected
    if isinstance(expected, int | Decimal | float):
        if not isinstance(got, int | Decimal | float):
            return False
        wanted = Decimal(expected)
        return abs(Decimal(got) - wanted) <= Decimal("1e-8") * max(1, abs(wanted))
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same(got[key], value) for key, value in expected.items())
        )
    return equal(got, expected) is True


def only_null(value: Any) -> bool:
    return value is None


def levels(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("compliance-level-*") if each.is_dir())


def opened(place: Path, through: str) -> Model:
    """Read a model; where a form is named, write it in that form first and read it again."""
    model = Model.from_dmn(place)
    if through == "yaml":
        return Model.from_yaml(model.to_yaml("model"), others=model.imported.values())
    if through == "dmn":
        return Model.from_dmn(model.to_dmn(), others=model.imported.values())
    return model


def run(level: Path, only: str = "", through: str = "") -> Iterator[Outcome]:
    """Run all cases of a level; a failure of any kind is an outcome, never the end."""
    models: dict[Path, Any] = {}
    for file in sorted(level.glob("*/*.xml")):
        if only not in file.parent.name or "-test-" not in file.name:
            continue
        root = ElementTree.parse(file).getroot()
        name = next(each.text for each in parts(root, "modelName"))
        place = file.parent / str(name)
        if place not in models:
            try:
                models[place] = opened(place, through)
            except ICustomerError as error:
                models[place] = error
        for case in parts(root, "testCase"):
            yield from run_case(level.name, file.parent.name, case, models[place])


def run_case(level: str, folder: str, case: ElementTree.Element, model: Any) -> Iterator[Outcome]:
    inputs = {each.get("name"): value_of(each) for each in parts(case, "inputNode")}
    kind, invocable = case.get("type") or "decision", case.get("invocableName")
    for node in parts(case, "resultNode"):
        wanted = next((value_of(each) for each in parts(node, "expected")), None)
        name = str(node.get("name"))
        try:
            if isinstance(model, ICustomerError):
                raise model
            if kind == "decisionService":
                got = model.evaluate(name, inputs, service=invocable)
            else:
                got = model.evaluate(invocable if kind == "bkm" else name, inputs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other cases are run
            got = error
        case_id = str(case.get("id") or "")
        yield Outcome(level, folder, case_id, name, wanted, got, same(got, wanted))


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Count the cases; a case passes when all its results do."""
    cases: dict[tuple[str, str, int], list[Outcome]] = {}
    number = 0
    before: tuple[str, str] | None = None
    for each in outcomes:
        if (each.folder, each.case) != before:
            number += 1
            before = (each.folder, each.case)
        cases.setdefault((each.folder, each.case, number), []).append(each)
    passed = [all(each.passed for each in found) for found in cases.values()]
    spoken = [
        all(each.passed for each in found)
        for found in cases.values()
        if not all(only_null(each.expected) for each in found)
    ]
    return {
        "level": outcomes[0].level.rpartition("-")[2],
        "passed": sum(passed),
        "total": len(passed),
        "non_null_passed": sum(spoken),
        "non_null_total": len(spoken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--misses", action="store_true", help="also print what failed")
    parser.add_argument("--only", default="", help="only folders whose name has this in it")
    parser.add_argument(
        "--through",
        default="",
        choices=["", "yaml", "dmn"],
        help="write each model in this form and read it again before it is asked",
    )
    said = parser.parse_args()
    for level in levels(said.folder):
        start = time.perf_counter()
        outcomes = list(run(level, said.only, said.through))
        if not outcomes:
            continue
        if said.misses:
            for each in outcomes:
                if not each.passed:
                    miss = (each.folder, each.case, each.result, each.expected, each.got)
                    sys.stdout.write(json.dumps({"miss": [*miss[:3], *map(repr, miss[3:])]}) + "\n")
        line = {**summary(outcomes), "seconds": round(time.perf_counter() - start, 1)}
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
