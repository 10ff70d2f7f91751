"""Bands of classes and bits are no images: they are neither compared nor mixed."""

import json

import numpy as np
import pytest

from tests.registration.scenes.pairs import Ground, grid
from tests.registration.scenes.test_scenes import shifted, undone
from tests.runs.scenes.test_clouds import quality
from tests.runs.scenes.test_job import call, tagged

rasterio = pytest.importorskip("rasterio")
CLEAR, CLOUD = 2720, 2800


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two scenes whose bits come first, with clouds that stand still over ground that moved."""
    folder, ground = tmp_path_factory.mktemp("chosen"), Ground()
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(shifted))
    blocks = np.random.default_rng(0).choice([CLEAR, CLOUD], (10, 10), p=[0.8, 0.2])
    bits = np.kron(blocks, np.ones((22, 22)))
    bits = fixed.with_data(fixed.data.new_tensor(bits[: fixed.shape[0], : fixed.shape[1]])[None])
    tagged(folder / "ref.tif", [bits, fixed], ["QA_PIXEL", "SR_B4"], nodata=None)
    tagged(folder / "scene.tif", [bits, moving], ["QA_PIXEL", "SR_B4"], nodata=None)
    return folder


def registered(place, *more):
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "out", "-q",
                "--overwrite", *more)  # fmt: skip
    assert done.exit_code == 0, done.output
    return json.loads((place / "out" / "run.json").read_text())


def test_bits_of_one_name_are_not_compared(place):
    record = registered(place)
    assert record["reason"].startswith("SR_B4 with SR_B4 (bands of one name)")
    assert record["metrics"]["displacement_mean_m"] == pytest.approx(62.05, abs=0.3)


def test_bits_are_compared_where_they_are_asked_for(place):
    assert "QA_PIXEL with QA_PIXEL" in registered(place, "--channels", "QA_PIXEL,SR_B4")["reason"]


def test_bits_are_neither_mixed_nor_forgotten(place):
    registered(place)
    with rasterio.open(place / "out" / "warped.tif") as dataset:
        assert set(np.unique(dataset.read(1))) <= {0, CLEAR, CLOUD}


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_no_overview_mixes_classes(place, kind):
    registered(place)
    classes = np.random.default_rng(1).choice([4, 9], (1024, 1100)).astype(kind)
    quality(place / "T32_SCL.tif", classes, pixel=2)
    done = call("apply", place / "T32_SCL.tif", "--run", place / "out", "--onto",
                place / "T32_SCL.tif", "-o", place / "classes.tif", "--overwrite")  # fmt: skip
    assert done.exit_code == 0, done.output
    for level in (None, 0):
        with rasterio.open(place / "classes.tif", overview_level=level) as dataset:
            assert set(np.unique(dataset.read(1, masked=True).compressed())) <= {0, 4, 9}


def test_a_band_that_neither_has_is_refused(place):
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "none",
                "--channels", "SR_B4,SR_B9")  # fmt: skip
    assert done.exit_code == 2
    assert "--channels SR_B9: no band of ref.tif (QA_PIXEL, SR_B4)" in done.output
    assert not (place / "none").exists()


def test_masks_of_both_scenes(place):
    hidden = np.full((110, 95), 4, "uint8")
    hidden[:50, :40] = 9
    quality(place / "T32_SCL_20m.tif", hidden)
    record = registered(place, "--mask", "QA_PIXEL", "--mask", place / "T32_SCL_20m.tif")
    assert record["asked"]["masks"] == ["QA_PIXEL"]
    assert [each["role"] for each in record["inputs"]] == ["fixed", "moving", "mask"]
    done = call("rerun", place / "out" / "run.json", "-o", place / "again", "--data", place)
    assert done.exit_code == 0, done.output


def test_of_a_stack_the_band_of_clouds_is_the_mask(place):
    stack = registered(place, "--mask", place / "ref.tif")["metrics"]
    assert stack["windows"] < registered(place)["metrics"]["windows"]
    clear = Ground().seen(grid())
    tagged(place / "two.tif", [clear, clear], ["B4", "B3"])
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "none",
                "--mask", place / "two.tif")  # fmt: skip
    assert done.exit_code == 2
    assert "has 2 bands, 0 of which are called SCL or QA_PIXEL" in done.output
