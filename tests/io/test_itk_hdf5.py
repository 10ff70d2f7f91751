"""ITK's HDF5 layout as regkit writes it; that SimpleITK reads it is in test_transforms."""

import time

import h5py
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import (
    Affine,
    DisplacementField,
    InputError,
    ResourceError,
    read_transform,
    write_transform,
)
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import itk_hdf5, itk_writing


@pytest.fixture(scope="session")
def turn() -> Affine:
    return Affine(homogeneous(rotation([0.1, -0.2, 0.15]) * 1.05, [103.0, -4.0, 5.5]))


def layout(path):
    """Type and size of every data set in a file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: getattr(item, "size", None)}))
    return found


def kinds(path):
    with h5py.File(path) as file:
        groups = file["TransformGroup"]
        return [groups[key]["TransformType"][0].decode() for key in sorted(groups, key=int)]


def written_by_itk(transform, path):
    """The same transform as SimpleITK writes it, everything in float64."""
    sitk.WriteTransform(sitk.ReadTransform(transform), path)
    return path


@pytest.mark.parametrize(
    "made",
    [lambda turn, bend: turn, lambda turn, bend: bend, lambda turn, bend: turn @ bend @ turn],
    ids=["affine", "field", "chain"],
)
def test_groups_and_sizes_are_those_of_itk(made, turn, bend, tmp_path):
    ours = write_transform(made(turn, bend), tmp_path / "a.h5")
    theirs = written_by_itk(ours, tmp_path / "b.h5")
    assert layout(ours) == layout(theirs)
    assert [kind.replace("float", "double") for kind in kinds(ours)] == kinds(theirs)


def test_values_are_those_of_itk(turn, bend, tmp_path):
    ours = write_transform(turn @ bend, tmp_path / "a.h5")
    theirs = written_by_itk(ours, tmp_path / "b.h5")
    with h5py.File(ours) as one, h5py.File(theirs) as other:
        for number in (1, 2):
            for name in ("TransformFixedParameters", "TransformParameters"):
                place = f"TransformGroup/{number}/{name}"
                assert_allclose(one[place][:], other[place][:], rtol=1e-12, atol=1e-12)


def test_fields_take_four_bytes_a_value(turn, bend, tmp_path):
    path = write_transform(turn @ bend, tmp_path / "a.h5")
    assert kinds(path) == [
        "CompositeTransform_double_3_3",
        "AffineTransform_double_3_3",
        "DisplacementFieldTransform_float_3_3",
    ]
    assert 4 * bend.u.numel() < path.stat().st_size < 4 * bend.u.numel() + 20_000


def test_a_file_in_float64_is_still_read(turn, bend, tmp_path):
    ours = write_transform(turn @ bend, tmp_path / "a.h5")
    found = read_transform(written_by_itk(ours, tmp_path / "b.h5"))
    assert torch.equal(found.links[1].u, bend.u)


def test_slabs_make_no_difference(bend, tmp_path, monkeypatch):
    whole = write_transform(bend, tmp_path / "a.h5").read_bytes()
    monkeypatch.setattr(itk_hdf5, "_SLAB_VALUES", 7 * bend.u[..., 0].numel())
    assert write_transform(bend, tmp_path / "b.h5").read_bytes() == whole


def test_more_parts_than_digits(bend, turn, tmp_path):
    phi = bend @ bend @ bend @ bend @ bend @ turn @ bend @ bend @ bend @ bend @ bend @ bend
    path = write_transform(phi, tmp_path / "a.h5")
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).double() * 10
    flip = np.array([-1.0, -1.0, 1.0])
    itk_transform = sitk.ReadTransform(path)
    sent = [itk_transform.TransformPoint(point) for point in (points.numpy() * flip).tolist()]
    assert_allclose(np.array(sent) * flip, phi(points).numpy(), atol=1e-3)


def test_bytes_depend_on_the_transform_alone(turn, bend, tmp_path, monkeypatch):
    one = write_transform(turn @ bend, tmp_path / "a.h5").read_bytes()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 100)
    time.sleep(1.1)  # HDF5 itself reads the clock, in seconds
    assert write_transform(turn @ bend, tmp_path / "b.h5").read_bytes() == one


@pytest.mark.parametrize("what", ["field", "grid", "matrix", "kind", "number"])
def test_what_the_disk_lost_is_noticed(what, turn, bend, grid, tmp_path, monkeypatch):
    u = bend.u.clone()
    u[0, 5, 5, 5] += 1e-6
    moved = grid.window((0, 0, 0), bend.grid.shape)
    other = {
        "field": [turn, DisplacementField(u, bend.grid)],
        "grid": [turn, DisplacementField(bend.u, moved)],
        "matrix": [turn.inverse(), bend],
        "kind": [bend, turn],
        "number": [turn, bend, turn],
    }[what]
    write = itk_hdf5.write_hdf5
    monkeypatch.setattr("regkit.io.itk_files.write_hdf5", lambda _, path: write(other, path))
    with pytest.raises(ResourceError, match=r"^a.h5: reads back differently"):
        write_transform(turn @ bend, tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


def test_a_field_that_is_not_finite_is_never_left(bend, tmp_path):
    u = bend.u.clone()
    u[1, 2, 3, 4] = torch.nan
    with pytest.raises(ResourceError, match="reads back differently"):
        write_transform(DisplacementField(u, bend.grid), tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


def test_a_disk_too_full_to_begin(bend, tmp_path, monkeypatch):
    monkeypatch.setattr(itk_writing, "free_space", lambda _: 1000)
    with pytest.raises(ResourceError, match=rf"^{tmp_path}: no space left to write \(.* needed"):
        write_transform(bend, tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up(bend, tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ResourceError, match=rf"^{tmp_path}: no space left"):
            write_transform(bend, tmp_path / "a.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_failure_without_a_reason_of_the_disk(bend, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("Unable to create dataset")

    monkeypatch.setattr(itk_hdf5, "_put_part", broken)
    with pytest.raises(InputError, match=r"^a.h5: cannot be written: Unable to create dataset"):
        write_transform(bend, tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())
