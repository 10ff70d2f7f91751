"""One row a format: header, voxels and geometry against the reference reader, there and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import Grid, InputError, Volume, World, read
from regkit.io import (
    ReadOptions,
    open_frames,
    open_image,
    preflight,
    read_header,
    save,
    save_series,
)
from regkit.io.format import Format
from regkit.io.formats import table
from regkit.io.header import Header


@dataclass(frozen=True)
class Row:
    """How another program writes and reads a format, and what regkit calls it."""

    name: str
    path: str
    write: Callable[[Volume, Path], object]
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]]
    writable: bool = True


def by_nibabel(kind):
    def write(volume, path):
        kind(volume.data[0].numpy(), volume.grid.affine).to_filename(path)

    return write


def load(path):
    """Through memory: nibabel leaves a file of .mgh open."""
    if path.suffix == ".mgh":
        return nib.MGHImage.from_bytes(path.read_bytes())
    return nib.load(path)


def from_nibabel(path):
    image = load(path)
    return np.asarray(image.dataobj), image.affine


def by_simpleitk(compressed):
    def write(volume, path):
        image = sitk.GetImageFromArray(volume.data[0].numpy().transpose(2, 1, 0))
        # MINC's world is what is written, without a flip; ITK's other formats are in LPS.
        flip = np.diag([1.0, 1, 1] if path.suffix == ".mnc" else [-1.0, -1, 1])
        turned = flip @ volume.grid.affine[:3]
        image.SetSpacing(volume.grid.spacing)
        image.SetDirection((turned[:, :3] / volume.grid.spacing).ravel().tolist())
        image.SetOrigin(turned[:, 3].tolist())
        sitk.WriteImage(image, path, compressed)

    return write


def from_simpleitk(path):
    image = sitk.ReadImage(path)
    corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    points = np.array([image.TransformIndexToPhysicalPoint(c) for c in corners]) * [-1, -1, 1]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = (points[1:] - points[0]).T, points[0]
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine


ROWS = [
    Row("NIfTI", "a.nii", by_nibabel(nib.Nifti1Image), from_nibabel),
    Row("NIfTI", "b.nii", by_nibabel(nib.Nifti2Image), from_nibabel),
    Row("NIfTI", "a.nii.gz", by_nibabel(nib.Nifti1Image), from_nibabel),
    Row("NRRD", "a.nrrd", by_simpleitk(True), from_simpleitk),
    Row("NRRD", "a.nhdr", by_simpleitk(False), from_simpleitk, writable=False),
    Row("MetaImage", "a.mha", by_simpleitk(True), from_simpleitk),
    Row("MetaImage", "a.mhd", by_simpleitk(False), from_simpleitk),
    Row("MGH", "a.mgh", by_nibabel(nib.MGHImage), from_nibabel),
    Row("MGH", "a.mgz", by_nibabel(nib.MGHImage), from_nibabel),
    Row("MINC", "a.mnc", by_simpleitk(False), from_nibabel, writable=False),
]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_a_format(row, dtype, head, tmp_path):
    stored, path = head.with_data(head.data.to(dtype)), tmp_path / row.path
    row.write(stored, path)
    header = preflight(path)
    assert (header.format, header.frames, header.channels, header.unit) == (row.name, 1, 1, "mm")
    found, (voxels, affine) = read(path), row.read(path)
    assert found.grid == header.grid
    assert_allclose(found.data[0].numpy(), voxels, atol=1e-5)
    assert_allclose(found.grid.affine, affine, atol=1e-4)
    if row.name != "MINC":  # its axes come in another order, and its values are scaled
        assert torch.equal(found.data, stored.data)
        assert_allclose(found.grid.affine, head.grid.affine, atol=1e-4)
    points = found.grid.to_world(torch.tensor([[5.0, 6.0, 7.0]], dtype=torch.float64))
    place = head.grid.to_index(points)[0].round().long().tolist()
    assert float(found.data[0, 5, 6, 7]) == pytest.approx(
        float(stored.data[0][tuple(place)]), abs=1
    )


@pytest.mark.parametrize("row", [row for row in ROWS if row.writable], ids=lambda row: row.path)
def test_there_and_back(row, head, tmp_path):
    path = save(head, tmp_path / row.path)
    found, (voxels, affine) = read(path), row.read(path)
    assert torch.equal(found.data, head.data)
    assert_allclose(found.grid.affine, head.grid.affine, atol=1e-4)
    assert np.array_equal(voxels, head.data[0].numpy())
    assert_allclose(affine, head.grid.affine, atol=1e-4)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_a_window(row, head, tmp_path):
    row.write(head, tmp_path / row.path)
    whole = read(tmp_path / row.path)
    window = (slice(2, 9), slice(1, 4), slice(3, 11))
    part = open_image(tmp_path / row.path, window=window)
    assert torch.equal(part.data[0], whole.data[0][window])
    assert_allclose(part.grid.affine, whole.grid.window((2, 1, 3), (7, 3, 8)).affine)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mgz", "a.mgh"])
def test_a_series(name, head, tmp_path):
    frames = [head.with_data(head.data + number) for number in range(3)]
    path = save_series(frames, tmp_path / name, repetition=2.5)
    header = read_header(path)
    assert (header.frames, header.repetition) == (3, 2.5)
    for number, frame in enumerate(frames):
        assert torch.equal(open_image(header.of(frame=number, channel=None)).data, frame.data)
    for given, frame in zip(open_frames(header, ReadOptions()), frames, strict=True):
        assert torch.equal(given.data, frame.data)
    assert load(path).shape == (*head.grid.shape, 3)
    assert load(path).header.get_zooms()[3] == (2500 if "mg" in name else 2.5)


def test_a_compressed_series_is_read_once(head, tmp_path, monkeypatch):
    from regkit.io import stored

    header = read_header(save_series([head] * 4, tmp_path / "a.nii.gz"))
    open_once, calls = stored.open_stream, []
    monkeypatch.setattr(
        stored, "open_stream", lambda *a, **k: calls.append(a) or open_once(*a, **k)
    )
    assert len(list(open_frames(header, ReadOptions()))) == 4
    assert len(calls) == 1


def test_a_series_where_a_file_holds_one(head, tmp_path):
    with pytest.raises(InputError, match=r"a.mha: .mha holds one image, not a series of 2"):
        save_series([head, head], tmp_path / "a.mha")


@pytest.mark.parametrize("frame", [0, 1])
def test_later_frames_cut_in_mgz(head, tmp_path, frame):
    import gzip

    path = save_series([head, head], tmp_path / "a.mgz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-9000]))
    with pytest.raises(InputError, match=r"the file is cut|data end early|cannot be read"):
        read(path, frame=frame).load()


def test_the_names_and_extensions_of_the_table_are_unique():
    # GeoTIFF shares its extensions with TIFF; the tags of a file, and a CRS, tell them apart.
    flat = [each for each in table.image_formats() if not each.georeferenced]
    suffixes = [suffix for each in flat for suffix in each.suffixes]
    names = [each.name for each in table.image_formats()]
    assert len(set(suffixes)) == len(suffixes)
    assert len(set(names)) == len(names)
    for each in table.image_formats():
        assert set(each.writable) | set(each.gzipped) <= set(each.suffixes)
        assert (each.write is None) == (each.verify is None) == (not each.writable)


def folder_header(path, options):
    size = int((path / "size.txt").read_text())
    return Header(path, path.name, "Folder", Grid((size,) * 3, np.eye(4)), "uint8", options=options)


FOLDER = Format(
    "Folder",
    (".parts",),
    lambda path, start: path.is_dir() and (path / "size.txt").is_file(),
    folder_header,
    lambda header, window, level: np.ones(header.grid.shape, np.uint8)[window],
)


@pytest.fixture
def third_party(monkeypatch):
    """As an installed package adds a format by an entry point."""

    class Entry:
        def load(self):
            return FOLDER

    monkeypatch.setattr(
        table, "entry_points", lambda group: [Entry()] * (group == table.FORMATS_GROUP)
    )
    table._added.cache_clear()
    yield
    table._added.cache_clear()


def test_other_packages_are_not_looked_for_where_a_format_of_our_own_fits(monkeypatch):
    """To list all that is installed takes longer than to write a small image."""
    monkeypatch.setattr(table, "_added", lambda: pytest.fail("looked for"))
    assert table.writer(Path("a.nii.gz")).name == "NIfTI"
    assert table.writer(Path("a.tif"), World.projected("EPSG:32632")).georeferenced
    assert not table.writer(Path("a.tif"), World()).georeferenced


@pytest.mark.parametrize("name", ["a", "a.parts"])
def test_a_folder_read_by_a_format_of_another_package(tmp_path, third_party, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is a directory that is no image"):
        read(tmp_path / name)
    (tmp_path / name / "size.txt").write_text("5")
    if name == "a":
        with pytest.raises(InputError, match=r"a: the content is Folder; .* name it .parts"):
            read(tmp_path / name)
        return
    found = read(tmp_path / name)
    assert found.grid.shape == (5, 5, 5)
    assert found.name == name


def test_levels_of_resolution(tmp_path, third_party, monkeypatch):
    (tmp_path / "a.parts").mkdir()
    (tmp_path / "a.parts" / "size.txt").write_text("8")
    header = preflight(tmp_path / "a.parts")
    coarse = replace(header, coarser=(header.grid.with_spacing(2.0),))
    read_level = replace(
        FOLDER, read=lambda h, window, level: np.full(h.level(level).shape, level, np.uint8)[window]
    )
    monkeypatch.setattr("regkit.io.files.format_called", lambda _name: read_level)
    found = open_image(coarse, level=1)
    assert found.grid.shape == (4, 4, 4)
    assert int(found.data.max()) == 1
    with pytest.raises(InputError, match="has no level 2; allowed: 0 to 1"):
        open_image(coarse, level=2)
