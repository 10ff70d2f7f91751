"""What studies must be able to find, with models of which the answer is known."""

import json
from collections import defaultdict
from dataclasses import replace
from os import environ
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from scipy.spatial.distance import cdist

from foundation.segmenters import MissingWeightsError
from foundation.segmenters.deepbet import open_deepbet
from foundation.studies.cells import read_cells
from foundation.studies.config import read_study
from foundation.studies.generalization.config import GeneralizationConfig
from foundation.studies.generalization.gap import gaps
from foundation.studies.generalization.shifts import shift_called
from foundation.studies.generalization.study import GeneralizationStudy
from foundation.studies.robustness.page import baseline_of
from foundation.studies.scores import score_mask
from foundation.studies.summary import Judgement, summarise_cells
from regkit import Labels, Volume, read
from regkit.geometry.affines import homogeneous, rotation
from regkit.metrics import dice
from regkit.resample import warp
from regkit.statistics import bootstrap_interval, paired_difference
from regkit.transforms import Affine

from .conftest import AFFINE, SHAPE, ball

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SUBJECTS = 6


def test_a_network_that_follows_its_prompt_loses_at_the_end_of_the_range(run_robustness, tmp_path):
    """Of a trained model no order is required between, only the drop, with its interval."""
    _, (table, _) = run_robustness(
        tmp_path / "out", models=["prompt-unet"], labels={"large": 1},
        perturbations=[{"name": "dilate", "magnitudes": [9]}],
    )  # fmt: skip
    found = summarise_cells(read_cells(table), baseline_of, Judgement(resamples=500))
    (worse,) = (each for each in found if each.difference)
    assert worse.change.subjects == 2
    assert worse.change.interval.high < 0
    assert worse.difference.p is None  # two subjects


class T1Only(torch.nn.Module):
    """What is bright."""

    def forward(self, x):
        return 60 * (x - 0.8)


class AnyContrast(torch.nn.Module):
    """What differs from the tissue that is most of the body."""

    def forward(self, x):
        body = (x > 0.02).float()
        tissue = (x * body).sum() / body.sum()
        return 60 * ((x - tissue).abs() - 0.25) * body - 10 * (1 - body)


@pytest.fixture
def people(tmp_path, grid):
    """Six people: tissue in air, and a bright structure in it, of a size of its own."""
    found = []
    for number in range(SUBJECTS):
        draw = torch.Generator().manual_seed(number)
        body = ball(grid, (20, 22, 12), 20.0)
        inner = ball(grid, (18 + number, 20, 11), 6.0 + number)
        values = 55.0 * body + 45.0 * (inner & body)
        noise = (2 * torch.randn(SHAPE, generator=draw)) * body
        name = f"p{number}"
        Volume((values + noise)[None], grid).save(tmp_path / f"{name}.nii.gz")
        Labels((inner & body)[None].to(torch.uint8), grid).save(tmp_path / f"{name}_labels.nii.gz")
        found.append(
            {"name": name, "image": f"{name}.nii.gz", "labels": f"{name}_labels.nii.gz",
             "domain": "T1"}
        )  # fmt: skip
    for name, model in (("t1", T1Only()), ("any", AnyContrast())):
        torch.jit.script(model).save(tmp_path / f"{name}.pt")
    return tmp_path, found


@pytest.fixture
def generalization(people, carry_out):
    def run(models, **changes):
        folder, cases = people
        settings = {
            "study": "test", "models": models, "cases": cases, "labels": {"inner": 1},
            "sources": ["none"], "in_domain": "T1", "resamples": 500,
            "shifts": [{"name": "inversion", "severities": [4]}], **changes,
        }  # fmt: skip
        file = folder / "study.yaml"
        file.write_text(yaml.safe_dump(settings))
        config = read_study(file, GeneralizationConfig)
        study = GeneralizationStudy(file, config, folder / "out")
        study.check()
        study.shift_images()
        plan = study.plan_answers(None)
        carry_out(plan)
        return config, read_cells(study.finish(plan)[0])

    return run


def test_out_of_its_domain_a_model_is_worse_and_a_robust_one_less_so(generalization, people):
    narrow, robust = (f"torchscript={people[0] / name}.pt" for name in ("t1", "any"))
    _, cells = generalization([narrow, robust])
    assert {cell.status for cell in cells} <= {"done", "empty_result"}
    scores = {
        (model, shift): [
            cell.dice for cell in cells if (cell.model, cell.perturbation) == (model, shift)
        ]
        for model in (narrow, robust)
        for shift in ("none", "inversion")
    }
    assert len(scores[narrow, "none"]) == SUBJECTS
    drop = {
        model: np.subtract(scores[model, "none"], scores[model, "inversion"])
        for model in (narrow, robust)
    }
    draw = np.random.default_rng(0)
    assert np.mean(scores[narrow, "none"]) > 0.9
    assert bootstrap_interval(drop[narrow].tolist(), generator=draw).low > 0
    less = paired_difference(drop[narrow].tolist(), drop[robust].tolist(), generator=draw)
    assert less.interval.low > 0.3
    shown = images_shown(people[0] / "out" / "answers")
    assert len(shown) == 2 * SUBJECTS
    assert all(len(files) == 2 and len(set(files)) == 1 for files in shown.values())


def images_shown(answers):
    """The SHA-256 of the image that each model was shown, by case and shift, from the records."""
    shown = defaultdict(list)
    for file in answers.glob("*/run.json"):
        record = json.loads(file.read_text())
        (image,) = (each["sha256"] for each in record["inputs"] if each["role"] == "image")
        shown[record["asked"]["case"]["name"], record["asked"]["shift"]].append(image)
    return shown


