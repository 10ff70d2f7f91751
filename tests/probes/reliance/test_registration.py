"""Registrations: the same draw for both images, judged by the labels that move along."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from probes.images.bands import Bands
from probes.images.pairs import read_pairs
from probes.images.settings import DataSettings
from probes.reliance.answers import RelianceCondition, suppress
from probes.reliance.registrations import pair_scores, unregistered_dice
from regkit import InputError, Labels, Volume
from regkit.cli import main
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import save
from regkit.transforms import Affine

SIZE = 48
_GRID = homogeneous(rotation([0.3]) @ np.diag([-1.0, 1.2]), [20.0, -15.0])


def _picture(drawn: np.random.Generator, at: np.ndarray, path: Path) -> None:
    """A bright ellipse with a dark one in it, which is the structure, on an oblique grid."""
    axes = torch.arange(SIZE, dtype=torch.float64) - SIZE / 2
    points = torch.stack(torch.meshgrid(axes, axes, indexing="ij"), -1).numpy() - at
    body = ((points / [14.0, 17.0]) ** 2).sum(-1) < 1
    hole = (((points - 3) / [6.0, 8.0]) ** 2).sum(-1) < 1
    data = 100.0 * body - 60.0 * hole + drawn.normal(size=(SIZE, SIZE))
    save(Volume(data[None].astype(np.float32), _GRID), path)
    labels = path.with_name(path.name.replace(".nii.gz", "_labels.nii.gz"))
    save(Labels((hole.astype(np.uint8) + body)[None], _GRID), labels)


@pytest.fixture
def pairs(tmp_path):
    drawn = np.random.default_rng(0)
    lines = ["fixed,moving,fixed_labels,moving_labels,subject"]
    for n in range(3):
        for side in "fm":
            _picture(drawn, drawn.uniform(-4, 4, size=2), tmp_path / f"{side}{n}.nii.gz")
        names = [f"{side}{n}{end}" for end in ("", "_labels") for side in "fm"]
        lines.append(",".join([*(f"{name}.nii.gz" for name in names), f"p{n}"]))
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    return tmp_path / "pairs.csv"


def _settings(path: Path, **more: object) -> DataSettings:
    return DataSettings.model_validate({"name": "set", "kind": "table", "path": path, **more})


def _write(pairs: Path, **more: object) -> Path:
    given = {
        "study": "Ellipses", "task": "registration",
        "data": [{"name": "ellipses", "kind": "table", "path": pairs.name}],
        "models": [{"name": "fast", "source": "register=fast"}], "draws": 1, "resamples": 100,
        "suppressors": ["gaussian", "patch-shuffle"],
        "levels": {"gaussian": [0.02], "patch-shuffle": [6]},
    }  # fmt: skip
    file = pairs.with_name("study.yaml")
    file.write_text(json.dumps(given | more))
    return file


def test_a_registration_is_judged_by_a_command(pairs, tmp_path, capsys):
    """It needs no fine detail, and cannot follow patches that have changed places."""
    models = [
        {"name": "fast", "source": "register=fast"},
        {"name": "none", "source": "python=tests.probes.networks:no_registration"},
    ]
    out = tmp_path / "out"
    assert main(["reliance", "run", str(_write(pairs, models=models)), "-o", str(out)]) == 3
    said = capsys.readouterr().err
    assert "none on ellipses: the model's skill on the images as they are is" in said
    with (out / "index.csv").open(newline="") as file:
        found = {row["suppressor"]: float(row["index"]) for row in csv.DictReader(file)}
    assert found["gaussian"] < 0.1
    assert found["patch-shuffle"] > 0.5
    assert "what is lost by them is no shape" in (out / "report.html").read_text()
    record = json.loads((out / "run.json").read_text())
    assert record["asked"]["models"][0]["source"] == "register=fast"
    words = ["rerun", out / "run.json", "-o", tmp_path / "again", "--data", tmp_path]
    assert main(list(map(str, words))) in (0, 3)
    assert (tmp_path / "again" / "skill.csv").read_bytes() == (out / "skill.csv").read_bytes()


def test_both_images_of_a_pair_have_the_same_draw(pairs):
    lines = pairs.read_text().replace("m0", "f0").replace("m1", "f1").replace("m2", "f2")
    pairs.write_text(lines)
    found = read_pairs(_settings(pairs))
    seen: list[bool] = []

    def align(fixed: Volume, moving: Volume) -> Affine:
        seen.append(torch.equal(fixed.data, moving.data))
        return Affine.identity(2)

    conditions = [
        RelianceCondition(), RelianceCondition("patch-shuffle", 1, 4.0),
        RelianceCondition("patch-rotation", 1, 4.0, 1), RelianceCondition("monotone-remap", 1, 1.0),
    ]  # fmt: skip
    scores = pair_scores(align, found, Bands.of(found.images), conditions)
    assert scores.shape == (4, 3, 1)
    assert all(seen)
    np.testing.assert_allclose(scores, 1)


def test_both_images_of_a_pair_take_shares_of_the_span_that_is_named(pairs):
    """A bright outlier in one of them would make its own percentiles, and its blur, wider."""
    found = read_pairs(_settings(pairs))
    moving = found.moving.images.clone()
    moving[0, 0, :8] = 900  # of the moving images alone
    found = replace(found, moving=replace(found.moving, images=moving))
    span = (-100.0, 1000.0)  # 500 is less than the outlier
    seen: list[Volume] = []

    def align(fixed: Volume, other: Volume) -> Affine:
        seen.append(other)
        return Affine.identity(2)

    asked = [RelianceCondition("guided", 1, 0.1)]
    bands = Bands.of(found.images, span=span)
    pair_scores(align, found, bands, asked, span=span)
    (_, batch), *_ = found.moving.batches(bands, 1)
    wanted = suppress(batch, asked[0], 0, 0).images[0]
    torch.testing.assert_close(seen[0].data, wanted)
    with pytest.raises(InputError, match="moving images: span is 0 to 500, but the images go from"):
        pair_scores(align, found, bands, asked, span=(0, 500))


def test_what_no_registration_is_worth_is_the_overlap_as_labels_lie(pairs):
    found = read_pairs(_settings(pairs))
    scores = []
    for fixed, moving in zip(found.labels, found.moving.labels, strict=True):
        both = [2 * float(((fixed == v) & (moving == v)).sum()) for v in (1, 2)]
        each = [float((fixed == v).sum() + (moving == v).sum()) for v in (1, 2)]
        scores.append(np.mean(np.divide(both, each)))
    np.testing.assert_allclose(unregistered_dice(found), scores, rtol=1e-6)


def _other_grid(folder: Path) -> None:
    ones = torch.ones(1, SIZE, SIZE, dtype=torch.uint8)
    save(Labels(ones, np.eye(3)), folder / "m1_labels.nii.gz", overwrite=True)


def _smaller(folder: Path) -> None:
    ones = torch.ones(1, 20, 24, dtype=torch.uint8)
    save(Volume(ones, _GRID), folder / "m1.nii.gz", overwrite=True)
    save(Labels(ones, _GRID), folder / "m1_labels.nii.gz", overwrite=True)


def _empty(folder: Path) -> None:
    none = torch.zeros(1, SIZE, SIZE, dtype=torch.uint8)
    save(Labels(none, _GRID), folder / "f1_labels.nii.gz", overwrite=True)


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        (_other_grid, {}, "m1_labels.nii.gz: lies on another grid than m1.nii.gz"),
        (_smaller, {}, "has bands and size (1, 20, 24), f0.nii.gz (1, 48, 48)"),
        (_empty, {}, "f1_labels.nii.gz: has no structure; leave out the pair"),
        (None, {"kind": "npz"}, "pairs of images are a table with the columns fixed, moving"),
        (None, {"size": 32}, "bands, size and missing say nothing of pairs"),
        (None, {"path": "study.yaml"}, "has no column fixed"),
    ],
)
def test_pairs_that_cannot_be_compared_are_named(pairs, tmp_path, capsys, change, more, message):
    if change:
        change(tmp_path)
    data = {"name": "ellipses", "kind": "table", "path": pairs.name, **more}
    words = ["reliance", "run", str(_write(pairs, data=[data])), "-o", str(tmp_path / "out")]
    assert main([*words, "--quiet"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert message in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("register=faster", "preset 'faster' does not exist"),
        ("python=nowhere:make", "is no function that can be imported"),
        ("torchscript=pairs.csv", "is no registration; give register=fast"),
    ],
)
def test_what_is_no_registration_is_named(pairs, tmp_path, capsys, source, message):
    given = _write(pairs, models=[{"name": "m", "source": source}])
    assert main(["reliance", "run", str(given), "-o", str(tmp_path / "out"), "--quiet"]) == 3
    with (tmp_path / "out" / "skill.csv").open(newline="") as file:
        assert all(message in row["message"] for row in csv.DictReader(file))


def test_a_registration_is_no_classifier(pairs, tmp_path, capsys):
    np.savez(tmp_path / "set.npz", images=np.random.rand(8, 16, 16), labels=np.arange(8) % 2)
    data = [{"name": "set", "kind": "npz", "path": "set.npz"}]
    given = _write(pairs, task="classes", data=data)
    assert main(["reliance", "run", str(given), "-o", str(tmp_path / "out")]) == 3
    assert "registers pairs of images" in capsys.readouterr().err
