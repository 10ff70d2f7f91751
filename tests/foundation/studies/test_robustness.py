"""What a study of prompt robustness must get right, from its configuration to its table."""

import re
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from foundation.prompts import Prompts, box_of_mask, seed_of
from foundation.segmenters import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from foundation.segmenters.echo import open_echo
from foundation.studies.asking import Question, ask, show
from foundation.studies.cells import read_cells
from foundation.studies.kept_answers import ANSWERS
from foundation.studies.robustness.study import plan_robustness
from foundation.studies.scores import structure
from regkit import Grid, InputError, Volume, read
from regkit.cli import main
from regkit.cohort import TableError
from regkit.io import read_labels
from regkit.volume import Labels

from .conftest import AFFINE

LABELS = ("large", "small")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, request):
    return tmp_path_factory.mktemp("study") / "out"


def test_the_echo_has_the_dice_of_its_prompt(run_robustness, tmp_path):
    done, (table, report) = run_robustness(tmp_path / "out")
    cells = read_cells(table)
    assert done.count.failed == 0
    assert len(cells) == 2 * 2 * 6
    measured = [cell for cell in cells if cell.status == "done"]
    assert all(cell.dice == pytest.approx(cell.prompt_dice) for cell in measured)
    assert all(c.dice == c.surface_dice == 1 for c in measured if c.perturbation == "none")
    assert "Dice over the magnitude" in report.read_text()


def test_a_prompt_by_box_has_its_dice_too(run_robustness, cases, tmp_path):
    """The box filled holds the ball, and what the ratio of their volumes says beside it."""
    _, (table, _) = run_robustness(
        tmp_path / "out", prompt="box", labels={"large": 1},
        perturbations=[{"name": "jitter_box", "magnitudes": [4]}],
    )  # fmt: skip
    cells = read_cells(table)
    assert {cell.status for cell in cells} == {"done"}
    assert all(cell.dice == pytest.approx(cell.prompt_dice) for cell in cells)
    truth = structure(read_labels(cases[0] / "one_labels.nii.gz"), (1,))
    volume = float(np.prod(box_of_mask(truth).size)) / truth.grid.voxel_volume
    clean = next(cell.dice for cell in cells if (cell.case, cell.magnitude) == ("one", 0))
    ball = float(truth.data.sum())
    assert clean == pytest.approx(2 * ball / (ball + volume), rel=0.03)


def test_more_of_a_perturbation_is_worse_for_the_echo(run_robustness, tmp_path):
    _, (table, _) = run_robustness(
        tmp_path / "out", perturbations=[{"name": "dilate", "magnitudes": [1, 2, 3, 4, 5, 6]}]
    )
    for label in ("large", "small"):
        own = [c for c in read_cells(table) if c.label == label and c.case == "one"]
        found = spearmanr([c.magnitude for c in own], [c.dice for c in own])
        assert found.statistic <= -0.9


@pytest.mark.parametrize("name", ["0006", "1e3", "no", "2026-01-01"])
def test_a_case_may_be_called_what_yaml_takes_for_a_number(run_robustness, cases, tmp_path, name):
    done, (table, _) = run_robustness(
        tmp_path / "out", cases=[{**cases[1][0], "name": name}], labels={"large": 1},
        perturbations=[{"name": "dilate", "magnitudes": [2]}],
    )  # fmt: skip
    assert done.count.failed == 0
    assert {cell.case for cell in read_cells(table)} == {name}


def test_what_is_not_random_is_asked_once_and_the_rest_with_every_seed(run_robustness, tmp_path):
    _, (table, _) = run_robustness(tmp_path / "out", seeds=[3, 4], labels={"large": 1})
    asked = Counter((c.case, c.perturbation, c.magnitude) for c in read_cells(table))
    times = {key[1]: count for key, count in asked.items()}
    assert times == {"none": 1, "dilate": 1, "erode": 1, "shift": 2}
    shifts = {c.seed: c.dice for c in read_cells(table) if c.perturbation == "shift"}
    assert shifts[3] != shifts[4]


