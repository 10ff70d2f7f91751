import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.cli import main
from regkit.geometry import World
from regkit.io import read_transform, save
from regkit.transforms.reprojection import Reprojection
from tests.registration.scenes.pairs import Ground, grid
from tests.registration.scenes.test_scenes import shifted, undone

rasterio = pytest.importorskip("rasterio")
ZONE = World.projected("EPSG:32633")
FILES = {"warped.tif", "transform.h5", "inverse.h5", "displacement.tif", "tie_points.geojson",
         "report.html", "run.json"}  # fmt: skip


def call(*words):
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = main([str(word) for word in words])
    return SimpleNamespace(exit_code=code, output=out.getvalue())


def tagged(path, volumes, names, nodata=0):
    data = np.concatenate([v.data.numpy() for v in volumes]).round().clip(1, 4000)
    with rasterio.open(
        path, "w", driver="GTiff", width=data.shape[1], height=data.shape[2], count=len(data),
        dtype="uint16", nodata=nodata, crs="EPSG:32632",
        transform=rasterio.Affine(10, 0, 689995, 0, -10, 5310005),
    ) as dataset:  # fmt: skip
        dataset.write(data.transpose(0, 2, 1).astype("uint16"))
        for number, name in enumerate(names, start=1):
            dataset.set_band_description(number, name)
        dataset.update_tags(PLATFORM="x")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder, ground = tmp_path_factory.mktemp("scenes"), Ground()
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(shifted))
    double = moving.with_data(2 * moving.data)
    tagged(folder / "ref.tif", [fixed], ["B4"])
    tagged(folder / "scene.tif", [moving, double], ["B4", "B8"])
    return folder


@pytest.fixture(scope="module")
def run(place):
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", place / "out", "-q")
    assert done.exit_code == 0, done.output
    return place / "out"


def test_files_and_record(run):
    versions = json.loads((run / "run.json").read_text())["versions"]
    assert versions["rasterio"] == rasterio.__version__
    assert {each.name for each in run.iterdir()} == FILES
    record = json.loads((run / "run.json").read_text())
    assert record["kind"] == "scene"
    assert record["world"]["crs"] == "EPSG:32632"
    assert record["metrics"]["displacement_mean_m"] == pytest.approx(62.05, abs=0.3)


def test_the_warped_scene_keeps_all_that_its_file_said(run, place):
    with rasterio.open(run / "warped.tif") as found, rasterio.open(place / "scene.tif") as scene:
        for name in ("descriptions", "dtypes", "nodata", "crs", "count"):
            assert getattr(found, name) == getattr(scene, name)
        assert found.tags()["PLATFORM"] == "x"
        assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        with rasterio.open(place / "ref.tif") as ref:
            inside = found.dataset_mask() > 0
            assert np.allclose(found.transform, ref.transform)
            apart = np.abs(found.read(1).astype(float) - ref.read(1))[inside]
            assert 0.7 < inside.mean() < 1
            assert np.median(apart) < 2


def test_displacement_in_units_of_the_crs(run):
    with rasterio.open(run / "displacement.tif") as dataset:
        found = np.median(dataset.read(), (1, 2))
    assert found == pytest.approx([33.7, -52.1], abs=0.3)


def test_the_transform_has_the_points_of_the_crs_for_itk_too(run):
    sitk = pytest.importorskip("SimpleITK")
    point = (691000.0, 5309000.0)
    itk = sitk.ReadTransform(str(run / "transform.h5")).TransformPoint(point)
    own = read_transform(run / "transform.h5")
    assert own.fixed_world.crs == "EPSG:32632"
    assert np.allclose(own(np.array([point]))[0], itk, atol=1e-4)
    assert np.allclose(np.subtract(itk, point), [33.7, -52.1], atol=0.3)


def test_tie_points_are_geojson(run):
    table = json.loads((run / "tie_points.geojson").read_text())
    first = table["features"][0]
    longitude, latitude = first["geometry"]["coordinates"]
    assert 11 < longitude < 12
    assert 47 < latitude < 48.5
    kept = [each["properties"] for each in table["features"] if each["properties"]["kept"]]
    assert np.median([each["dx"] for each in kept]) == pytest.approx(33.7, abs=0.3)


