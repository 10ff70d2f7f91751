"""Segmenters: the labels that they are judged by go where the voxels go."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from probes.images.bands import Bands
from probes.images.reading import read_samples
from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from probes.reliance.answers import RelianceCondition, ask_all
from probes.reliance.index import reliance
from probes.reliance.segmenters import guessed_dice, image_dice, segmenter_scores
from probes.reliance.skill import bootstrap_weights
from regkit import InputError, Labels, Volume
from regkit.cli import main
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import save

MODULE = "tests.probes.networks"
_PLAIN = [RelianceCondition()]


@pytest.fixture
def blobs() -> ImageSamples:
    """Twelve images of 32 x 32 in which what is bright is the structure."""
    coarse = torch.randn(12, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic")
    return ImageSamples(images, None, [""] * 12, labels=(images > 0.3).long())


def _by_brightness(images):
    return torch.cat([torch.zeros_like(images), images - 0.3], 1)


def test_a_segmenter_by_brightness_needs_no_shape(blobs):
    conditions = [RelianceCondition(), RelianceCondition("patch-shuffle", 1, 4.0)]
    answers = ask_all(segmenter_scores(_by_brightness), blobs, Bands.of(blobs.images), conditions)
    assert answers.shape == (2, 12, 1)
    np.testing.assert_allclose(answers, 1)
    weights = bootstrap_weights(12, 100, np.random.default_rng(0))
    found = reliance(answers, conditions, np.zeros(12), "segmentation", weights, chance=0.3)
    assert found.indices[0].index.estimate == pytest.approx(0)


def test_a_segmenter_that_looks_at_places_loses_by_a_shuffle(blobs):
    def by_heart(images):
        return torch.cat([0.5 - blobs.labels.float(), blobs.labels.float() - 0.5], 1)

    conditions = [RelianceCondition(), RelianceCondition("patch-shuffle", 1, 4.0)]
    answers = ask_all(
        segmenter_scores(by_heart), blobs, Bands.of(blobs.images), conditions, batch_size=len(blobs)
    )
    assert answers[0].mean() == 1
    assert answers[1].mean() < 0.7


def test_structures_that_are_not_there_have_no_dice():
    empty = torch.zeros(1, 1, 4, dtype=torch.long)
    assert np.isnan(image_dice(empty, empty)).all()


def test_a_guess_at_the_frequency_of_a_structure_has_that_dice(blobs):
    drawn = torch.rand(blobs.labels.shape, generator=torch.Generator().manual_seed(1))
    share = blobs.labels.float().mean((1, 2, 3), keepdim=True)
    guessed = image_dice((drawn < share).long(), blobs.labels)
    np.testing.assert_allclose(guessed, guessed_dice(blobs.labels), atol=0.06)
    assert guessed.mean() == pytest.approx(guessed_dice(blobs.labels).mean(), abs=0.01)


def test_voxels_without_data_count_for_nothing(blobs):
    valid = torch.ones_like(blobs.labels, dtype=torch.bool)
    valid[..., 16:] = False
    wrong = blobs.images.where(valid, -blobs.images)
    samples = ImageSamples(wrong, None, blobs.names, valid=valid, labels=blobs.labels)
    bands = Bands.of(samples.images, valid)
    np.testing.assert_allclose(ask_all(segmenter_scores(_by_brightness), samples, bands, _PLAIN), 1)


@pytest.mark.parametrize(
    ("labels", "predict", "message"),
    [
        (None, _by_brightness, "is judged by label maps; the data set has none"),
        (1, lambda x: x[:, :, ::2], "one logit a class and voxel"),
        (1, lambda x: x, "the background among the classes"),
        (2, _by_brightness, "labels name the structure 2, the model answers for 0 to 1"),
        (1, lambda x: _by_brightness(x) / 0, "answers that are not finite"),
    ],
)
def test_what_cannot_be_judged_is_named(blobs, labels, predict, message):
    maps = None if labels is None else torch.full_like(blobs.labels, labels)
    samples = ImageSamples(blobs.images, None, blobs.names, labels=maps)
    with pytest.raises(InputError, match=message):
        ask_all(segmenter_scores(predict), samples, Bands.of(blobs.images), _PLAIN)


@pytest.fixture
def study(blobs, tmp_path):
    """The same as files: an archive, and a table of pictures on oblique grids."""
    arrays = {"images": blobs.images[:, 0].numpy(), "labels": blobs.labels[:, 0].numpy()}
    np.savez(tmp_path / "set.npz", **arrays)
    turn = homogeneous(rotation([0.3]) @ np.diag([-1.0, 1.3]), [5.0, 2.0])
    lines = ["image,labels,subject"]
    for n in range(len(blobs)):
        save(Volume(blobs.images[n].mT, turn), tmp_path / f"{n}.nii.gz")
        save(Labels(blobs.labels[n].mT.byte(), turn), tmp_path / f"{n}_labels.nii.gz")
        lines.append(f"{n}.nii.gz,{n}_labels.nii.gz,s{n // 2}")
    (tmp_path / "set.csv").write_text("\n".join(lines))

    def write(**more: object) -> Path:
        data = {"name": "blobs", "kind": "npz", "path": "set.npz", **more.pop("set", {})}
        given = {
            "study": "Blobs", "task": "segmentation", "data": [data], "draws": 2,
            "models": [{"name": "bright", "source": f"python={MODULE}:bright_segmenter"}],
            "suppressors": ["patch-shuffle", "gaussian"], "resamples": 100,
            "levels": {"patch-shuffle": [4], "gaussian": [0.15]},
        }  # fmt: skip
        file = tmp_path / "study.yaml"
        file.write_text(json.dumps(given | more))
        return file

    return write


def _indices(folder: Path) -> dict[str, float]:
    with (folder / "index.csv").open(newline="") as file:
        return {row["suppressor"]: float(row["index"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("data", [{}, {"kind": "table", "path": "set.csv"}])
def test_a_segmenter_is_judged_by_a_command(study, tmp_path, data, capsys):
    out = tmp_path / "out"
    assert main(["reliance", "run", str(study(set=data)), "-o", str(out)]) == 0
    found = _indices(out)
    assert found["patch-shuffle"] == pytest.approx(0, abs=1e-6)
    assert found["gaussian"] > 0.2
    assert "mean Dice 1.000" in (out / "report.html").read_text()
    with (out / "skill.csv").open(newline="") as file:
        subjects = {row["subjects"] for row in csv.DictReader(file)}
    assert subjects == ({"6"} if data else {"12"})


def test_images_and_label_maps_are_brought_to_one_size_alike(study, tmp_path):
    given = {"name": "blobs", "kind": "table", "path": tmp_path / "set.csv", "size": 16}
    study()
    found = read_samples(DataSettings.model_validate(given), "map")
    assert found.images.shape == found.labels.shape == (12, 1, 16, 16)
    centre = (found.images > 0.3) == (found.labels > 0)
    assert float(centre.float().mean()) > 0.93


def test_images_without_structures_are_named(study, blobs, tmp_path, capsys):
    labels = blobs.labels[:, 0].numpy().copy()
    labels[3] = 0
    np.savez(tmp_path / "set.npz", images=blobs.images[:, 0].numpy(), labels=labels)
    assert main(["reliance", "run", str(study()), "-o", str(tmp_path / "out"), "--quiet"]) == 2
    assert "blobs: test 3 has no structure; leave out the 1 images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "folders", "path": "."}, "folders have no label maps; use npz, table or python"),
        ({"path": "odd.npz"}, "has labels of (12,) for images of (32, 32)"),
        ({"kind": "table", "path": "classes.csv"}, "has no column labels; it has image, label"),
    ],
)
def test_labels_of_another_kind_are_named(study, blobs, tmp_path, capsys, data, message):
    np.savez(tmp_path / "odd.npz", images=blobs.images[:, 0].numpy(), labels=np.zeros((12, 12)))
    (tmp_path / "classes.csv").write_text("image,label\na.png,1")
    given = study(set=data)
    assert main(["reliance", "run", str(given), "-o", str(tmp_path / "out"), "--quiet"]) == 2
    assert message in capsys.readouterr().err