def test_magnitudes_are_relative_to_the_structure_whatever_the_prompt(run_robustness, tmp_path):
    """A ball of 11 mm, with a mask, a box and a point: 5.5 mm is half of its radius."""
    found = {}
    for prompt, name in (("mask", "shift"), ("box", "jitter_box"), ("points", "misplace_points")):
        _, (table, _) = run_robustness(
            tmp_path / prompt, prompt=prompt, labels={"large": 1},
            perturbations=[{"name": name, "magnitudes": [5.5]}],
        )  # fmt: skip
        found[prompt] = {c.relative for c in read_cells(table) if c.perturbation == name}
    assert found["mask"] == found["box"] == found["points"]
    assert all(share == pytest.approx(0.5, abs=0.06) for share in found["mask"])


def test_every_number_of_the_report_says_of_how_many_subjects_it_is(run_robustness, tmp_path):
    _, (_, report) = run_robustness(tmp_path / "out", models=["echo", "sam-med3d"], seed=5)
    page = report.read_text()
    assert "from 200 draws of subjects with the seed 5" in page
    tables = {
        found[1]: found[0]
        for found in re.findall(r"(?s)(<h2[^>]*>([^<]*)</h2>.*?</section>)", page)
    }
    # The echo is its own prompt.
    assert "+0.000 [+0.000, +0.000] (n = 2)" in tables["All conditions"]
    for title in ("All conditions", "Failures", "Structures"):
        means = re.findall(r"<td[^>]*>\s*([^<]*\[[^<]*)</td>", tables[title])
        assert len(means) >= 6
        assert all("(n = 2)" in mean for mean in means)
    assert "Volume error" in tables["All conditions"]
    assert "download sam_med3d_turbo.pth" in tables["What was not measured"]
    assert "Every model has its cells" in page


def test_an_empty_prompt_is_no_answer(run_robustness, tmp_path):
    _, (table, report) = run_robustness(tmp_path / "out")
    gone = [c for c in read_cells(table) if c.perturbation == "erode" and c.magnitude == 8]
    small = [c for c in gone if c.label == "small"]
    assert {c.status for c in small} == {"empty_prompt"}
    assert {c.dice for c in small} == {None}
    assert "2 prompts were empty" in report.read_text()


def test_a_perturbation_of_which_nothing_is_left_has_no_curve(run_robustness, tmp_path):
    gone = {"name": "erode", "magnitudes": [30]}
    shown = {"name": "dilate", "magnitudes": [2]}
    _, (_, report) = run_robustness(tmp_path / "out", perturbations=[gone, shown])
    assert re.findall(r"Dice over the magnitude of ([^\"<]*)", report.read_text())[:1] == ["dilate"]


def test_a_structure_that_an_image_lacks_is_told(run_robustness, cases, tmp_path):
    folder, found = cases
    labels = read_labels(folder / "two_labels.nii.gz")
    without = labels.with_data(labels.data * (labels.data == 1))
    without.save(folder / "lacking_labels.nii.gz")
    lacking = {**found[1], "labels": "lacking_labels.nii.gz"}
    _, (table, _) = run_robustness(tmp_path / "out", cases=[found[0], lacking])
    states = {c.status for c in read_cells(table) if (c.case, c.label) == ("two", "small")}
    assert states == {"empty_truth"}


def test_a_structure_that_no_image_has_is_refused(robustness, tmp_path):
    file, config = robustness(labels={"large": 1, "gone": [7, 8]})
    with pytest.raises(InputError, match=r"'gone' is 7, 8, which no label map holds; .* 1, 2"):
        plan_robustness(file, config, tmp_path / "out")


def test_a_stopped_study_goes_on_to_the_same_bytes(run_robustness, tmp_path):
    folder = tmp_path / "out"
    _, (table, _) = run_robustness(folder)
    whole = table.read_bytes()
    shutil.rmtree(folder / "echo_two")
    table.unlink()
    done, _ = run_robustness(folder, resume=True)
    assert (done.count.before, done.count.done) == (1, 2)
    assert table.read_bytes() == whole


class Stopped(BaseException):
    """As a kill."""


