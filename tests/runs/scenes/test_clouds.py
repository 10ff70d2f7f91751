"""Masks as products have them: classes and bits, in files of their own and larger pixels."""

import json

import numpy as np
import pytest
import torch

from regkit.io import open_image, read_header
from regkit.registration.scenes import GeoScene
from regkit.runs.scenes.clouds import cloud_mask, without_clouds
from tests.registration.scenes.pairs import Ground, grid
from tests.registration.scenes.test_scenes import shifted, undone
from tests.runs.scenes.test_job import call, tagged

rasterio = pytest.importorskip("rasterio")
SCL = np.full((110, 95), 4, "uint8")
SCL[:50, :40] = 9
SCL[50:60, :40] = 3


def quality(path, values, pixel=20, left=689995, **profile):
    """A file of classes or bits, which has no name of its band."""
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[0], height=values.shape[1], count=1,
        dtype=values.dtype, crs="EPSG:32632",
        transform=rasterio.Affine(pixel, 0, left, 0, -pixel, 5310005), **profile,
    ) as dataset:  # fmt: skip
        dataset.write(values.T, 1)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder, ground = tmp_path_factory.mktemp("clouds"), Ground()
    tagged(folder / "ref.tif", [ground.seen(grid())], ["B4"])
    tagged(folder / "scene.tif", [ground.seen(grid(), undone(shifted))], ["B4"])
    quality(folder / "T32_20230601_SCL_20m.tif", SCL)
    return folder


def test_a_file_of_larger_pixels_hides_the_ground_that_it_covers(place):
    headers = tuple(read_header(place / name) for name in ("ref.tif", "scene.tif"))
    scenes = tuple(GeoScene.of(open_image(each)) for each in headers)
    found = without_clouds(str(place / "T32_20230601_SCL_20m.tif"), scenes, headers)
    hidden = ~found[0].bands[0].valid
    assert torch.equal(hidden, torch.from_numpy(np.isin(SCL, (3, 9)).repeat(2, 0).repeat(2, 1)))


def test_a_registration_without_those_clouds(place):
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "out", "-q",
                "--mask", place / "T32_20230601_SCL_20m.tif")  # fmt: skip
    assert done.exit_code == 0, done.output
    record = json.loads((place / "out" / "run.json").read_text())
    assert [each["role"] for each in record["inputs"]] == ["fixed", "moving", "mask"]
    assert record["metrics"]["displacement_mean_m"] == pytest.approx(62.05, abs=0.3)


def test_classes_are_not_mixed(place):
    out = place / "classes.tif"
    done = call("apply", place / "T32_20230601_SCL_20m.tif", "--run", place / "out", "-o", out)
    assert done.exit_code == 0, done.output
    with rasterio.open(out) as dataset:
        assert set(np.unique(dataset.read(1))) <= {0, 3, 4, 9}


def test_a_mask_of_other_ground_is_refused(place):
    quality(place / "elsewhere.tif", SCL, left=789995)
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "none",
                "--mask", place / "elsewhere.tif")  # fmt: skip
    assert done.exit_code == 2
    assert "over the ground of neither scene" in done.output
    assert not (place / "none").exists()


@pytest.mark.parametrize(("name", "hidden"), [
    ("qa_pixel", [True, True, True, True, True, False, False]),
    ("scl", [True, True, False, True, False, False, False]),
    ("pixel_qa", [True, False, False, True, True, False, True]),
    ("bqa", [True, False, True, True, False, False, True]),
    ("", [False, True, True, True, True, True, True]),
])  # fmt: skip
def test_what_each_quality_hides(name, hidden):
    values = {
        # Fill, dilated cloud, cirrus, cloud, shadow; snow and clear are ground.
        "qa_pixel": [1, 2, 4, 8, 16, 32, 64],
        "scl": [0, 3, 4, 9, 5, 6, 11],
        # Of Landsat 8, Collection 1: clear 322 and 2720, water 324, low confidences.
        "pixel_qa": [1, 322, 324, 328, 352, 336, 898],
        "bqa": [1, 2720, 2800, 2976, 2722, 3744, 6816],
        "": [0, 1, 2, 3, 4, 5, 6],
    }[name]  # fmt: skip
    band = Ground().seen(grid(7, 1)).with_data(torch.tensor(values).reshape(1, 7, 1))
    assert cloud_mask(band, name).data.flatten().bool().tolist() == hidden


def test_a_scene_under_clouds_alone_is_refused(place):
    quality(place / "all_SCL.tif", np.full_like(SCL, 8))
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "none",
                "--mask", place / "all_SCL.tif")  # fmt: skip
    assert done.exit_code == 2
    assert "nothing is left" in done.output


def test_a_band_that_hides_all_of_its_scene_is_named(place):
    image = Ground().seen(grid())
    tagged(place / "both.tif", [image, image.with_data(torch.full_like(image.data, 9))],
           ["B4", "SCL"])  # fmt: skip
    done = call("register", place / "ref.tif", place / "both.tif", "-o", place / "none",
                "--mask", "scl")  # fmt: skip
    assert done.exit_code == 2
    assert "band SCL of both.tif: covers all of both.tif; nothing is left" in done.output


def test_bits_of_landsat_that_were_cut_to_a_byte_are_refused(place):
    quality(place / "LC08_QA_PIXEL.tif", np.full((110, 95), 255, "uint8"))
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "cut", "-q",
                "--mask", place / "LC08_QA_PIXEL.tif")  # fmt: skip
    assert done.exit_code == 2
    assert "QA_PIXEL has 8 bits, and those of Landsat have 16" in done.output
    assert not (place / "cut").exists()
