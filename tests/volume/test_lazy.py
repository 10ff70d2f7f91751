"""A volume of a file reads its header at once, and its voxels when they are touched."""

import copy
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import InputError, Labels, Volume
from regkit.io import stored
from regkit.io.deferred import FileSource
from regkit.volume.once import once


@pytest.fixture
def reads(monkeypatch):
    """What is read of voxels: None for everything, or a part."""
    found, read = [], FileSource.read

    def counted(source, part=None):
        found.append(part)
        return read(source, part)

    monkeypatch.setattr(FileSource, "read", counted)
    return found


@pytest.fixture
def path(head, tmp_path) -> Path:
    return head.save(tmp_path / "head.nii.gz")


def rewritten(path: Path, volume: Volume) -> None:
    """Another image under the same name; clocks of file systems are coarse."""
    before = path.stat().st_mtime_ns
    volume.save(path, overwrite=True)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def with_nan(head) -> Volume:
    data = head.data.clone()
    data[0, 3, 4, 5] = torch.nan
    return head.with_data(data)


def test_what_the_header_says_needs_no_voxels(head, path, reads):
    volume = rk.read(path)
    assert repr(volume) == repr(head)
    assert (volume.shape, volume.channels, volume.ndim) == (head.shape, 1, 3)
    assert (volume.name, volume.dtype) == ("head.nii.gz", torch.float32)
    np.testing.assert_allclose(volume.affine, head.affine, atol=1e-5)
    assert reads == []


def test_voxels_are_read_once_and_kept(head, path, reads):
    volume = rk.read(path)
    assert torch.equal(volume.data, head.data)
    assert volume.data is volume.data
    assert volume.valid is None
    assert reads == [None]
    assert volume.deferred is None


def test_valid_touches_them_too(head, path, reads):
    volume = rk.read(path, padding=0.0)
    assert torch.equal(volume.valid, head.data[0] != 0)
    assert reads == [None]


def test_threads_read_once(path, reads, monkeypatch):
    counted = FileSource.read

    def slow(source, part=None):
        time.sleep(0.05)
        return counted(source, part)

    monkeypatch.setattr(FileSource, "read", slow)
    volume = rk.read(path)
    twin = copy.copy(volume)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: (volume, twin)[n % 2].data, range(16)))
    assert len(reads) == 1
    assert all(each is found[0] for each in found)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("a.nii", torch.int32),
        ("a.nii.gz", torch.float32),
        ("a.nrrd", torch.int16),
        ("a.mha", torch.float64),
        ("a.mhd", torch.uint8),
        ("a.mgz", torch.int16),
        ("a.mgh", torch.float32),
        ("a.tif", torch.uint8),
        ("a.npy", torch.int64),
    ],
)
def test_formats_promise_the_type_they_give(head, tmp_path, reads, name, dtype):
    data = head.data.to(dtype)
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, data[0].numpy())
    elif name == "a.tif":
        Volume(data, np.diag([-1.0, -1.0, 1.0, 1.0])).save(path)
    else:
        head.with_data(data).save(path)
    volume = rk.read(path, **({"spacing": (1, 1, 1), "assume_ras": True} if "npy" in name else {}))
    assert volume.dtype is dtype
    assert reads == []
    assert volume.load().data.dtype is dtype
    assert torch.equal(volume.data, data)


def test_unsigned_types_are_promised_as_torch_holds_them(head, tmp_path):
    np.save(tmp_path / "a.npy", head.data[0].numpy().astype(">u2"))
    np.save(tmp_path / "b.npy", head.data[0].numpy() > 20)
    for name, dtype in (("a.npy", torch.int32), ("b.npy", torch.uint8)):
        volume = rk.read(tmp_path / name, spacing=(1, 1, 1), assume_ras=True)
        assert volume.dtype is dtype
        assert volume.load().dtype is dtype


def test_what_only_voxels_tell_is_refused_at_the_touch(head, tmp_path):
    volume = rk.read(with_nan(head).save(tmp_path / "a.nii"))
    for _ in range(2):  # an error is not kept in place of voxels
        with pytest.raises(InputError, match=r"^a.nii: 1 of 13440 voxels are NaN.*nan=0"):
            volume.load()
    with pytest.raises(InputError, match=r"^a.nii: 1 of 13440"):
        _ = volume.valid