@pytest.fixture
def counted(monkeypatch):
    """An echo that counts what it is asked, and stops the study at a question of one's choice."""

    class Counted(Fake):
        count, stop = 0, None

        def segment(self, prompts):
            self.count += 1
            if self.count == self.stop:
                raise Stopped
            return Segmentation.of(prompts.mask)

    model = Counted(None)
    monkeypatch.setattr("foundation.studies.job.open_segmenter", lambda name: model)
    return model


def test_a_row_that_was_stopped_goes_on_with_the_next_question(run_robustness, counted, tmp_path):
    _, (table, _) = run_robustness(tmp_path / "whole")
    whole, asked = table.read_bytes(), counted.count
    counted.count, counted.stop = 0, 8
    with pytest.raises(Stopped):
        run_robustness(tmp_path / "out")
    part = tmp_path / "out" / "echo_one" / ANSWERS
    with part.open("a") as file:
        file.write('{"study": "half a li')  # killed while it wrote
    counted.count, counted.stop = 0, None
    _, (table, _) = run_robustness(tmp_path / "out", resume=True)
    assert counted.count == asked - 7
    assert table.read_bytes() == whole
    assert sorted(path.name for path in part.parent.iterdir()) == ["cells.parquet", "run.json"]


@pytest.mark.parametrize("change", [{"tolerance": 1.0}, {"resume": False}])
def test_answers_of_another_study_or_run_are_not_taken(run_robustness, counted, tmp_path, change):
    counted.stop = 8
    with pytest.raises(Stopped):
        run_robustness(tmp_path / "out")
    counted.count, counted.stop = 0, None
    run_robustness(tmp_path / "out", **{"resume": True, **change})
    before = counted.count
    counted.count = 0
    run_robustness(tmp_path / "other", **{**change, "resume": False})
    assert counted.count == before
    assert not list((tmp_path / "out").rglob("*.part*"))


def test_an_error_is_asked_again(run_robustness, counted, tmp_path):
    segment, failing = counted.segment, [RuntimeError("out of memory"), Stopped()]

    def worse(prompts):
        if counted.count >= 3 and failing:
            raise failing.pop(0)
        return segment(prompts)

    counted.segment = worse
    with pytest.raises(Stopped):
        run_robustness(tmp_path / "out")
    _, (table, _) = run_robustness(tmp_path / "out", resume=True)
    assert {cell.status for cell in read_cells(table)} == {"done", "empty_prompt"}


def test_a_row_repeats_to_the_last_bit_from_its_record(run_robustness, cases, tmp_path):
    run_robustness(tmp_path / "out")
    record = tmp_path / "out" / "echo_one" / "run.json"
    assert main(["rerun", str(record), "--data", str(cases[0])]) == 0


def test_what_only_the_report_is_told_asks_nothing_again(run_robustness, tmp_path):
    run_robustness(tmp_path / "out")
    done, _ = run_robustness(tmp_path / "out", resume=True, failure_below=0.8, level=0.9)
    assert done.count.before == 2


def test_every_case_and_structure_has_draws_of_its_own(run_robustness, tmp_path, monkeypatch):
    named = []

    def noted(*names):
        named.append(names)
        return seed_of(*names)

    monkeypatch.setattr("foundation.studies.robustness.job.seed_of", noted)
    run_robustness(tmp_path / "out", perturbations=[{"name": "shift", "magnitudes": [3]}])
    wanted = {(0, case, label, "shift", 3.0) for case in ("one", "two") for label in LABELS}
    assert set(named) == wanted
    assert len({seed_of(*names) for names in named}) == 4


