"""What cannot be registered: one line that says why, exit code 2, and nothing written."""

import numpy as np
import pytest

from tests.io.geotiff.scenes import write
from tests.registration.scenes.pairs import Ground, grid
from tests.runs.scenes.test_job import call, tagged

rasterio = pytest.importorskip("rasterio")
SHAPE = (1, 190, 220)


def _utm(left=689995, top=5310005):
    return rasterio.Affine(10, 0, left, 0, -10, top)


def _texture():
    return np.random.default_rng(0).integers(1, 4000, SHAPE).astype("uint16")


def _cut(path):
    write(path, _texture(), transform=_utm(), tiled=True, blockxsize=64, blockysize=64)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _points(path):
    corners = [(0, 0, 9, 48), (0, 220, 9.1, 48), (190, 0, 9, 47.9), (190, 220, 9.1, 47.9)]
    points = [rasterio.control.GroundControlPoint(*each) for each in corners]
    with rasterio.open(path, "w", driver="GTiff", width=220, height=190, count=1, dtype="uint16",
                       gcps=points, crs="EPSG:4326") as dataset:  # fmt: skip
        dataset.write(_texture())


SCENES = {
    "no CRS": (lambda p: write(p, _texture(), crs=None, transform=_utm()), "no CRS"),
    "no overlap": (
        lambda p: write(p, _texture(), transform=_utm(left=789995)), "does not overlap"
    ),
    "another continent": (
        lambda p: write(p, _texture(), crs="EPSG:32755", transform=_utm()),
        "too far apart|does not overlap",
    ),
    "nodata everywhere": (
        lambda p: write(p, np.zeros(SHAPE, "uint16"), transform=_utm(), nodata=0),
        "no band has data and contrast",
    ),
    "a constant band": (
        lambda p: write(p, np.full(SHAPE, 7, "uint16"), transform=_utm()),
        "no band has data and contrast",
    ),
    "cut tiles": (_cut, "cut or damaged"),
    "ground control points": (_points, "ground control points"),
    "a virtual raster": (
        lambda p: p.write_bytes(b"<VRTDataset rasterXSize='8' rasterYSize='8'></VRTDataset>"),
        "VRT",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("refused") / "ref.tif"
    return tagged(path, [Ground().seen(grid())], ["B4"])


def refused(reference, scene, out):
    done = call("register", reference, scene, "-o", out, "-q")
    assert done.exit_code == 2, done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not out.exists()
    return done.output


@pytest.mark.parametrize("what", SCENES)
def test_a_scene_is_refused_in_one_line(what, reference, tmp_path):
    make, why = SCENES[what]
    make(tmp_path / "scene.tif")
    line = refused(reference, tmp_path / "scene.tif", tmp_path / "out")
    assert any(each in line for each in why.split("|")), line
    assert [each.name for each in tmp_path.iterdir()] == ["scene.tif"]


def test_a_reference_in_degrees(reference, tmp_path):
    small = rasterio.Affine(1e-4, 0, 11.5, 0, -1e-4, 47.9)
    degrees = write(tmp_path / "deg.tif", _texture(), crs="EPSG:4326", transform=small)
    assert "UTM zone first" in refused(degrees, reference, tmp_path / "out")


@pytest.mark.parametrize("name", [
    "/vsicurl/http://127.0.0.1:9/a.tif", "http://127.0.0.1:9/a.tif", "GTIFF_DIR:1:a.tif",
    "/vsizip/a.zip/a.tif",
])  # fmt: skip
def test_a_name_that_gdal_would_follow(name, reference, tmp_path):
    assert "not found" in refused(reference, name, tmp_path / "out")
