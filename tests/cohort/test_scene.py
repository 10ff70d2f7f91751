"""Rows of scenes on the earth."""

import csv

import numpy as np
import pytest
from PIL import Image

from regkit import InputError
from regkit.cohort import kind_called, plan_cohort, read_pair_table
from tests.registration.scenes.pairs import Ground, grid
from tests.registration.scenes.test_scenes import shifted, undone
from tests.runs.scenes.test_clouds import quality
from tests.runs.scenes.test_job import tagged

pytest.importorskip("rasterio")


@pytest.fixture
def scenes(tmp_path):
    ground = Ground()
    tagged(tmp_path / "ref.tif", [ground.seen(grid())], ["B4"])
    tagged(tmp_path / "scene.tif", [ground.seen(grid(), undone(shifted))], ["B4"])
    tagged(tmp_path / "other.tif", [Ground(seed=7).seen(grid())], ["B4"])
    quality(tmp_path / "T32_SCL_20m.tif", np.pad(np.full((60, 50), 4, "uint8"), ((50, 0), (45, 0))))
    return tmp_path


def planned(scenes, text, kind="scene"):
    path = scenes / "pairs.csv"
    path.write_text(text)
    return plan_cohort(read_pair_table(path), kind_called(kind), scenes / "out")


def test_scenes_are_registered_and_what_does_not_match_is_a_row(scenes, serially):
    plan = planned(
        scenes,
        "fixed,moving,mask,shift_only,stac,max_shift\n"
        "ref.tif,scene.tif,T32_SCL_20m.tif,true,2015-09-23,12\nref.tif,other.tif,,,,12\n",
    )
    serially(plan)
    with (scenes / "out" / "table.csv").open(newline="") as file:
        good, bad = csv.DictReader(file)
    assert good["status"] == "done"
    assert float(good["displacement_mean_m"]) == pytest.approx(62.05, abs=0.3)
    assert bad["status"] == "failed"
    assert "cannot be registered" in bad["error"]
    made = {each.name for each in (scenes / "out" / "scene_to_ref").iterdir()}
    assert {"shifted.tif", "stac_item.json", "report.html", "run.json"} <= made
    assert (scenes / "out" / "thumbnails" / "scene_to_ref.jpg").is_file()


@pytest.mark.parametrize(("kind", "text", "said"), [
    ("scene", "fixed,moving,shift_only\nref.tif,scene.tif,maybe\n", "allowed: true or false"),
    ("scene", "fixed,moving,mask_bands\nref.tif,scene.tif,3\n", "mask_bands is 3; allowed: a band"),
    ("scene", "fixed,moving,max_shift\nref.tif,scene.tif,far\n", "max_shift"),
    ("scene", "fixed,moving,similarity\nref.tif,scene.tif,mi\n", "similarity"),
    ("register", "fixed,moving\nref.tif,scene.tif\n", "many with `regkit cohort scene`"),
])  # fmt: skip
def test_what_is_wrong_with_a_row_of_scenes(scenes, kind, text, said):
    with pytest.raises(InputError) as refused:
        planned(scenes, text, kind)
    assert any(said in each and "line 2" in each for each in refused.value.problems)


def test_a_picture_without_a_place_is_no_scene(scenes):
    Image.fromarray(np.zeros((9, 9), "uint8")).save(scenes / "plain.png")
    with pytest.raises(InputError) as refused:
        planned(scenes, "fixed,moving\nref.tif,plain.png\n")
    assert any("plain.png: has no CRS" in each for each in refused.value.problems)