def test_the_report_shows_the_map(run):
    text = (run / "report.html").read_text()
    for words in ("EPSG:32632", "Tie points", "Residuals", "in turn, before", "in turn, after"):
        assert words in text


def test_apply_gives_the_same_file(run, place):
    done = call("apply", place / "scene.tif", "--run", run, "-o", place / "again.tif", "-q")
    assert done.exit_code == 0, done.output
    with rasterio.open(place / "again.tif") as one, rasterio.open(run / "warped.tif") as other:
        assert np.array_equal(one.read(), other.read())
        assert one.descriptions == other.descriptions


def test_bands_are_no_vectors(run, place):
    words = ["apply", place / "scene.tif", "--run", run, "-o", place / "x.tif"]
    refused = call(*words, "--vectors", "--axes", "ras")
    assert "the bands of a scene on the earth are no vectors; leave out" in refused.output


def test_a_map_of_classes_is_asked_about(run, place):
    cover = rk.read(place / "ref.tif").with_data(torch.randint(1, 9, (1, *grid().shape)))
    tagged(place / "cover.tif", [cover], ["cover"])
    words = ["apply", place / "cover.tif", "--run", run, "-o", place / "classes.tif", "-q"]
    refused = call(*words)
    assert refused.exit_code == 2
    assert "cover.tif: looks like a label map, with 8 whole values" in refused.output
    assert call(*words, "--labels").exit_code == 0
    assert set(np.unique(rk.read(place / "classes.tif").data)) <= set(range(9))


@pytest.fixture(scope="module")
def shift(place):
    out = place / "shift"
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", out, "--shift-only",
                "--transform", "translation", "-q")  # fmt: skip
    assert done.exit_code == 0, done.output
    return out


def test_a_shift_resamples_nothing(shift, place):
    with rasterio.open(shift / "shifted.tif") as found, rasterio.open(place / "scene.tif") as scene:
        assert np.array_equal(found.read(), scene.read())
        moved = np.subtract(found.transform[:6], scene.transform[:6])
        assert np.allclose(moved, [0, 0, -33.7, 0, 0, 52.1], atol=0.3)


@pytest.mark.parametrize("word", ["--labels", "--outside=-1", "--voxel=20", "--from=itk"])
def test_what_only_resampling_needs_is_refused_of_a_shift(shift, place, word):
    refused = call("apply", place / "scene.tif", "--run", shift, "-o", place / "no.tif", word)
    assert refused.exit_code == 2
    assert "the run resampled nothing (--shift-only), and so does apply" in refused.output
    assert not (place / "no.tif").exists()


def test_other_files_of_a_scene_are_shifted_likewise(shift, place):
    run, out = shift, place / "coarse_shifted.tif"
    ground = Ground()
    coarse = ground.seen(grid(110, 95, pixel=20.0, corner=(690005.0, 5309995.0)))
    save(coarse, place / "coarse.tif")
    words = ("apply", place / "coarse.tif", "--run", run)
    done = call(*words, "-o", out, "--record", place / "r.json", "-q")
    assert done.exit_code == 0, done.output
    with rasterio.open(out) as found, rasterio.open(place / "coarse.tif") as scene:
        assert np.array_equal(found.read(), scene.read())
        moved = np.subtract(found.transform[:6], scene.transform[:6])
        assert np.allclose(moved, [0, 0, -33.7, 0, 0, 52.1], atol=0.3)
    record = json.loads((place / "r.json").read_text())
    assert record["shift"] == {"by": pytest.approx([-33.7, 52.1], abs=0.3), "crs": "EPSG:32632"}
    again = call("rerun", place / "r.json", "--data", place, "--data", run, "-o", place / "twice_s")
    assert again.exit_code == 0, again.output
    assert (place / "twice_s" / out.name).read_bytes() == out.read_bytes()
    save(rk.Volume(torch.rand(1, 60, 60), grid(60, 60, world=ZONE)), place / "zone.tif")
    for more, why in ((["--labels"], "leave out --labels"), ([], "another CRS"), ([], "stays one")):
        target = "x.png" if why == "stays one" else "x.tif"
        image = place / "zone.tif" if why == "another CRS" else place / "coarse.tif"
        refused = call("apply", image, "--run", run, "-o", place / target, *more)
        assert refused.exit_code == 2
        assert why in refused.output
        assert not (place / target).exists()


