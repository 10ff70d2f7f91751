"""`Result.report` and `Result.save`: what the command writes, of a result in memory."""

import json

import pytest

import regkit as rk
from regkit import InputError
from regkit.report.html import write_report
from regkit.runs.kinds import job_again
from regkit.runs.register.names import FILES


@pytest.fixture(scope="module")
def saved(result, tmp_path_factory):
    return result.save(tmp_path_factory.mktemp("saved") / "result")


def test_a_saved_result_has_the_files_of_the_command(saved):
    assert {path.name for path in saved.iterdir()} == {*FILES, "run.json"}


def test_its_record_is_that_of_a_run_without_files(saved, result):
    record = json.loads((saved / "run.json").read_text())
    assert record["kind"] == "register"
    assert record["status"] == "done"
    assert record["inputs"] == []
    assert record["seconds"] == pytest.approx(sum(stage.seconds for stage in result.stages))
    assert set(record["sha256"]) == set(FILES)
    assert record["quality"]["verdict"] == result.quality.verdict


def test_its_transform_maps_points_as_before(saved, result):
    points = result.fixed.grid.corners()
    found = rk.read_transform(saved / "transform.h5")(points)
    assert found == pytest.approx(result.transform(points), abs=1e-3)


def test_a_result_is_not_replaced_unasked(saved, result):
    with pytest.raises(InputError, match=r"warped\.nii\.gz.*exists|run\.json.*exists"):
        result.save(saved)
    assert result.save(saved, overwrite=True) == saved


def test_a_saved_result_is_not_run_again(saved, tmp_path):
    record = json.loads((saved / "run.json").read_text())
    with pytest.raises(InputError, match="names no images: its result was saved from Python"):
        job_again(record, [], tmp_path)


def test_the_report_is_one_file(result, tmp_path):
    path = result.report(tmp_path / "report.html")
    assert "visit2.nii.gz" in path.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="nowhere"):
        result.report(tmp_path / "nowhere" / "report.html")


def test_the_name_of_the_last_version_warns(result, tmp_path):
    with pytest.warns(DeprecationWarning, match="call result.report"):
        path = write_report(result, tmp_path / "old.html", run={}, before=None)
    assert path.read_bytes() == result.report(tmp_path / "new.html").read_bytes()
