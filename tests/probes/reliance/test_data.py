"""Data sets in the layouts that people have them in, as small trees made here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
import rasterio
import torch
from PIL import Image

from probes.images.bands import Bands
from probes.images.reading import read_samples
from probes.images.settings import DataSettings
from regkit import InputError, Volume
from regkit.io import save


def _picture(path: Path, value: int, shape: tuple[int, int] = (10, 14), bands: int = 3) -> Path:
    """A picture whose first row is 255, so that rows and columns can be told apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((*shape, bands), value, np.uint8)
    pixels[0] = 255
    Image.fromarray(pixels if bands == 3 else pixels[..., 0]).save(path)
    return path


def _read(path: Path, kind: str, truth: str = "class", **more: object):
    given = DataSettings.model_validate({"name": "set", "kind": kind, "path": path, **more})
    return read_samples(given, truth)


@pytest.fixture
def medmnist(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 8), ("test", 12)):
        arrays[f"{split}_images"] = generator.integers(255, size=(count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 3)[:, None]
    np.savez(tmp_path / "set.npz", **arrays)
    return tmp_path / "set.npz"


def test_medmnist(medmnist):
    found = _read(medmnist, "npz")
    assert found.images.shape == (12, 1, 28, 28)
    assert found.truth.tolist() == [0, 1, 2] * 4
    assert len(_read(medmnist, "npz", split="train")) == 8
    few = _read(medmnist, "npz", limit=6)
    assert sorted(few.truth.tolist()) == [0, 0, 1, 1, 2, 2]


def test_colours_and_cubes_in_arrays(tmp_path):
    for shape, wanted in (((4, 20, 24, 3), (4, 3, 20, 24)), ((4, 20, 24, 28), (4, 1, 20, 24, 28))):
        np.savez(tmp_path / "a.npz", images=np.zeros(shape, np.uint8), labels=np.arange(4) % 2)
        assert _read(tmp_path / "a.npz", "npz").images.shape == wanted


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_folders_of_classes(tmp_path, suffix):
    """UC Merced and AID."""
    for name, value in (("river", 10), ("airport", 90)):
        for number in range(3):
            _picture(tmp_path / "set" / name / f"{name}{number}{suffix}", value)
    found = _read(tmp_path / "set", "folders")
    assert found.images.shape == (6, 3, 10, 14)
    assert found.truth.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.names[0] == f"airport/airport0{suffix}"
    assert found.images[0, :, 6, 3].float().mean() == pytest.approx(90, abs=3)
    assert found.images[0, :, 0].float().mean() > 240


def test_images_of_several_sizes_take_one(tmp_path):
    for name, shape in (("a", (20, 30)), ("b", (24, 24))):
        _picture(tmp_path / "set" / name / "1.png", 50, shape)
    with pytest.raises(InputError, match=r"1.png: has 24x24, the first image 20x30; give the data"):
        _read(tmp_path / "set", "folders")
    assert _read(tmp_path / "set", "folders", size=16).images.shape == (2, 3, 16, 16)


def test_a_table_with_subjects(tmp_path):
    for number in range(4):
        _picture(tmp_path / "images" / f"{number}.png", 20 * number, bands=1)
    lines = ["image,label,subject"]
    lines += [f"images/{n}.png,{'ill' if n % 2 else 'well'},s{n // 2}" for n in range(4)]
    (tmp_path / "set.csv").write_text("\n".join(lines))
    found = _read(tmp_path / "set.csv", "table")
    assert found.images.shape == (4, 1, 10, 14)
    assert found.truth.tolist() == [1, 0, 1, 0]
    assert found.subjects == ["s0", "s0", "s1", "s1"]


def test_several_labels_in_a_table(tmp_path):
    for number in range(2):
        _picture(tmp_path / f"{number}.png", 9)
    (tmp_path / "set.csv").write_text("image,label\n0.png,sea;town\n1.png,forest")
    found = _read(tmp_path / "set.csv", "table", truth="several")
    assert found.truth.tolist() == [[0, 1, 1], [1, 0, 0]]


def _patch(folder: Path, name: str, labels: list[str]) -> None:
    for band, size in (("B02", 12), ("B03", 12), ("B05", 6)):
        path = folder / name / f"{name}_{band}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((size, size), int(band[1:]) * 100, np.uint16)).save(path)
    text = json.dumps({"labels": labels})
    (folder / name / f"{name}_labels_metadata.json").write_text(text)


def test_bigearthnet(tmp_path):
    _patch(tmp_path / "set", "S2A_1", ["Pastures", "Water"])
    _patch(tmp_path / "set", "S2A_2", ["Water"])
    found = _read(tmp_path / "set", "bigearthnet", truth="several")
    assert found.images.shape == (2, 3, 12, 12)
    assert found.truth.tolist() == [[1, 1], [0, 1]]
    assert found.images[0].float().mean((1, 2)).tolist() == pytest.approx([200, 300, 500])
    some = _read(tmp_path / "set", "bigearthnet", truth="several", bands=["B05", "B02"])
    assert some.images[0].float().mean((1, 2)).tolist() == pytest.approx([500, 200])


def _second_version(folder: Path, rows: list[tuple[str, str, list[str]]]) -> None:
    for name, _, labels in rows:
        _patch(folder / "BigEarthNet-S2" / name.rsplit("_", 2)[0], name, labels)
    known = [dict(zip(("patch_id", "split", "labels"), row, strict=True)) for row in rows]
    parquet.write_table(pyarrow.Table.from_pylist(known), folder / "metadata.parquet")


def test_the_second_version_of_bigearthnet(tmp_path):
    """A split is read; a label that only another split has keeps its place."""
    _second_version(tmp_path, [
        ("S2A_T33UUP_26_57", "test", ["Pastures", "Inland waters"]),
        ("S2A_T33UUP_02_11", "test", ["Urban fabric"]),
        ("S2B_T29SNB_75_20", "train", ["Coastal wetlands"]),
        ("S2B_T29SNB_75_21", "validation", ["Pastures"]),
    ])  # fmt: skip
    found = _read(tmp_path, "bigearthnet", truth="several")
    assert found.names == ["S2A_T33UUP_02_11", "S2A_T33UUP_26_57"]
    assert found.truth.tolist() == [[0, 0, 0, 1], [0, 1, 1, 0]]
    assert found.images.shape == (2, 3, 12, 12)
    other = _read(tmp_path, "bigearthnet", truth="several", split="val", bands=["B05"])
    assert other.names == ["S2B_T29SNB_75_21"]
    assert other.images.shape == (1, 1, 6, 6)


def test_what_the_second_version_of_bigearthnet_lacks_is_named(tmp_path):
    _second_version(tmp_path, [("S2A_T33UUP_26_57", "train", ["Pastures"])])
    with pytest.raises(InputError, match="has no patch of 'test'; it has train"):
        _read(tmp_path, "bigearthnet", truth="several")
    shutil.rmtree(tmp_path / "BigEarthNet-S2" / "S2A_T33UUP")
    with pytest.raises(InputError, match="S2A_T33UUP_26_57: has no folder with GeoTIFFs at"):
        _read(tmp_path, "bigearthnet", truth="several", split="train")
    (tmp_path / "metadata.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"metadata\.parquet: cannot be read as Parquet with"):
        _read(tmp_path, "bigearthnet", truth="several")


def test_pixels_without_data(tmp_path):
    images = np.ones((3, 8, 8), np.float32)
    images[:, :, 4:] = -9999
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(3) % 2)
    found = _read(tmp_path / "a.npz", "npz", missing=-9999)
    assert found.valid is not None
    assert torch.equal(found.valid, found.images > 0)


def _scene(path: Path, values: np.ndarray, nodata: float | None = None, names=()) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, rows, columns = values.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": rows, "width": columns, "dtype": values.dtype,
        "crs": "EPSG:32631", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 4e6),
    }  # fmt: skip
    with rasterio.open(path, "w", nodata=nodata, **profile) as file:
        file.write(values)
        for number, name in enumerate(names, start=1):
            file.set_band_description(number, name)
    return path


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Eight scenes of 13 bands as EuroSAT has them; one lacks a quarter, one nearly everything."""
    names = [f"B{number:02d}" for number in range(1, 14)]
    for n in range(8):
        values = np.full((13, 16, 20), 100 * (n + 1), np.int16) + np.arange(13)[:, None, None]
        values = values.astype(np.int16)
        if n == 1:
            values[3, :4] = -9999  # of one band alone
        if n == 6:
            values[:, :13] = -9999
        kind = ("field", "lake")[n % 2]
        _scene(tmp_path / "set" / kind / f"{n}.tif", values, -9999, names)
    return tmp_path / "set"


def test_nodata_of_geotiffs_is_no_value(scenes):
    found = _read(scenes, "folders")
    assert found.images.shape == (7, 13, 16, 20)
    assert list(found.left_out) == ["field/6.tif"]
    gaps = {name for name, own in zip(found.names, found.valid, strict=True) if not own.all()}
    assert gaps == {"lake/1.tif"}
    seen = found.images.masked_select(found.valid)
    assert int(seen.min()) == 100


def test_bands_of_geotiffs_by_name(scenes):
    found = _read(scenes, "folders", bands=["b08", "B02", 1])
    assert found.images[0, :, 0, 0].tolist() == [107, 101, 100]
    message = r"0.tif: has no band 'NIR'; its bands are 1 to 13, or B01, B02"
    with pytest.raises(InputError, match=message):
        _read(scenes, "folders", bands=["NIR"])


def test_what_has_no_data_is_mixed_into_no_smaller_pixel(scenes):
    found = _read(scenes, "folders", size=8)
    place = found.names.index("lake/1.tif")
    image, known = found.images[place], found.valid[place, 0]
    assert image[0][known].tolist() == pytest.approx([200] * int(known.sum()))
    assert not known[0].any()
    assert known[3:].all()


def test_a_value_without_data_is_marked_before_images_are_made_smaller(tmp_path):
    for n in range(4):
        values = np.full((2, 16, 16), 50 + n, np.float32)
        values[:, :, :6] = -1
        _scene(tmp_path / "set" / "ab"[n % 2] / f"{n}.tif", values)
    found = _read(tmp_path / "set", "folders", size=8, missing=-1)
    assert found.images.masked_select(found.valid).min() >= 49.99
    assert not found.valid[..., :2].any()


def test_nan_can_stand_for_no_data(tmp_path):
    images = np.ones((4, 8, 8, 2), np.float32)
    images[1, :3, :, 0] = np.nan
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(4) % 2)
    values = images[1].transpose(2, 0, 1)
    (tmp_path / "set.csv").write_text("image,label\n1.tif,a\n2.tif,b")
    for n in (1, 2):
        _scene(tmp_path / f"{n}.tif", values if n == 1 else np.ones_like(values))
    for name, kind, place in (("a.npz", "npz", 1), ("set.csv", "table", 0)):
        found = _read(tmp_path / name, kind, missing=float("nan"))
        assert not found.valid[place, 0, :3].any()
        assert found.valid[place, 0, 3:].all()
        assert found.images.isfinite().all()


def test_bands_of_bigearthnet_keep_their_nodata(tmp_path):
    for name in ("S2A_1", "S2A_2"):
        _patch(tmp_path / "set", name, ["Water"])
    values = np.full((1, 6, 6), 700, np.uint16)
    values[:, :1] = 0
    _scene(tmp_path / "set" / "S2A_1" / "S2A_1_B05.tif", values, 0)
    found = _read(tmp_path / "set", "bigearthnet", truth="several")
    assert not found.valid[0, 0, 0].any()
    assert found.valid[0, 0, 3:].all()
    assert found.valid[1].all()


def test_arrays_and_volumes_take_a_size_too(tmp_path, medmnist):
    assert _read(medmnist, "npz", size=56).images.shape == (12, 1, 56, 56)
    line = torch.arange(16.0).reshape(1, 16, 1, 1).expand(1, 16, 10, 9)
    lines = ["image,label"]
    for n in range(2):
        save(Volume(line, np.diag([-1.0, 2, 3, 1])), tmp_path / f"{n}.nii.gz")
        lines.append(f"{n}.nii.gz,{n}")
    (tmp_path / "set.csv").write_text("\n".join(lines))
    found = _read(tmp_path / "set.csv", "table", size=8)
    assert found.images.shape == (2, 1, 8, 8, 8)
    along = found.images[0, 0].amax((0, 1))
    assert along[1:-1].tolist() == pytest.approx([2.5, 4.5, 6.5, 8.5, 10.5, 12.5])


def test_white_pictures_that_are_brought_to_a_size_stay_within_the_span_of_8_bits(tmp_path):
    pixels = np.full((300, 300, 3), 255, np.uint8)
    pixels[::7] = 0
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        Image.fromarray(pixels).save(tmp_path / kind / "1.png")
    found = _read(tmp_path, "folders", size=224)
    assert float(found.images.max()) > 255  # by rounding
    assert Bands.of(found.images, span=(0, 255)).span.tolist() == [255, 255, 255]
    with pytest.raises(InputError, match="span is 0 to 254, but the images go from"):
        Bands.of(found.images, span=(0, 254))


def test_bands_by_number(tmp_path):
    images = np.stack([np.full((2, 8, 8), n, np.float32) for n in range(5)], -1)
    np.savez(tmp_path / "a.npz", images=images, labels=[0, 1])
    found = _read(tmp_path / "a.npz", "npz", bands=[5, 1])
    assert found.images[0].mean((1, 2)).tolist() == [4, 0]


def _broken(folder: Path) -> dict[str, tuple[Path, str, dict[str, object], str]]:
    np.savez(folder / "no.npz", pictures=np.zeros(3))
    np.savez(folder / "odd.npz", images=np.zeros((3, 8, 8)), labels=np.zeros(2))
    np.savez(folder / "two.npz", images=np.zeros((3, 8, 8)), labels=np.zeros((3, 4)))
    empty = np.ones((2, 8, 8))
    empty[1, :3] = -1
    np.savez(folder / "empty.npz", images=empty, labels=[0, 1])
    (folder / "text.npz").write_text("no archive")
    np.save(folder / "one.npy", np.zeros(3))
    (folder / "one.npy").rename(folder / "one.npz")
    _picture(folder / "single" / "a" / "1.png", 3)
    (folder / "no.csv").write_text("picture,label\na.png,1")
    (folder / "gap.csv").write_text("image,label\na.png,")
    (folder / "ben" / "patch").mkdir(parents=True)
    _patch(folder / "bands", "p", ["x"])
    return {
        "no images": (folder / "no.npz", "npz", {}, "has no test_images or images; its arrays are"),
        "odd": (folder / "odd.npz", "npz", {}, "has 3 images and 2 labels"),
        "several": (folder / "two.npz", "npz", {}, "has 4 labels an image; use the task several"),
        "no data": (folder / "empty.npz", "npz", {"missing": 1, "limit": 2}, "test 0 0 %"),
        "text": (folder / "text.npz", "npz", {}, "cannot be read as an archive of arrays"),
        "one array": (folder / "one.npz", "npz", {}, "holds one array"),
        "no band": (folder / "empty.npz", "npz", {"bands": [2]}, "no band 2; its bands are 1 to 1"),
        "one class": (folder / "single", "folders", {}, "1 of its folders hold pictures"),
        "no folder": (folder / "no.csv", "folders", {}, "is no folder"),
        "no column": (folder / "no.csv", "table", {}, "has no column image; it has picture, label"),
        "no label": (folder / "gap.csv", "table", {}, "line 2 has no label"),
        "no labels": (folder / "ben", "bigearthnet", {}, "has no patch_labels_metadata.json"),
        "band": (folder / "bands", "bigearthnet", {"bands": ["B99"]}, "has no band 'B99'"),
    }


@pytest.mark.parametrize(
    "what",
    [
        "no images", "odd", "several", "no data", "text", "one array", "no band", "one class",
        "no folder", "no column", "no label", "no labels", "band",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(tmp_path, what):
    path, kind, more, message = _broken(tmp_path)[what]
    with pytest.raises(InputError, match=message):
        _read(path, kind, **more)
