import json

import numpy as np
import pytest

import regkit as rk
from regkit.geometry import Grid, World
from regkit.runs.scenes.acquisition import acquisition_time
from regkit.runs.scenes.stac import check_stac, stac_item
from tests.registration.scenes.pairs import Ground, grid
from tests.registration.scenes.test_scenes import shifted, undone
from tests.runs.scenes.test_job import call, tagged

rasterio = pytest.importorskip("rasterio")
pystac = pytest.importorskip("pystac")
transform_bounds = pytest.importorskip("rasterio.warp").transform_bounds
TIME = "2015-09-23T08:10:29Z"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder, ground = tmp_path_factory.mktemp("stac"), Ground()
    tagged(folder / "ref.tif", [ground.seen(grid())], ["B4"])
    tagged(folder / "scene.tif", [ground.seen(grid(), undone(shifted))], ["B4"])
    return folder


@pytest.fixture(scope="module")
def run(place):
    words = ("register", place / "ref.tif", place / "scene.tif", "-o", place / "out", "-q")
    done = call(*words, "--stac", TIME)
    assert done.exit_code == 0, done.output
    return place / "out"


def valid(text):
    """Held to the schemas of pystac, which has those of extensions on the network only."""
    item = pystac.Item.from_dict({**json.loads(text), "stac_extensions": []})
    assert item.validate()
    return pystac.Item.from_dict(json.loads(text))


def test_an_item_lies_beside_the_scene(run):
    item = valid((run / "stac_item.json").read_text())
    assert item.id == "scene_to_ref"
    assert item.datetime.isoformat() == "2015-09-23T08:10:29+00:00"
    with rasterio.open(run / "warped.tif") as warped:
        assert item.properties["proj:code"] == str(warped.crs)
        assert item.properties["proj:shape"] == list(warped.shape)
        assert item.properties["proj:transform"] == list(warped.transform)[:6]
        bounds = transform_bounds(warped.crs, "OGC:CRS84", *warped.bounds)
    assert np.allclose(item.bbox, bounds, atol=1e-5)
    assert item.assets["data"].extra_fields["bands"] == [{"name": "B4"}]
    files = {each.name for each in run.iterdir()} - {"stac_item.json", "run.json"}
    assert {each.href.removeprefix("./") for each in item.assets.values()} == files


def test_again_with_its_item(run, place):
    done = call("rerun", run / "run.json", "--data", place, "-o", place / "twice", "-q")
    assert done.exit_code == 0, done.output
    for name in ("stac_item.json", "inverse.h5"):
        assert (place / "twice" / name).read_bytes() == (run / name).read_bytes()


def test_an_item_of_a_shifted_scene(place):
    out = place / "shift"
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", out, "--shift-only",
                "--stac", TIME, "-q")  # fmt: skip
    assert done.exit_code == 0, done.output
    item = valid((out / "stac_item.json").read_text())
    with rasterio.open(out / "shifted.tif") as shifted_file:
        assert item.properties["proj:transform"] == list(shifted_file.transform)[:6]
    assert item.assets["data"].href == "./shifted.tif"


def test_a_time_must_be_known_before_the_work(place, tmp_path):
    for time, why in (("auto", "no tag says when"), ("yesterday", "is no time")):
        done = call("register", place / "ref.tif", place / "scene.tif", "-o", tmp_path / "o",
                    "--stac", time)  # fmt: skip
        assert done.exit_code == 2
        assert why in done.output
        assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("tags", [
    {"DATE_ACQUIRED": "2015-09-23", "SCENE_CENTER_TIME": "08:10:29.3656940Z"},
    {"system-time_start": "1442995829365"},
    {"DATATAKE_1_DATATAKE_SENSING_START": "2015-09-23T08:10:29.365Z"},
])  # fmt: skip
def test_the_time_of_tags(tags):
    found = acquisition_time("auto", {"TIFFTAG_DATETIME": "2001:01:01 00:00:00", **tags}, "a.tif")
    assert found.isoformat()[:23] == "2015-09-23T08:10:29.365"


def test_a_crs_without_a_code_is_told_in_full():
    wkt = rasterio.crs.CRS.from_proj4("+proj=tmerc +lon_0=25 +datum=WGS84").to_wkt()
    place = Grid((30, 20), np.array([[10, 0, -6e4], [0, -10, -3.7e6], [0, 0, 1]]),
                 World.projected(wkt))  # fmt: skip
    files = ("warped.tif", "report.html")
    item = valid(stac_item("a", place, acquisition_time(TIME, {}, "a"), files, ("",)))
    assert item.properties["proj:code"] is None
    assert item.properties["proj:wkt2"].startswith("PROJCRS[")
    assert item.geometry["coordinates"][0][0] == item.geometry["coordinates"][0][-1]


def test_an_item_across_the_antimeridian_is_refused():
    place = Grid((3000, 20), np.array([[100, 0, 7e5], [0, -100, 5e6], [0, 0, 1]]),
                 World.projected("EPSG:32660"))  # fmt: skip
    with pytest.raises(rk.InputError, match=r"a\.tif: lies across the antimeridian"):
        check_stac(place, "a.tif")


def test_the_reference_on_the_grid_of_the_scene(run, place):
    back = place / "back.tif"
    done = call("apply", place / "ref.tif", "--run", run, "--to", "moving", "--onto",
                place / "scene.tif", "-o", back, "-q")  # fmt: skip
    assert done.exit_code == 0, done.output
    with rasterio.open(back) as found, rasterio.open(place / "scene.tif") as scene:
        inside = found.dataset_mask() > 0
        assert np.allclose(found.transform, scene.transform)
        apart = np.abs(found.read(1).astype(float) - scene.read(1))[inside]
    assert 0.7 < inside.mean() < 1
    assert np.median(apart) < 2
