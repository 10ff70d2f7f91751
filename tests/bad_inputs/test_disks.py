"""Row 44: a disk that is full, before the work or in the middle of it."""

import contextlib
import os
import shutil
import subprocess

import pytest
import torch

from regkit import Affine, ResourceError, Volume
from regkit.cli import main
from regkit.io import publish, save, write_transform
from tests.bad_inputs.processes import RESULTS, short


@pytest.fixture
def megabyte(tmp_path):
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    words = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]
    if mount is None or os.geteuid() or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no small disk may be mounted here; a failing write stands in below")
    yield disk
    subprocess.run([shutil.which("umount"), "-l", disk], check=True)


@pytest.fixture
def large(grid):
    noise = torch.rand((96, 96, 96), generator=torch.Generator().manual_seed(0))
    return Volume(noise, grid.window((0, 0, 0), (96, 96, 96)))


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.nrrd", "x.mha", "x.mhd"])
def test_an_image_on_a_full_disk(megabyte, large, name):
    with pytest.raises(ResourceError, match="no space left"):
        save(large, megabyte / name)
    assert not os.listdir(megabyte)


def test_transforms_on_a_full_disk(megabyte):
    (megabyte / "filler").write_bytes(bytes((1 << 20) - 8192))
    for name in ("x.h5", "y.h5"):  # the first may still fit
        with contextlib.suppress(ResourceError):
            write_transform(Affine.identity(), megabyte / name)
        assert set(os.listdir(megabyte)) <= {"filler", "x.h5"}


def test_room_is_looked_for_before_the_work(megabyte, place, capsys):
    words = short(place, "--quiet")
    words[words.index(place.out)] = megabyte / "out"
    (megabyte / "filler").write_bytes(bytes(900_000))
    assert main([*map(str, words)]) == 4
    told = capsys.readouterr().err
    assert "are needed" in told
    assert len(told.splitlines()) == 1
    assert os.listdir(megabyte) == ["filler"]


def test_a_run_that_fills_the_disk(megabyte, place, capsys, monkeypatch):
    monkeypatch.setattr("regkit.runs.memory.free_space", lambda _: 1 << 40)
    words = short(place, "--quiet")
    words[words.index(place.out)] = megabyte / "out"
    (megabyte / "filler").write_bytes(bytes(900_000))
    assert main([*map(str, words)]) == 4
    assert "no space left" in capsys.readouterr().err
    assert os.listdir(megabyte) == ["filler"]


@pytest.mark.parametrize("failing", range(1, 6))
def test_any_flush_may_fail(place, capsys, monkeypatch, snapshot, failing):
    """The disk fills at one write after the other; then there is room again."""
    calls, fsync = [], os.fsync

    def fails(handle):
        calls.append(handle)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        fsync(handle)

    before = snapshot(place.out)
    monkeypatch.setattr(os, "fsync", fails)
    assert main([*map(str, short(place, "--quiet"))]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert snapshot(place.out) == before
    monkeypatch.undo()
    with publish(place.out) as staging:
        (staging / "run.json").write_text("{}")
    assert not set(RESULTS) & set(os.listdir(place.out))