def test_cells_do_not_depend_on_what_else_is_asked(run_robustness, tmp_path):
    _, (table, _) = run_robustness(tmp_path / "all")
    _, (other, _) = run_robustness(
        tmp_path / "one", perturbations=[{"name": "shift", "magnitudes": [3]}], labels={"small": 2}
    )

    def draws(path):
        return {
            (c.case, c.realised, c.dice)
            for c in read_cells(path)
            if (c.perturbation, c.label) == ("shift", "small")
        }

    assert draws(table) == draws(other)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models": ["ecko"]}, "did you mean 'echo'"),
        ({"models": ["echo", "echo"]}, "models name 'echo' twice"),
        ({"seeds": [1, 1]}, "seeds name 1 twice"),
        ({"cases": [{"name": 6, "image": "a", "labels": "b"}]}, r"name: .*got 6\); write it in q"),
        ({"models": "echo"}, r"got 'echo'\); write a list, such as \[a, b\]"),
        ({"perturbations": [{"name": "dilate", "magnitudes": [2, 2]}]}, "of dilate name 2.0 twice"),
        ({"perturbations": [{"name": "dilate", "magnitude": [2]}]}, "did you mean 'magnitudes'"),
        ({"perturbations": [{"name": "dilat", "magnitudes": [1]}]}, "did you mean 'dilate'"),
        ({"perturbations": [{"name": "dilate", "magnitudes": [0]}]}, "greater than 0"),
        ({"perturbations": [{"name": "dilate", "magnitudes": []}]}, "at least 1"),
        ({"labels": {"all": 0}}, "which is background"),
        ({"prompt": "maks"}, "did you mean 'mask'"),
        ({"cases": [{"name": "a", "image": "a", "labels": "a"}]}, "its labels are its image; give"),
        ({"magnitude": 3}, "magnitude"),
        ({"prompt": "logits"}, "logits are no prompt but how a model encodes one; write mask"),
        ({"prompt": "box"}, "dilate perturbs a prompt of the kind mask"),
        ({"perturbations": [{"name": "partial", "magnitudes": [2]}]}, "a share from 0 to 1"),
        ({"perturbations": [{"name": "cube_erode", "magnitudes": [1.5]}]}, "whole number"),
    ],
)
def test_a_configuration_that_cannot_be_carried_out_is_refused(robustness, changes, said):
    with pytest.raises(InputError, match=said):
        robustness(**changes)


def test_a_structure_without_a_value_is_refused(robustness, tmp_path):
    file, config = robustness(labels={"large": 1, "small": []})
    with pytest.raises(InputError, match="'small' has no value; give one"):
        plan_robustness(file, config, tmp_path / "out")


def test_cases_that_are_not_there_are_named_before_anything_starts(robustness, cases, tmp_path):
    _, found = cases
    wrong = [found[0], {**found[1], "image": "tow.nii.gz"}]
    file, config = robustness(cases=wrong)
    with pytest.raises(TableError, match="1 problem") as error:
        plan_robustness(file, config, tmp_path / "out")
    assert any("case 2" in line and "tow.nii.gz" in line for line in error.value.lines())
    assert not (tmp_path / "out").exists()


@pytest.fixture
def sides(cases):
    """The values of the ball to the left, and of that to the right."""
    labels = read(cases[0] / "one_labels.nii.gz")
    points = labels.grid.world_points()
    return sorted((1, 2), key=lambda value: float(points[labels.data[0] == value][:, 0].mean()))


