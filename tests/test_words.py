"""The words of the code: one name for one thing, and references that lead somewhere."""

import ast
import importlib
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("regkit", "denoise", "foundation", "probes")
FILES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
# Commands are called as users type them, the front of the package as what it hands on, and twins
# of a kernel as the kernel.
TWINS = re.compile(
    r"regkit/cli/|/command\.py|regkit/(?:interchange|sources)\.py|regkit/kernels/[cg]pu/"
)
IRREGULAR = set(
    "built chosen cut done drawn felt found given grown held kept known left lent made meant "  # noqa: SIM905
    "met put seen sent shown spread split taken told worn written".split()
)
REFERENCE = re.compile(r":[a-z]+:`~?((?:regkit|denoise|foundation|probes)[\w.]+)`")


def _name(path):
    return path.relative_to(ROOT).as_posix()


def _top_level(path):
    """Public names that a module defines, each with its node."""
    for node in ast.parse(path.read_text()).body:
        names = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign):
            names = [node.target.id]
        yield from ((name, node) for name in names if not name.startswith("_"))


def test_no_public_name_means_two_things():
    homes = defaultdict(set)
    for path in FILES:
        if not TWINS.search(_name(path)):
            for name, _ in _top_level(path):
                homes[name].add(_name(path))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_no_function_or_class_is_called_by_a_bare_participle():
    found = [
        f"{_name(path)}: {name}"
        for path in FILES
        for name, node in _top_level(path)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and len(re.findall("[A-Z]?[a-z0-9]+", name)) == 1
        and (name.endswith("ed") or name.lower() in IRREGULAR)
    ]
    assert found == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_references_lead_somewhere(path):
    for target in REFERENCE.findall(path.read_text()):
        parts = target.split(".")
        for depth in range(len(parts), 0, -1):
            try:
                thing = importlib.import_module(".".join(parts[:depth]))
            except ImportError:
                continue
            for part in parts[depth:]:
                thing = _attribute(thing, part, target)
            break


def _attribute(thing, part, target):
    known = hasattr(thing, part) or part in getattr(thing, "__dataclass_fields__", ())
    known = known or part in getattr(thing, "model_fields", ())
    assert known, target
    return getattr(thing, part, None)
