"""What a study of domain generalisation must get right."""

import json
from types import SimpleNamespace

import pytest
import yaml

from foundation.studies.cells import read_cells
from foundation.studies.config import read_study
from foundation.studies.generalization.config import GeneralizationConfig
from foundation.studies.generalization.gap import gaps
from foundation.studies.generalization.study import GeneralizationStudy
from regkit import InputError, read
from regkit.cli import main
from regkit.cohort import TableError
from regkit.io import read_labels


@pytest.fixture
def given(cases):
    folder, found = cases
    domains = [{**case, "domain": name} for case, name in zip(found, ("T1", "T2"), strict=True)]
    image = read(folder / found[0]["image"])
    image.with_data(image.data + 1).save(folder / "atlas.nii.gz", overwrite=True)
    atlas = {"image": "atlas.nii.gz", "labels": found[0]["labels"], "subject": "atlas"}
    return folder, {
        "study": "test", "models": ["echo"], "cases": domains, "labels": {"large": 1, "small": 2},
        "sources": ["none", "point", "mask", "atlas"], "in_domain": "T1", "resamples": 200,
        "shifts": [{"name": "noise", "severities": [2]}],
        "atlas": atlas,
    }  # fmt: skip


def read_given(folder, given):
    file = folder / "generalization.yaml"
    file.write_text(yaml.safe_dump(given))
    return file, read_study(file, GeneralizationConfig)


@pytest.fixture
def finish(given, tmp_path, carry_out, monkeypatch):
    def run(**changes):
        folder, settings = given
        study = GeneralizationStudy(*read_given(folder, {**settings, **changes}), tmp_path / "out")
        study.check()
        assert not (tmp_path / "out").exists()
        study.shift_images()
        # In the place of a registration: the labels of the atlas, as a run would leave them.
        atlas = study.plan_atlas()
        for each in atlas.pairs if atlas else ():
            each.job.outputs.folder.mkdir(parents=True)
            labels = folder / f"{each.row.name.partition('_')[0]}_labels.nii.gz"
            (each.job.outputs.folder / "warped_atlas.nii.gz").write_bytes(labels.read_bytes())
        with monkeypatch.context() as patch:
            patch.setattr("foundation.studies.generalization.study.is_whole", lambda job: True)
            plan = study.plan_answers(atlas)
        return carry_out(plan), *study.finish(plan)

    return run


def test_a_case_may_be_called_what_yaml_takes_for_a_number(finish, given):
    (one, _) = given[1]["cases"]
    done, table, _ = finish(cases=[{**one, "name": "0006"}], sources=["mask"], atlas=None)
    assert done.count.failed == 0
    assert {(c.case, c.perturbation) for c in read_cells(table)} == {
        ("0006", "none"), ("0006", "noise")
    }  # fmt: skip


def test_a_report_says_what_the_truth_is_and_that_one_subject_is_too_few(finish, given):
    (one, _) = given[1]["cases"]
    about = {"truth": "a silver standard, by another network.", "sources": ["mask"], "atlas": None}
    _, table, report = finish(cases=[one], **about)
    page = report.read_text()
    assert "What results are compared with: a silver standard, by another network." in page
    assert "Subjects: 1; of one there is no interval, and nothing can be tested." in page
    asked = json.loads((table.parent / "answers" / "echo_one" / "run.json").read_text())["asked"]
    assert "truth" not in asked  # it decides no cell


def test_every_model_domain_and_source_has_a_cell(finish):
    done, table, report = finish()
    cells = read_cells(table)
    assert done.count.failed == 0
    assert len(cells) == 2 * 2 * 2 * 4  # cases, shifts, structures, sources
    states = {(cell.prompt, cell.status) for cell in cells}
    # The echo takes masks alone; what it cannot take is told, not left out.
    assert states == {
        ("none", "unsupported"), ("point", "unsupported"), ("mask", "done"), ("atlas", "done")
    }  # fmt: skip
    assert {c.dice for c in cells if c.prompt == "mask"} == {1.0}
    assert "Dice by domain" in report.read_text()


@pytest.mark.parametrize("record", ["answers/echo_two_noise-2/run.json", "images/two_noise-2.json"])
def test_a_row_repeats_to_the_last_bit_from_its_record(finish, cases, tmp_path, record):
    finish()
    out = tmp_path / "out"
    places = (out / "images", out / "atlas" / "two_noise-2", cases[0])
    words = [word for place in places for word in ("--data", str(place))]
    assert main(["rerun", str(out / record), *words]) == 0