def test_left_and_right_that_are_exchanged_are_refused_before_anything_starts(
    robustness, tmp_path, sides
):
    left, right = sides
    names = ("left ball", "right ball"), ("ball_lh", "ball_rh"), ("Ball L", "Ball R")
    for one, other in names:
        plan_robustness(*robustness(labels={one: left, other: right}), tmp_path / "out")
        file, config = robustness(labels={one: right, other: left})
        with pytest.raises(InputError, match=f"labels.nii.gz: {one} lies to the right of {other}"):
            plan_robustness(file, config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_row_that_fails_has_no_cells_not_those_of_an_earlier_run(run_robustness, cases, tmp_path):
    folder, found = cases
    run_robustness(tmp_path / "out")
    image = read(folder / found[1]["image"])
    image.with_data(image.data * torch.nan).save(
        folder / "nan.nii.gz", overwrite=True
    )  # its header is right
    done, (table, report) = run_robustness(
        tmp_path / "out", resume=True, cases=[found[0], {**found[1], "image": "nan.nii.gz"}]
    )
    assert done.count.failed == 1
    assert {cell.case for cell in read_cells(table)} == {"one"}
    assert "1 rows, of one model and one image each, failed" in report.read_text()


@pytest.fixture
def renumbered(cases):
    """The second case, whose label map gives the structures other values."""
    folder, found = cases
    labels = read_labels(folder / "two_labels.nii.gz")
    other = labels.with_data(labels.data * 7)  # 7 and 14
    other.save(folder / "other_labels.nii.gz", overwrite=True)
    return [found[0], {**found[1], "labels": "other_labels.nii.gz", "table": "sevens"}]


def test_label_maps_from_elsewhere_are_harmonised_by_a_table(
    run_robustness, renumbered, cases, tmp_path
):
    _, (table, _) = run_robustness(tmp_path / "one")
    sevens = {"large": 7, "small": 14}
    _, (other, _) = run_robustness(tmp_path / "two", cases=renumbered, tables={"sevens": sevens})
    assert [replace(c, study="") for c in read_cells(table)] == [
        replace(c, study="") for c in read_cells(other)
    ]
    record = tmp_path / "two" / "echo_two" / "run.json"
    assert main(["rerun", str(record), "--data", str(cases[0])]) == 0


def test_a_structure_that_a_table_lacks_is_not_in_its_label_maps(
    run_robustness, renumbered, tmp_path
):
    _, (table, _) = run_robustness(
        tmp_path / "out", cases=renumbered, tables={"sevens": {"large": 7}}
    )
    states = {c.status for c in read_cells(table) if (c.case, c.label) == ("two", "small")}
    assert states == {"empty_truth"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"large": 14, "small": 7}, "left and right"),
        ({"large": 7, "small": 2}, "'small' is 2 by the table 'sevens', which other_labels"),
        ({"large": 7, "smal": 14}, "'smal'; did you mean 'small'"),
        ({"large": 7, "small": 0}, "background"),
        (None, "case 'two' has the table 'sevens'"),
    ],
)
def test_a_table_that_takes_one_structure_for_another_is_refused(
    robustness, renumbered, sides, tmp_path, table, said
):
    changes = {"cases": renumbered, "tables": {} if table is None else {"sevens": table}}
    if said == "left and right":
        names = dict(zip(sides, ("left ball", "right ball"), strict=True))
        changes["labels"] = {names[1]: 1, names[2]: 2}
        changes["tables"] = {"sevens": {names[1]: 14, names[2]: 7}}
        said = "left ball lies to the right of right ball"
    with pytest.raises(InputError, match=said):
        plan_robustness(*robustness(**changes), tmp_path / "out")


class Fake:
    """A model of somebody else."""

    name = "fake"

    def __init__(self, answer, **about):
        self.answer, self.image = answer, None
        self.capabilities = Capabilities(open_echo(None).capabilities.kinds, **about)

    def set_image(self, image):
        self.image = image

    def segment(self, prompts):
        return self.answer(self.image, prompts)

    def reset(self):
        self.image = None


@pytest.fixture
def question(cases, cell):
    folder, _ = cases
    image = read(folder / "one.nii.gz")
    labels = Labels(read(folder / "one_labels.nii.gz").data.to(int), image.grid)
    truth = structure(labels, (1,))
    return image, Question(cell(dice=None), Prompts(mask=truth), truth)


def raises(error):
    def answer(image, prompts):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (raises(RuntimeError("out of\nmemory")), "error", "RuntimeError: out of memory"),
        (raises(UnsupportedPromptError("takes none")), "unsupported", "takes none"),
        (
            lambda image, prompts: Segmentation.of(
                Volume(image.data[:, 1:], image.grid.window((1, 0, 0), (39, 44, 24)))
            ),
            "error",
            "not the grid of the image",
        ),
        (
            lambda image, prompts: Segmentation.of(image.with_data(0 * image.data.float())),
            "empty_result",
            "",
        ),
    ],
)
def test_what_goes_wrong_in_a_model_is_a_row(question, answer, status, said):
    image, asked = question
    model = show(lambda: Fake(answer), image)
    found = ask(model, asked, 2.0)
    assert found.status == status
    assert said in found.message
    assert found.dice == (0.0 if status == "empty_result" else None)


