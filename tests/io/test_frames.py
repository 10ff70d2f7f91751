"""Frames of a file one at a time, in and out."""

import gzip

import nibabel as nib
import numpy as np
import pytest
import torch

from regkit import InputError, ResourceError, Volume, read
from regkit.io import ReadOptions, open_frames, read_header, save_frames, save_series
from regkit.io.series import FrameFiles


@pytest.fixture
def frames(head):
    return [head.with_data((head.data + n).to(torch.int16)) for n in range(4)]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgh", "a.mgz"])
def test_frames_come_one_at_a_time(frames, tmp_path, name):
    path = save_series(frames, tmp_path / name)
    found = list(FrameFiles.of(path, ReadOptions()))
    assert [torch.equal(a.data, b.data) for a, b in zip(found, frames, strict=True)] == [True] * 4


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_written_frame_by_frame_is_the_one_written_at_once(frames, tmp_path, name):
    place = save_frames(iter(frames), tmp_path / name, count=4, repetition=1.5)
    whole = save_series(frames, tmp_path / f"whole_{name}", repetition=1.5)
    one, other = nib.load(place), nib.load(whole)
    assert np.array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    assert one.header.binaryblock == other.header.binaryblock
    header = read_header(place, ReadOptions())
    assert (header.frames, header.repetition) == (4, 1.5)


def test_frames_are_asked_for_when_their_turn_comes(frames, tmp_path):
    alive = []

    def each():
        for frame in frames:
            alive.append(frame.name)
            yield frame
        raise InputError("the third frame cannot be read")

    with pytest.raises(InputError, match="cannot be read"):
        save_frames(each(), tmp_path / "a.nii", count=4)
    assert len(alive) == 4
    assert not list(tmp_path.iterdir())


def test_a_disk_that_loses_something_is_noticed(frames, tmp_path, monkeypatch):
    monkeypatch.setattr("regkit.io.formats.nifti.frames._checksum", lambda _: 0)
    with pytest.raises(ResourceError, match="reads back differently"):
        save_frames(iter(frames), tmp_path / "a.nii.gz", count=4)
    assert not list(tmp_path.iterdir())


def test_a_format_that_is_not_written_frame_by_frame(frames, tmp_path):
    with pytest.raises(InputError, match=r"is not written frame by frame; write \.nii\.gz"):
        save_frames(iter(frames), tmp_path / "a.mgz", count=4)


def test_a_damaged_end_is_noticed_after_the_last_frame(frames, tmp_path):
    path = save_series(frames, tmp_path / "a.nii.gz")
    raw = bytearray(gzip.decompress(path.read_bytes()))
    packed = bytearray(gzip.compress(bytes(raw)))
    packed[-6] ^= 0xFF  # the checksum
    path.write_bytes(bytes(packed))
    series = open_frames(read_header(path, ReadOptions()), ReadOptions())
    with pytest.raises(InputError, match="damaged"):
        list(series)


def test_a_file_that_changes_meanwhile(frames, tmp_path):
    path = save_series(frames, tmp_path / "a.nii")
    series = FrameFiles.of(path, ReadOptions())
    assert series[2].data.shape == frames[2].data.shape
    save_series(frames[:3], path, overwrite=True)
    with pytest.raises(InputError, match="has changed since its header was read"):
        list(series)


def test_one_frame_by_number_and_several_by_a_slice(frames, tmp_path):
    series = FrameFiles.of(save_series(frames, tmp_path / "a.nii.gz"), ReadOptions(frame=1))
    assert torch.equal(series[3].data, frames[3].data)
    assert [float(each.data.min()) for each in series[1:3]] == [
        float(each.data.min()) for each in frames[1:3]
    ]
    with pytest.raises(IndexError):
        series[4]
    assert isinstance(read(tmp_path / "a.nii.gz", frame=0), Volume)
