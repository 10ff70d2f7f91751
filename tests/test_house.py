"""What the house rules promise and no linter knows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "regkit").rglob("*.py"))


def _files_with(pattern):
    return {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }


def test_one_place_samples_with_torch():
    assert _files_with(r"functional\.grid_sample|import grid_sample") == {
        "regkit/kernels/sampling.py"
    }


def test_only_io_knows_lps():
    code = r"\bLPS\b(?![\"'`])"
    outside = {path for path in _files_with(code) if not path.startswith("regkit/io/")}
    assert outside == set()


def test_only_io_opens_images():
    importing = r"^\s*(import|from) (nibabel|SimpleITK|h5py)\b"
    found = _files_with(f"(?m){importing}")
    assert {path for path in found if not path.startswith("regkit/io/")} == set()


def test_nobody_prints_or_asserts():
    assert _files_with(r"(?m)^\s*(print\(|assert )") == set()


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_every_file_is_named_after_what_it_defines(name):
    assert [path for path in SOURCES if name in path.parts or path.stem == name] == []