def test_missing_and_random_weights_are_unsupported(question):
    image, _ = question

    def missing():
        raise MissingWeightsError("put model.pth into models/")

    assert show(missing, image) == ("unsupported", "put model.pth into models/")
    state, said = show(lambda: Fake(None, trained=False), image)
    assert state == "unsupported"
    assert "random weights" in said


def test_without_its_weights_a_model_is_unsupported_and_the_rest_runs(run_robustness, tmp_path):
    done, (table, report) = run_robustness(tmp_path / "out", models=["echo", "sam-med3d"])
    cells = read_cells(table)
    told = {cell.message for cell in cells if cell.model == "sam-med3d" and cell.status != "done"}
    assert done.count.failed == 0
    assert len(told) == 1
    assert "download sam_med3d_turbo.pth" in told.pop()
    assert sum(cell.status == "done" for cell in cells if cell.model == "echo") > 10
    assert "sam-med3d: nothing could be measured" in report.read_text()


def test_a_model_that_knows_the_truth_is_flat_at_one(run_robustness, cases, tmp_path, monkeypatch):
    """Whatever is done to the prompt, its scores are perfect, and no difference is found."""
    folder, found = cases

    class Oracle(Fake):
        def segment(self, prompts):
            truths = [read_labels(folder / each["labels"]) for each in found]
            truth = next(each for each in truths if self.image.name.startswith(each.name[:3]))
            inside = truth.data == self.asked
            return Segmentation.of(Volume(inside.float(), self.image.grid))

    oracle = Oracle(None)
    oracle.asked = 1
    monkeypatch.setattr("foundation.studies.job.open_segmenter", lambda name: oracle)
    _, (table, report) = run_robustness(tmp_path / "out", labels={"large": 1})
    measured = [cell for cell in read_cells(table) if cell.status == "done"]
    assert len(measured) == 2 * 6
    perfect = {(c.dice, c.surface_dice, c.hd95, c.volume_error) for c in measured}
    assert perfect == {(1.0, 1.0, 0.0, 0.0)}
    assert min(c.prompt_dice for c in measured) < 0.7  # the echo is far from flat
    assert "+0.000 [+0.000, +0.000] (n = 2)" in report.read_text()


@pytest.mark.parametrize("voxels", [1, 3, 5])
def test_the_dice_of_the_echo_is_that_of_a_formula(run_robustness, tmp_path, voxels):
    """A cube of n voxels an axis and one of n + 2 k, one of n - 2 k, and what that one leaves."""
    side = 9
    image = torch.randn(1, 30, 28, 26, generator=torch.Generator().manual_seed(0))
    inside = torch.zeros(1, 30, 28, 26, dtype=torch.uint8)
    inside[0, 9 : 9 + side, 9 : 9 + side, 8 : 8 + side] = 1
    grid = Grid(image.shape[1:], AFFINE)
    Volume(image, grid).save(tmp_path / "cube.nii.gz")
    Labels(inside, grid).save(tmp_path / "cube_labels.nii.gz")
    case = {"name": "cube", "image": str(tmp_path / "cube.nii.gz"),
            "labels": str(tmp_path / "cube_labels.nii.gz")}  # fmt: skip
    _, (table, _) = run_robustness(
        tmp_path / "out", cases=[case], labels={"cube": 1},
        perturbations=[{"name": name, "magnitudes": [voxels]}
                       for name in ("cube_dilate", "cube_erode", "cube_hole")],
    )  # fmt: skip
    large, small = (side + 2 * voxels) ** 3, max(side - 2 * voxels, 0) ** 3
    whole = side**3
    expected = {
        "cube_dilate": 2 * whole / (whole + large),
        "cube_erode": 2 * small / (whole + small) if small else None,
        "cube_hole": 2 * (whole - small) / (2 * whole - small),
    }
    found = {c.perturbation: c.dice for c in read_cells(table) if c.perturbation != "none"}
    assert found == {name: dice and pytest.approx(dice) for name, dice in expected.items()}
