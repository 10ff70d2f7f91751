"""Every promise of the documentation names tests that are there."""

import re

import pytest

from tests.docs.fences import ROOT

_ROW = re.compile(r"(?m)^\| (?!promise|-)(.+?) \| (.+) \|$")
_TEST = re.compile(r"`(tests/[\w/.]+)(?:::(\w+))?`")


def _rows(page):
    return _ROW.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))


def _is_there(place, name):
    path = ROOT / place
    return path.exists() and (not name or f"def {name}(" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["promises", "safety"])
def test_every_test_that_is_named_is_there(page):
    named = [each for row in _rows(page) for each in _TEST.findall(" ".join(row))]
    assert len(named) >= 20
    assert [each for each in named if not _is_there(*each)] == []


def test_every_promise_has_a_test():
    rows = _rows("promises")
    assert len(rows) >= 20
    assert [promise for promise, tests in rows if not _TEST.search(tests)] == []


def test_tests_of_strangers_are_there():
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    source = (ROOT / "tests/bad_inputs/test_strangers.py").read_text(encoding="utf-8")
    names = re.findall(r"`(?:test_strangers\.py)?::(\w+)`", text)
    assert len(names) >= 8
    assert [name for name in names if f"def {name}(" not in source] == []