@pytest.mark.parametrize("resume", [True, False])
def test_rows_go_on_with_the_answers_they_have_where_that_is_asked_for(given, tmp_path, resume):
    folder, settings = given
    alone = {**settings, "sources": ["mask"], "atlas": None, "shifts": []}
    study = GeneralizationStudy(*read_given(folder, alone), tmp_path / "out", resume=resume)
    assert {each.job.resume for each in study.plan_answers().pairs} == {resume}


def test_the_shifted_image_is_stored_once_with_its_record(finish, tmp_path):
    finish()
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert names == ["one_noise-2.json", "one_noise-2.nii.gz", "two_noise-2.json",
                     "two_noise-2.nii.gz"]  # fmt: skip


def test_a_registration_that_failed_leaves_a_row(given, carry_out, tmp_path):
    folder, settings = given
    study = GeneralizationStudy(*read_given(folder, {**settings, "shifts": []}), tmp_path / "alone")
    atlas = study.plan_atlas()
    stale = atlas.pairs[0].job.outputs.folder
    stale.mkdir(parents=True)  # as an earlier run left it
    (stale / "warped_atlas.nii.gz").write_bytes((folder / "one_labels.nii.gz").read_bytes())
    plan = study.plan_answers(atlas)
    carry_out(plan)
    table, _ = study.finish(plan)
    atlas = [cell for cell in read_cells(table) if cell.prompt == "atlas"]
    assert {(cell.status, cell.message) for cell in atlas} == {("error", "the atlas is not there")}


def test_a_registration_that_failed_is_in_the_exit_code(given, carry_out, tmp_path, monkeypatch):
    folder, settings = given
    file, _ = read_given(folder, {**settings, "shifts": []})

    def run(plan, *_, **how):
        if plan.kind.name == "register":
            return SimpleNamespace(count=SimpleNamespace(failed=2))
        return carry_out(plan)

    monkeypatch.setattr("regkit.cli.many.run_plan", run)
    words = ["study", "generalization", str(file), "-o", str(tmp_path / "out")]
    assert main(words) == 3
    assert (tmp_path / "out" / "study.html").is_file()


def test_another_model_can_be_the_prompt(finish):
    _, table, _ = finish(sources=["mask", "model:echo"])
    other = [cell for cell in read_cells(table) if cell.prompt == "model:echo"]
    assert {cell.status for cell in other} == {"unsupported"}  # the echo of no prompt
    assert all("echo" in cell.message for cell in other)


@pytest.fixture
def label_maps_of_another(given, tmp_path):
    """What nnU-Net would leave: the label maps of the cases, with names of its own."""
    folder, settings = given
    place = tmp_path / "predicted"
    place.mkdir()
    for case in settings["cases"]:
        labels = (folder / case["labels"]).read_bytes()
        (place / case["image"]).write_bytes(labels)
    names = {"background": 0, "large": 1, "other": 2}
    (place / "dataset.json").write_text(json.dumps({"labels": names, "file_ending": ".nii.gz"}))
    return f"predictions={place}"


