"""Rules of the house that a machine can see: nothing is printed, nothing is swallowed."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("cid", "cii", "cic", "cfa", "context", "cbc", "icustomer")
SOURCES = [
    (path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8")))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
]


def calls(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


def test_nothing_is_printed():
    assert [
        (path, line) for path, tree in SOURCES for name, line in calls(tree) if name == "print"
    ] == []


def test_no_text_of_a_user_reaches_eval():
    """Compiled FEEL is Python made from the checked tree: the only place that may execute it."""
    found = {
        str(path) for path, tree in SOURCES for name, _ in calls(tree) if name in ("eval", "exec")
    }
    assert found <= {"cid/feel/python.py", "cid/feel/index/writing.py", "cic/kernel.py"}


def test_no_broad_except_swallows_what_nobody_expected():
    broad = []
    for path, tree in SOURCES:
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {each.id for each in caught if isinstance(each, ast.Name)}
            everything = node.type is None or names & {"Exception", "BaseException"}
            again = any(isinstance(each, ast.Raise) for each in ast.walk(node))
            if everything and not again:
                broad.append(f"{path}:{node.lineno}")
    assert broad == []


def test_nothing_reads_the_clock_or_the_environment_in_the_middle():
    """Time is given to models, ports and activities; settings are read in one place."""
    heart = [
        (path, tree)
        for path, tree in SOURCES
        if path.parts[0] != "icustomer" and len(path.parts) == 2 and path.stem != "testing"
    ]
    read = {
        "time.time",
        "time.time_ns",
        "datetime.now",
        "datetime.utcnow",
        "os.environ",
        "os.getenv",
    }
    found = [
        f"{path}:{node.lineno}"
        for path, tree in heart
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in read
    ]
    assert found == []
