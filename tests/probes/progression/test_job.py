"""`regkit progression`: as a job, on the command line, again from its record, and as a row."""

import csv
import json
from pathlib import Path

import pytest

import regkit as rk
from probes.phantom import known_changes
from probes.progression import ProgressionConfig
from probes.progression.job import ProgressionJob, progression_again
from probes.progression.rows import PROGRESSION_ROWS, make_progression_job
from regkit.cli import main
from regkit.cohort import PairRow
from regkit.errors import InputError
from regkit.runs import InputFile, begin, check, is_finished, run

QUICK = ProgressionConfig(factors=(2, 1), iterations=(4, 6), repeats=0)
STRUCTURES = (("ventricle", (1,)), ("absent", (9,)))


@pytest.fixture(scope="module")
def files(grown, tmp_path_factory):
    """Both visits and the labels of the first."""
    folder = tmp_path_factory.mktemp("visits")
    _, scans, labels = grown
    for name, volume in zip(("first", "second", "labels"), (*scans, labels[0]), strict=True):
        volume.save(folder / f"{name}.nii.gz")
    return folder


def _job(files, out, **more):
    first, second, labels = (files / f"{n}.nii.gz" for n in ("first", "second", "labels"))
    return ProgressionJob(
        first, second, out, labels, STRUCTURES, config=QUICK, **{"years": 2.0, **more}
    )


@pytest.fixture(scope="module")
def done(files, tmp_path_factory):
    job = _job(files, tmp_path_factory.mktemp("runs") / "out")
    return job, run(job)


def test_the_change_is_in_the_table_the_record_and_the_report(grown, done):
    job, finished = done
    course, _, labels = grown
    truth = known_changes(course, labels[0], *course.visits, (1,))[1]
    with (job.folder / "changes.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert float(rows[0]["percent"]) == pytest.approx(truth, abs=0.5)
    assert float(rows[0]["percent_a_year"]) == pytest.approx(
        float(rows[0]["percent"]) / 2, rel=1e-4
    )
    assert rows[1]["percent"] == "n/a"
    assert "has 9" in rows[1]["reason"]
    assert finished.record["changes"][1]["percent"] is None
    report = (job.folder / "report.html").read_text()
    assert "ventricle" in report
    assert "not known" in report
    assert any("not known" in line for line in finished.summary)


def test_its_transform_leads_from_baseline_to_follow_up(grown, done):
    scans = grown[1]
    phi = rk.read_transform(done[0].folder / "transform.h5")
    warped = rk.warp(scans[1], phi, onto=scans[0].grid)
    gain = float(scans[0].data.sum() / warped.data.sum())
    inside = scans[0].data > 20
    apart = (gain * warped.data - scans[0].data)[inside].abs().mean()
    assert float(apart) < 0.1 * float(scans[0].data[inside].mean())


def test_a_finished_run_is_known_and_repeats_from_its_record(files, done, tmp_path):
    job, finished = done
    assert is_finished(job)
    inputs = [InputFile(each.role, each.path) for each in job.inputs()]
    record = json.loads(json.dumps(finished.record))
    again = progression_again(record, inputs, tmp_path / "again")
    assert again.settings() == job.settings()
    with pytest.raises(InputError, match="damaged"):
        progression_again(record, inputs[:1], tmp_path)
    with pytest.raises(InputError, match="damaged"):
        progression_again({**record, "asked": {}}, inputs, tmp_path)


def test_the_command_shows_its_plan_and_writes_nothing(files, tmp_path, capsys):
    words = ["progression", str(files / "first.nii.gz"), str(files / "second.nii.gz")]
    options = [
        "--labels",
        str(files / "labels.nii.gz"),
        "--structure",
        "v=1",
        "--dry-run",
        "--json",
    ]
    assert main([*words, *options, "-o", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["structures"] == {"v": [1]}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("word", ["ventricles", "v=", "=4", "v=4,x"])
def test_a_structure_that_is_none_is_named(files, tmp_path, capsys, word):
    words = ["progression", str(files / "first.nii.gz"), str(files / "second.nii.gz")]
    assert main([*words, "--structure", word, "-o", str(tmp_path / "out")]) == 2
    assert "is no structure" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_asked_is_judged_before_anything_is_read(files, tmp_path):
    here = Path("a.nii")
    with pytest.raises(InputError, match="without labels"):
        check(ProgressionJob(here, here, tmp_path / "out", structures=(("v", (1,)),)))
    with pytest.raises(InputError, match="named twice"):
        check(ProgressionJob(here, here, tmp_path / "out", here, (("v", (1,)), ("v", (2,)))))
    with pytest.raises(InputError, match="years is -1"):
        check(_job(files, tmp_path / "out", years=-1.0))


def test_labels_of_another_visit_are_refused(files, grown, tmp_path):
    other = grown[2][1]
    shifted = type(other)(other.data, other.grid.window((2, 0, 0), other.shape), other.name)
    shifted.save(tmp_path / "shifted.nii.gz")
    job = ProgressionJob(
        files / "first.nii.gz", files / "second.nii.gz", tmp_path / "out",
        tmp_path / "shifted.nii.gz",
    )  # fmt: skip
    with pytest.raises(InputError, match="lies on"):
        begin(job)


def test_a_row_of_a_table_is_such_a_job(files, tmp_path):
    row = PairRow(
        2, {"baseline": (files / "first.nii.gz",), "follow_up": (files / "second.nii.gz",)},
        {"structures": {"v": [1, 2]}, "years": 1.5, "knots": 3.0},
    )  # fmt: skip
    job = make_progression_job(row, tmp_path / "out")
    assert job.structures == (("v", (1, 2)),)
    assert (job.years, job.config.knots) == (1.5, 3.0)
    assert set(row.options) <= set(PROGRESSION_ROWS.options)
    with pytest.raises(InputError, match="structures must be"):
        make_progression_job(PairRow(2, row.files, {"structures": 7}), tmp_path)
    with pytest.raises(InputError, match="knot"):
        make_progression_job(PairRow(2, row.files, {"knot": 7}), tmp_path)