def test_a_structure_that_another_model_does_not_know_is_not_all_that_it_knows(
    finish, label_maps_of_another
):
    """Its answer without a name would be both structures together, as the prompt for either."""
    source = f"model:{label_maps_of_another}"
    _, table, report = finish(
        models=["echo", label_maps_of_another], sources=["none", "class", "mask", source],
        shifts=[], atlas=None,
    )  # fmt: skip
    cells = read_cells(table)
    by = {(c.prompt, c.label): (c.status, c.dice) for c in cells if c.model == "echo"}
    assert by[source, "large"] == ("done", 1.0)
    assert by[source, "small"] == ("unsupported", None)
    by = {(c.prompt, c.label): (c.status, c.dice) for c in cells if c.model != "echo"}
    assert by["class", "large"] == ("done", 1.0)
    assert by["class", "small"] == by["none", "large"] == ("unsupported", None)
    assert "knows several structures (large, other); ask by class" in report.read_text()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": ["mask", "atlsa"]}, "no source of prompts; did you mean 'atlas'"),
        ({"sources": ["mask", "mask"]}, "sources name 'mask' twice"),
        ({"oracle": "masc"}, "oracle is 'masc', which is not among the sources; did you mean"),
        ({"baseline": "box"}, "baseline is 'box', which is not among the sources; allowed"),
        ({"shifts": [{"name": "gamma", "severities": [1, 1]}]}, "of gamma name 1 twice"),
        ({"sources": ["model:ecko"]}, "did you mean 'echo'"),
        ({"in_domain": "CT"}, "allowed: T1, T2"),
        ({"shifts": [{"name": "gama", "severities": [1]}]}, "did you mean 'gamma'"),
        ({"shifts": [{"name": "gamma", "severities": [6]}]}, "severities"),
        ({"atlas": None}, "needs an atlas"),
        ({"atlas": {"image": "a", "labels": "b", "subject": "one"}}, "who is among the cases"),
        ({"atlas": {"image": "a", "labels": "b"}}, "subject: Field required"),
    ],
)
def test_a_configuration_that_cannot_be_carried_out_is_refused(given, changes, said):
    folder, settings = given
    with pytest.raises(InputError, match=said):
        read_given(folder, {**settings, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"registration": {"preset": "fsat"}}, TableError, "preset 'fsat' does not exist"),
        ({"registration": {"sed": 1}}, TableError, "did you mean 'seed'"),
        ({"atlas": {"image": "one.nii.gz"}}, InputError, "the atlas is the image of case 'one'"),
        ({"atlas": {"labels": "swapped.nii.gz"}}, InputError, "lies to the right of"),
        ({"atlas": {"labels": "sevens.nii.gz"}}, InputError, "which sevens.nii.gz lacks"),
    ],
)
def test_what_registration_would_stumble_over_is_refused_before_anything_starts(
    given, tmp_path, changes, error, said
):
    folder, settings = given
    labels = read_labels(folder / settings["cases"][0]["labels"])
    labels.with_data((3 - labels.data) * (labels.data > 0)).save(
        folder / "swapped.nii.gz", overwrite=True
    )
    labels.with_data(labels.data * 7).save(folder / "sevens.nii.gz", overwrite=True)
    middle = [float(labels.grid.world_points()[labels.data[0] == n][:, 0].mean()) for n in (1, 2)]
    names = ("left ball", "right ball") if middle[0] < middle[1] else ("right ball", "left ball")
    atlas = {**settings["atlas"], **changes.get("atlas", {})}
    wrong = {**settings, **changes, "atlas": atlas, "labels": dict(zip(names, (1, 2), strict=True))}
    study = GeneralizationStudy(*read_given(folder, wrong), tmp_path / "out")
    with pytest.raises(error) as caught:
        study.check()
    lines = caught.value.lines() if error is TableError else [str(caught.value)]
    assert any(said in line for line in lines)
    assert not (tmp_path / "out").exists()


def test_the_atlas_may_have_a_table_of_its_own(finish, given, tmp_path):
    folder, settings = given
    labels = read_labels(folder / settings["cases"][0]["labels"])
    labels.with_data(labels.data * 7).save(folder / "sevens.nii.gz", overwrite=True)
    atlas = {**settings["atlas"], "labels": "sevens.nii.gz", "table": "sevens"}
    # The fixture puts the label maps of the cases where a registration would put the atlas's.
    done, table, _ = finish(atlas=atlas, tables={"sevens": {"large": 7}}, shifts=[])
    assert done.count.failed == 0
    found = {(c.label, c.status) for c in read_cells(table) if c.prompt == "atlas"}
    assert found == {("large", "empty_prompt"), ("small", "empty_prompt")}


def test_the_share_of_the_gap_is_a_ratio_of_means(given, cell):
    _, config = read_given(*given)
    scores = {"point": (0.2, 0.4), "atlas": (0.6, 0.7), "mask": (0.8, 0.8)}
    cells = [
        cell(model="echo", prompt=prompt, perturbation="T2", subject=subject, label=label,
             dice=value + more)
        for prompt, values in scores.items()
        for subject, value in zip("pq", values, strict=True)
        for label, more in (("large", 0.1), ("small", -0.1))  # two structures are no two subjects
    ]  # fmt: skip
    (found,) = (each for each in gaps(config, cells, ["T2"]) if each.source == "atlas")
    assert found.gap == pytest.approx(0.5)
    assert found.share == pytest.approx(0.7)
    # Drawn subjects are p and p, p and q, or q and q.
    assert (found.interval.low, found.interval.high) == pytest.approx((0.4 / 0.6, 0.3 / 0.4))
    assert (found.gap_interval.low, found.gap_interval.high) == pytest.approx((0.4, 0.6))
    assert found.subjects == 2


def test_where_there_is_no_gap_no_share_of_it_is_told(given, cell):
    _, config = read_given(*given)
    cells = [
        cell(model="echo", prompt=prompt, perturbation="T2", subject=subject, dice=0.8)
        for prompt in ("point", "atlas", "mask")
        for subject in "pq"
    ]
    assert {each.share for each in gaps(config, cells, ["T2"])} == {None}
