import gzip
import os

import pytest

from regkit.cli import ahead


@pytest.fixture
def asked(monkeypatch):
    sizes = []
    monkeypatch.setattr(ahead, "memory_ahead", sizes.append)
    return sizes


def test_memory_is_asked_for_by_what_the_images_hold(tmp_path, asked):
    plain, packed = tmp_path / "a.nii", tmp_path / "b.nii.gz"
    plain.write_bytes(bytes(1000))
    packed.write_bytes(gzip.compress(bytes(5000)))
    ahead.memory_for((plain, packed))
    assert asked == [10 * 6000]


def test_what_cannot_be_read_asks_for_nothing(tmp_path, asked):
    (tmp_path / "short.gz").write_bytes(b"ab")
    too_long = tmp_path / (300 * "n")
    ahead.memory_for((tmp_path, tmp_path / "none.nii", tmp_path / "short.gz", too_long))
    assert asked == [10 * 2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_left_to_whoever_reads_it(tmp_path, asked):
    os.mkfifo(tmp_path / "pipe.nii")
    ahead.memory_for((tmp_path / "pipe.nii",))
    assert asked == [0]