def test_again_from_the_record(run, place):
    done = call("rerun", run / "run.json", "--data", place, "-o", place / "twice", "-q")
    assert done.exit_code == 0, done.output
    for name in ("warped.tif", "transform.h5", "tie_points.geojson"):
        assert (place / "twice" / name).read_bytes() == (run / name).read_bytes()


def test_its_own_resolution(place, tmp_path):
    ground = Ground()
    coarse = ground.seen(grid(110, 95, pixel=20.0, corner=(690005.0, 5309995.0)))
    save(coarse, tmp_path / "coarse.tif")
    words = ("register", place / "ref.tif", tmp_path / "coarse.tif", "--keep-resolution", "-q")
    done = call(*words, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with rasterio.open(tmp_path / "out" / "warped.tif") as found:
        assert found.res == (20.0, 20.0)
        with rasterio.open(place / "ref.tif") as ref:
            assert found.bounds == ref.bounds


def test_its_own_resolution_from_another_zone_is_what_its_file_says(place, tmp_path):
    there, ground = Reprojection(grid().world, ZONE), Ground()
    corner = there(np.array([[690000.0, 5310000.0]]))[0] + [-150, 150]
    onto = grid(240, 220, world=ZONE, corner=tuple(corner))
    save(ground.seen(onto, lambda y: undone(shifted)(there.inverse()(y))), tmp_path / "zone.tif")
    words = ("register", place / "ref.tif", tmp_path / "zone.tif", "--keep-resolution", "-q")
    done = call(*words, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with rasterio.open(tmp_path / "out" / "warped.tif") as found:
        assert found.res == (10.0, 10.0)
        assert found.crs == "EPSG:32632"


def test_clouds_by_a_band(place, tmp_path):
    ground = Ground()
    moving = ground.seen(grid(), undone(shifted))
    hidden = torch.zeros(1, 220, 190)
    hidden[:, :100, :80] = 9
    cloudy = moving.with_data(torch.where(hidden > 0, torch.rand(1, 220, 190) * 200, moving.data))
    tagged(tmp_path / "cloudy.tif", [cloudy, moving.with_data(4 + 5 * (hidden > 0))],
           ["B4", "SCL"])  # fmt: skip
    words = ("register", place / "ref.tif", tmp_path / "cloudy.tif", "-q")
    done = call(*words, "-o", tmp_path / "out", "--mask", "scl")
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["metrics"]["overlap"] < 0.9
    done = call(*words, "-o", tmp_path / "other", "--mask", "clouds")
    assert done.exit_code == 2
    assert "neither a file nor a band" in done.output


def test_a_scene_of_elsewhere_leaves_nothing(place, tmp_path):
    tagged(tmp_path / "b.tif", [Ground(5).seen(grid())], ["B4"])
    done = call("register", place / "ref.tif", tmp_path / "b.tif", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "cannot be registered" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("--dice", "1"), ("--init", "centers"), ("--model", "small")])
def test_what_has_no_effect_on_scenes_is_refused(place, tmp_path, words):
    done = call("register", place / "ref.tif", place / "scene.tif", "-o", tmp_path / "o", *words)
    assert done.exit_code == 2
    assert "is not for scenes" in done.output


def test_what_is_for_scenes_is_refused_elsewhere(head, tmp_path):
    path = head.save(tmp_path / "head.nii.gz")
    done = call("register", path, path, "-o", tmp_path / "o", "--shift-only")
    assert done.exit_code == 2
    assert "--shift-only is for two scenes" in done.output
    assert isinstance(rk.read(path), rk.Volume)