def test_the_share_of_the_gap_that_another_model_closes(generalization, people):
    other = f"torchscript={people[0] / 'any'}.pt"
    config, cells = generalization(
        ["prompt-unet"], sources=["point", "mask", f"model:{other}"], shifts=[]
    )
    assert {cell.status for cell in cells} == {"done"}
    (found,) = (each for each in gaps(config, cells, ["none"]) if each.source.startswith("model:"))
    assert found.subjects == SUBJECTS
    assert 0.5 < found.interval.low <= found.share <= found.interval.high < 1.2


@pytest.fixture
def bent_brains(data, tmp_path):
    """Brain b at 3 mm, as it is and turned and stretched, and brain a as the atlas."""
    draw = np.random.default_rng(0)
    found = []
    for number in range(4):
        image, labels = (
            read(data / "brain_t1" / f"{'b' if number else 'a'}_{what}.nii.gz")
            for what in ("t1", "labels")
        )
        linear = rotation(draw.normal(0, 0.06, 3)) @ np.diag(1 + draw.normal(0, 0.04, 3))
        pose = Affine(homogeneous(linear, draw.normal(0, 3, 3)) if number > 1 else np.eye(4))
        grid = image.grid.with_spacing(3.0)
        name = f"b{number}" if number else "a"
        paths = [f"{name}.nii.gz", f"{name}_labels.nii.gz"]
        whole = Labels(labels.data.to(torch.int32), labels.grid)
        for each, path in zip((image, whole), paths, strict=True):
            warp(each, pose, onto=grid).save(tmp_path / path)
        found.append({"name": name, "image": paths[0], "labels": paths[1], "domain": "T1"})
    return tmp_path, found


def test_labels_that_registration_brings_close_most_of_the_gap(bent_brains, carry_out):
    """Another person's labels, `regkit register`, and the answers to them, with an interval."""
    folder, (atlas, *cases) = bent_brains
    settings = {
        "study": "test", "models": ["prompt-unet"], "cases": cases, "in_domain": "T1",
        "labels": {"left thalamus": 10, "right thalamus": 49, "brain stem": 16},
        "sources": ["point", "atlas", "mask"], "resamples": 500,
        "atlas": {"image": atlas["image"], "labels": atlas["labels"], "subject": "a"},
    }  # fmt: skip
    file = folder / "atlas.yaml"
    file.write_text(yaml.safe_dump(settings))
    config = read_study(file, GeneralizationConfig)
    study = GeneralizationStudy(file, config, folder / "out")
    study.check()
    brought = study.plan_atlas()
    assert carry_out(brought).count.failed == 0
    plan = study.plan_answers(brought)
    carry_out(plan)
    cells = read_cells(study.finish(plan)[0])
    assert {cell.status for cell in cells} == {"done"}
    assert {cell.subject for cell in cells} == {"b1", "b2", "b3"}  # never the atlas
    (found,) = gaps(config, [replace(cell, perturbation="T1") for cell in cells], ["T1"])
    assert (found.source, found.subjects) == ("atlas", 3)
    assert found.gap > 0.3
    assert 0.6 < found.interval.low <= found.share <= found.interval.high < 1.0


def test_deepbet_is_better_in_its_own_domain(data):
    """The unprompted network for T1 that can be had, on T1 and on its inverse, two people."""
    try:
        model = open_deepbet(
            Path(environ["REGKIT_DEEPBET"]) if "REGKIT_DEEPBET" in environ else None
        )
    except MissingWeightsError:
        pytest.skip("deepbet 1.0.2 is not installed; REGKIT_DEEPBET names the folder of its models")
    model.shape, model.small = 64, 64  # for time
    drops = []
    for name in "ab":
        image = read(data / "brain_t1" / f"{name}_t1.nii.gz").load()
        truth = Labels((image.data > 0).to(torch.uint8), image.grid)
        shifted = shift_called("inversion").apply(image, 5, np.random.default_rng(0))
        found = []
        for each in (image, shifted):
            model.set_image(each)
            found.append(dice(_asked(model), truth, [1])[1])
        drops.append(found[0] - found[1])
    assert bootstrap_interval(drops, generator=np.random.default_rng(0)).low > 0


def _asked(model):
    from foundation.prompts import Prompts

    return model.segment(Prompts()).mask


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_cells_are_those_of_all_pairs_of_border_voxels(seed, grid):
    draw = torch.Generator().manual_seed(seed)
    places = 8 + 12 * torch.rand(2, 3, generator=draw, dtype=torch.float64) * torch.tensor(
        [1, 1, 0.5]
    )
    one, two = (ball(grid, tuple(place.tolist()), 7.0)[None].to(torch.uint8) for place in places)
    score = score_mask(Labels(one, grid), Labels(two, grid), 2.0)
    borders = [_border(mask[0].bool().numpy()) for mask in (one, two)]
    world = [index @ AFFINE[:3, :3].T for index in borders]
    apart = cdist(*world)
    there, back = apart.min(1), apart.min(0)
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    assert score.hd95 == pytest.approx(hd95, abs=0.35)
    both = 2 * float((one & two).sum()) / float(one.sum() + two.sum())
    assert score.dice == pytest.approx(both, abs=1e-6)
    assert score.volume_error == pytest.approx(float(one.sum()) / float(two.sum()) - 1, abs=1e-6)


def _border(mask):
    """Voxels of a mask with a neighbour across a face that is not in it."""
    inner = mask.copy()
    for axis in range(3):
        for step in (-1, 1):
            inner &= np.roll(mask, step, axis)
    return np.argwhere(mask & ~inner)
