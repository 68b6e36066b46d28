"""Definitions are read fast where libyaml is there, and to the same letter where it is not."""

from pathlib import Path

import pytest
import yaml

from cid.kit import definitions
from cid.kit.definitions import Definition, Section, load
from icustomer.sockets import PORTS

ROOT = Path(__file__).parents[2]
SHIPPED = [path for layer in ("icustomer", "cid", "cbc", "cfa", "docs") 
           for path in sorted((ROOT / layer).rglob("*.yaml"))]  # fmt: skip
WRONG = [
    "things:\n  a: &x {title: {en: A}}\n  b: *x\n",
    "things:\n  a: [1, 2\n",
    "things:\n  a:\n\t- tab\n",
    "things: {a: @b}\n",
    "things:\n  a: 'never ends\n",
    "things:\n  \x01: {}\n",
    "a\nb: c: d\n",
    "things: " + "[" * 60 + "]" * 60,
    "%YAML 9.9\n---\nthings: {}\n",
    "--- {}\n--- {}\n",
]


class Thing(Definition):
    size: int = 0


def tree(node):
    """Return a node with the place of everything in it."""
    if node is None:
        return None
    here = (node.tag, node.start_mark.line, node.start_mark.column)
    if isinstance(node, yaml.MappingNode):
        return here, [(tree(key), tree(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return here, [tree(each) for each in node.value]
    return here, node.value


def both(monkeypatch, ask):
    quick = ask()
    with monkeypatch.context() as without:
        without.setattr(definitions, "_Fast", None)
        return quick, ask()


def test_libyaml_is_used_where_it_is_there():
    assert yaml.__with_libyaml__ == (definitions._Fast is not None)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_shipped_file_is_the_same_with_and_without_libyaml(path, monkeypatch):
    text = path.read_text(encoding="utf-8")
    quick, plain = both(monkeypatch, lambda: tree(definitions._node(text)))
    assert quick == plain


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_in_the_same_words_with_and_without_libyaml(
    text, monkeypatch, tmp_path
):
    (tmp_path / "wrong.yaml").write_text(text, encoding="utf-8")
    section = Section("things", Thing)
    quick, plain = both(monkeypatch, lambda: [str(e) for e in load(tmp_path, [section])[1]])
    assert quick == plain
    assert all("wrong.yaml:" in each for each in quick)
    assert quick


def test_words_and_places_are_those_of_the_file(monkeypatch, tmp_path):
    text = "﻿# 客户\nthings:\n  王芳: {size: 7}\n  on:\n    size: 2026-01-01\n  b: {size: yes}\n"
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    section = Section("things", Thing)

    def ask():
        found, errors = load(tmp_path, [section])
        return [(e.name, e.line, e.value.size) for e in found.of(section).values()], [
            (each.line, each.message) for each in errors
        ]

    quick, plain = both(monkeypatch, ask)
    assert quick == plain
    assert quick[0] == [("王芳", 3, 7)]
    assert [line for line, _ in quick[1]] == [5, 6]


def test_a_package_that_appears_on_the_path_is_seen(tmp_path, monkeypatch):
    described = tmp_path / "late-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    [actions] = [port for port in PORTS if port.group == "icustomer.context.actions"]
    (described / "entry_points.txt").write_text(f"[{actions.group}]\nlate = late:Late\n")
    assert "late" not in actions.names()
    monkeypatch.syspath_prepend(tmp_path)
    assert "late" in actions.names()
