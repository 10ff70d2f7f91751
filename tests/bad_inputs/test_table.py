"""Every bad input, for every command that reads such a thing: one line, and nothing changes."""

import os
import subprocess
import sys
import time

import pytest

from regkit.cli import main
from tests.bad_inputs import companions, dicom, dicom_objects, images, outputs, points

CASES = [
    *images.CASES, *dicom.CASES, *dicom_objects.CASES, *companions.CASES, *points.CASES,
    *outputs.CASES,
]  # fmt: skip
NOT_YET = companions.NOT_YET
# One of each kind of thing that is read, as the shell would see it.
APART = [
    (1, "fixed"),
    (8, "moving"),
    (51, "init"),
    (58, "config"),
    (48, "points"),
    (42, "words"),
]
ELSEWHERE = {
    26: "test_accepted.py",
    40: "test_accepted.py",
    44: "test_disks.py",
    60: "test_interruptions.py",
}


def rows():
    """A row for every case and every command that reads its kind."""
    for case in CASES:
        for slot in case.slots:
            yield pytest.param(case, slot, id=f"{case.number:02}-{case.what}-{slot}")


def words_of(case, slot, place):
    made = case.make(place)
    return [str(word) for word in made] if slot == "words" else place.words(slot, made)


def check_line(told, case):
    assert len(told.splitlines()) == 1, told
    assert told.startswith("regkit: error: ")
    for word in case.says:
        assert word in told, told


@pytest.mark.parametrize(("case", "slot"), [*rows()])
def test_refused(case, slot, place, snapshot, capsys, monkeypatch, no_weights, ordinary):
    words = words_of(case, slot, place)
    before, started = snapshot(place.out.parent), time.process_time()
    monkeypatch.chdir(place.inputs)
    if case.closed:
        ordinary()
    assert main(words) == case.code
    told = capsys.readouterr()
    assert time.process_time() - started < 10
    assert told.out == ""
    check_line(told.err, case)
    if case.closed and os.getuid() == 0:
        os.seteuid(0)
    assert snapshot(place.out.parent) == before


@pytest.fixture
def no_weights(monkeypatch, request):
    """Whoever loads a network where none may be loaded, fails."""

    def loaded(*_args, **_kwargs):
        pytest.fail("weights were loaded")

    if "import" not in request.node.name:
        monkeypatch.setattr("regkit.networks.models.load", loaded)
        monkeypatch.setattr("regkit.networks.weights.store.load_weights", loaded)


@pytest.mark.parametrize(("number", "slot"), APART)
def test_refused_in_a_process_of_its_own(number, slot, place, snapshot):
    case = next(c for c in CASES if c.number == number and slot in c.slots)
    words = words_of(case, slot, place)
    before = snapshot(place.out.parent)
    code = "import sys; from regkit.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == case.code
    assert done.stdout == ""
    check_line(done.stderr, case)
    assert snapshot(place.out.parent) == before


@pytest.mark.parametrize("row", NOT_YET, ids=lambda row: f"{row.number}-{row.what}")
def test_not_applicable_yet(row):
    pytest.skip(row.reason)


def test_the_table_is_whole():
    told = {case.number for case in CASES} | {row.number for row in NOT_YET} | set(ELSEWHERE)
    assert told == set(range(1, 61))