def test_a_cut_stream_is_refused_at_the_touch(path):
    path.write_bytes(path.read_bytes()[:-400])
    volume = rk.read(path)
    with pytest.raises(InputError, match=r"^head.nii.gz: the compressed data end early"):
        _ = volume.data


def test_what_the_header_tells_is_refused_at_once(head, tmp_path):
    with pytest.raises(InputError, match=r"^no.nii: not found"):
        rk.read(tmp_path / "no.nii")
    path = head.save(tmp_path / "a.nii")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match=r"^a.nii: the header claims"):
        rk.read(path)
    with pytest.raises(InputError, match="frame is 'x'"):
        rk.read(path, frame="x")


def test_labels(parts, tmp_path, reads):
    labels = rk.read_labels(parts.save(tmp_path / "a.nii"))
    assert isinstance(labels, Labels)
    assert labels.dtype is torch.uint8
    assert reads == []
    assert labels.values == (1, 2, 5)


def test_labels_stored_as_real_numbers_say_their_type_when_touched(head, parts, tmp_path, reads):
    labels = rk.read_labels(head.with_data(parts.data.float()).save(tmp_path / "a.nii"))
    assert repr(labels) == "Labels(24x28x20, 1.3x1.1x1.9 mm, LAS, not read, 'a.nii')"
    assert reads == []
    assert labels.dtype is torch.int32
    assert reads == [None]
    assert torch.equal(labels.data, parts.data.int())
    assert "int32" in repr(labels)
    broken = rk.read_labels(head.save(tmp_path / "b.nii"))
    with pytest.raises(InputError, match=r"^b.nii: \d+ voxels are not whole numbers"):
        _ = broken.values


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_file_that_changed_is_never_read_in_place_of_the_other(head, tmp_path, change):
    path = head.save(tmp_path / "a.nii")
    volume = rk.read(path)
    other = head if change == "size" else head.with_data(head.data + 1)
    rewritten(path, other)
    if change == "size":
        path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"^a.nii: has changed since its header.*Read it again"):
        volume.load()
    with pytest.raises(InputError, match=r"^a.nii: has changed"):
        volume.window((0, 0, 0), (4, 4, 4))
    assert torch.equal(rk.read(path).data, other.data)


def test_a_file_that_changes_while_it_is_read(head, tmp_path, monkeypatch):
    path = head.save(tmp_path / "a.nii")
    volume, read = rk.read(path), stored.array_from_file

    def late(*args, **kwargs):
        found = read(*args, **kwargs)
        os.utime(path, ns=(1, 1))
        return found

    monkeypatch.setattr(stored, "array_from_file", late)
    with pytest.raises(InputError, match=r"a.nii: has changed"):
        volume.load()


def test_a_file_that_is_gone(path):
    volume = rk.read(path)
    path.unlink()
    with pytest.raises(InputError, match=r"^head.nii.gz: is gone since its header was read"):
        volume.load()


def test_the_file_of_voxels_beside_a_header(head, tmp_path):
    path = head.save(tmp_path / "a.mhd")
    volume = rk.read(path)
    voxels = path.with_suffix(".raw")
    voxels.write_bytes(bytes(voxels.stat().st_size))
    os.utime(voxels, ns=(1, 1))
    with pytest.raises(InputError, match=r"^a.mhd: its file a.raw: has changed since its header"):
        volume.load()


def test_a_relative_path_keeps_its_folder(head, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    volume = rk.read(path.name)
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    head.with_data(head.data + 1).save(path.name)
    assert torch.equal(volume.data, head.data)


@pytest.mark.parametrize("again", [lambda v: pickle.loads(pickle.dumps(v)), copy.deepcopy])  # noqa: S301
def test_a_pickle_of_an_untouched_volume_is_untouched(head, path, reads, again):
    volume = rk.read(path, padding=0.0)
    found = again(volume)
    assert reads == []
    assert len(pickle.dumps(volume)) < 4000
    assert torch.equal(found.data, head.data)
    assert torch.equal(found.valid, head.data[0] != 0)
    assert volume.deferred is not None
    assert torch.equal(again(found).data, head.data)
    assert len(reads) == 1


def test_a_pickle_knows_which_file_it_means(head, tmp_path):
    path = head.save(tmp_path / "a.nii")
    packed = pickle.dumps(rk.read(path))
    rewritten(path, head.with_data(head.data + 1))
    with pytest.raises(InputError, match=r"^a.nii: has changed"):
        pickle.loads(packed).load()  # noqa: S301


def test_copies_share_what_is_read(path, reads):
    volume = rk.read(path)
    twin = copy.copy(volume)
    assert twin.data is volume.data
    assert reads == [None]


def test_replace(head, parts, path, tmp_path):
    renamed = replace(rk.read(path), name="b")
    assert (renamed.name, type(renamed)) == ("b", Volume)
    assert torch.equal(renamed.data, head.data)
    other = replace(rk.read_labels(parts.save(tmp_path / "p.nii")), grid=parts.grid)
    assert isinstance(other, Labels)
    assert torch.equal(other.data, parts.data)


@pytest.mark.parametrize("start", [(3, 4, 5), (-2, 4, 12), (3, -30, 5)])
def test_a_window_of_an_untouched_volume(head, tmp_path, reads, start):
    volume = rk.read(head.save(tmp_path / "a.nii"), padding=0.0)
    found = volume.window(start, (6, 7, 8), fill=-1)
    wanted = head.with_padding(0.0).window(start, (6, 7, 8), fill=-1)
    assert torch.equal(found.data, wanted.data)
    assert torch.equal(found.valid, wanted.valid)
    np.testing.assert_allclose(found.affine, wanted.affine, atol=1e-5)
    assert (reads == [None]) is (start[1] == -30)  # beside the image there is nothing to read
    assert len(reads) == 1


def test_a_window_reads_its_own_slices_alone(head, tmp_path, monkeypatch):
    sizes, read = [], stored.array_from_file

    def counted(*args, **kwargs):
        found = read(*args, **kwargs)
        sizes.append(found.nbytes)
        return found

    monkeypatch.setattr(stored, "array_from_file", counted)
    volume = rk.read(head.save(tmp_path / "a.nii"))
    sizes.clear()  # `save` verifies what it wrote
    assert torch.equal(volume.window((3, 4, 5), (6, 7, 2)).data, head.data[:, 3:9, 4:11, 5:7])
    assert sizes == [head.data.nbytes // 10]
    assert volume.deferred is not None


def test_a_window_of_a_compressed_file_reads_it_once(head, path, reads):
    volume = rk.read(path)
    for first in range(3):
        window = volume.window((first, 0, 0), (4, 4, 4))
        assert torch.equal(window.data, head.data[:, first : first + 4, :4, :4])
    assert reads == [None]


def test_warping_onto_an_image_does_not_read_its_voxels(head, path, reads):
    target = rk.read(path)
    rk.warp(head, np.eye(4), onto=target)
    rk.warp(head, np.eye(4), onto=path)
    assert reads == []


def test_register_reads_voxels_before_anything_else(head, path, tmp_path, monkeypatch):
    broken = with_nan(head).save(tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"^a.nii: 1 of 13440 voxels are NaN"):
        rk.register(broken, tmp_path / "no.nii")
    with pytest.raises(InputError, match=r"^a.nii: 1 of 13440 voxels are NaN"):
        rk.register(path, path, fixed_mask=broken)
    with pytest.raises(InputError, match=r"^a.nii: 1 of 13440 voxels are NaN"):
        rk.register(path, path, fixed_labels=broken, moving_labels=tmp_path / "no.nii")


def test_a_format_that_promises_another_type(head, path, monkeypatch):
    volume = rk.read(path)
    source = replace(volume.deferred.source, dtype=torch.int16)
    monkeypatch.setattr(volume.deferred, "source", source)
    with pytest.raises(InputError, match=r"head.nii.gz: holds torch.float32 .* promised torch.int"):
        volume.load()


def test_there_are_no_other_attributes(path):
    volume = rk.read(path)
    with pytest.raises(AttributeError, match="'Volume' object has no attribute 'voxels'"):
        _ = volume.voxels
    assert volume.deferred is not None


def test_once_keeps_what_was_computed_and_no_error():
    class Thing:
        calls = 0

        @once
        def value(self):
            """What it is."""
            self.calls += 1
            if self.calls == 1:
                raise ValueError("first")
            return self.calls

    assert Thing.value.__doc__ == "What it is."
    thing = Thing()
    with pytest.raises(ValueError, match="first"):
        _ = thing.value
    assert (thing.value, thing.value, copy.deepcopy(thing).value) == (2, 2, 2)
