"""Slimmable training: every width learns, and the narrow ones are better than cut ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from probes.diagnosis.redundancy.batch_norm import measure_statistics
from probes.diagnosis.redundancy.slimmable import (
    SlimmableClassifier,
    narrow_answers,
    sandwich_loss,
)
from probes.diagnosis.redundancy.slimming import slim
from probes.diagnosis.redundancy.task import SlimmableTask
from probes.images.model_settings import ModelSettings
from probes.images.models import open_encoder, open_network
from probes.reliance.skill import skill
from regkit import InputError
from regkit.cli import main
from regkit.training.loop import WEIGHTS, train
from tests.probes.networks import small_encoder

_CONFIGS = Path(__file__).parents[3] / "configs" / "train"
NETWORK = "python:tests.probes.networks:small_encoder"


def _ranking(network: SlimmableClassifier, task: SlimmableTask, archive: Path) -> float:
    """The area under the ROC curve on test images, at half the width."""
    with np.load(archive) as found:
        images, classes = found["test_images"][:, None], found["test_labels"][:, 0]
    asked = task.config.model.scaled(torch.from_numpy(images))
    learnt = task.sides.images[task.sides.learnt]
    said = narrow_answers(network, 0.5, learnt, asked).double().numpy()
    return float(skill("ranking", said, classes.astype(float), np.ones((1, len(classes))))[0])


def _trained(given: dict[str, object], archive: Path) -> float:
    task, kept = SlimmableTask.of(given, "settings"), []
    plain, task.save = task.save, lambda network, path: kept.append(network) or plain(network, path)
    train(task, lambda entry: None)
    return _ranking(kept[-1], task, archive)


def test_at_half_its_width_a_slimmable_network_is_better_than_one_that_was_cut(data, tmp_path):
    """Chest X-rays. Both halves have the statistics of their own width."""
    archive, found = data / "pneumoniamnist.npz", {}
    for narrowest in (0.25, 1.0):
        given = {
            "task": "slimmable-classification", "network": NETWORK, "narrowest": narrowest,
            "data": {"name": "xrays", "kind": "npz", "path": str(archive), "split": "train",
                     "limit": 1000},
            "mean": [127.5], "std": [64.0], "threads": 1, "validate_every": 1000,
            "stages": [{"steps": 120, "learning_rate": 2e-3, "decay": True}],
        }  # fmt: skip
        found[narrowest] = [
            _trained({**given, "seed": seed, "output": str(tmp_path / f"{narrowest}-{seed}")},
                     archive)
            for seed in (0, 1)
        ]  # fmt: skip
    assert np.mean(found[0.25]) > np.mean(found[1.0]) + 0.02
    assert min(found[0.25]) > 0.88


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Images of three classes that differ in brightness, and settings of a short training."""
    generator, labels = np.random.default_rng(0), np.arange(60) % 3
    images = generator.normal(size=(60, 32, 32, 1)) + labels[:, None, None, None]
    np.savez(tmp_path / "set.npz", train_images=images.astype(np.float32), train_labels=labels)
    monkeypatch.chdir(tmp_path)

    def write(**more: object) -> Path:
        given = {
            "task": "slimmable-classification", "output": "run", "network": NETWORK,
            "data": {"name": "noise", "kind": "npz", "path": "set.npz", "split": "train"},
            "batch": 16, "threads": 1, "stages": [{"steps": 3, "learning_rate": 1e-3}],
        }  # fmt: skip
        file = tmp_path / "slimmable.yaml"
        file.write_text(json.dumps(given | more))
        return file

    return write


def test_a_trained_resnet_is_a_checkpoint_that_other_commands_read(settings, tmp_path, capsys):
    assert main(["train", "--config", str(settings(network="timm:resnet18"))]) == 0
    assert "accuracy at 0.25" in capsys.readouterr().err
    file = tmp_path / "run" / WEIGHTS
    model = ModelSettings(name="m", source=f"timm:resnet18={file}")
    images = torch.rand(2, 1, 32, 32)
    classifier, encoder = open_network(model, 1, 3), open_encoder(model, 1)
    with torch.no_grad():
        torch.testing.assert_close(classifier.get_classifier()(encoder(images)), classifier(images))
    analysis = {"study": "A", "data": {"name": "n", "kind": "npz", "path": "set.npz",
                "split": "train"}, "encoders": [{"name": "m", "source": f"timm:resnet18={file}"}],
                "widths": [0.5], "statistics": "measured", "resamples": 100}  # fmt: skip
    (tmp_path / "analysis.yaml").write_text(yaml.safe_dump(analysis))
    words = ["diagnose", "redundancy", str(tmp_path / "analysis.yaml"), "-o", str(tmp_path / "red")]
    assert main(words) == 0
    assert "% at 0.5" in capsys.readouterr().err


def test_a_training_can_be_rerun_and_goes_on_from_weights(settings, tmp_path):
    assert main(["train", "--config", str(settings()), "--quiet"]) == 0
    words = ["rerun", tmp_path / "run" / "run.json", "-o", tmp_path / "again", "--data", tmp_path]
    assert main(list(map(str, words))) == 0
    first, second = (tmp_path / name / WEIGHTS for name in ("run", "again"))
    assert first.read_bytes() == second.read_bytes()
    more = settings(start=str(first), output="more")
    assert main(["train", "--config", str(more), "--quiet"]) == 0
    assert (tmp_path / "more" / WEIGHTS).read_bytes() != first.read_bytes()


def test_a_narrow_width_learns_by_the_values_of_the_whole_one():
    network = SlimmableClassifier(small_encoder(), torch.zeros(1, 1, 32, 32), 2)
    images = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    alone = slim(network.encoder, 0.5)
    with torch.no_grad():
        torch.testing.assert_close(network(images, 0.5), network.classified(alone(images)))
    network(images, 0.5).sum().backward()
    gradient = network.encoder[3].weight.grad
    assert float(gradient[:16, :8].abs().sum()) > 0
    assert float(gradient[16:].abs().sum() + gradient[:, 8:].abs().sum()) == 0


def test_the_loss_is_that_of_the_classes_where_no_width_is_drawn():
    network = SlimmableClassifier(small_encoder(), torch.zeros(1, 1, 32, 32), 2).eval()
    images, classes = torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 0, 1])
    found = sandwich_loss(network, images, classes, [])
    torch.testing.assert_close(found["loss"], found["whole"])


def test_statistics_are_those_of_the_images():
    norm = torch.nn.BatchNorm2d(2)
    images = 3 + 2 * torch.randn(60, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    measure_statistics(torch.nn.Sequential(norm), images)
    torch.testing.assert_close(norm.running_mean, images.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, images.movedim(1, 0).flatten(1).var(1))
    assert not norm.training
    assert norm.momentum == 0.1
    with pytest.raises(InputError, match="need two images at least"):
        measure_statistics(norm, images[:1])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"network": "timm:resnet81"}, "timm has no network 'resnet81'"),
        ({"network": "resnet18"}, "is neither timm:NAME nor python:MODULE:FUNCTION"),
        ({"network": "python:torch.nn:Identity"}, "of the kind Identity cannot be slimmed"),
        ({"network": "python:nowhere:make"}, "is no function that can be imported"),
        ({"start": "no.safetensors"}, "there is no file"),
        (
            {"network": "python:tests.probes.networks:brighter_band"},
            "cannot take images of 1x32x32",
        ),
        ({"narrowest": 0}, "greater than 0"),
        ({"narowest": 0.5}, "did you mean 'narrowest'"),
        ({"mean": [1, 2]}, "mean has 2 values, the images 1 bands"),
        (
            {"data": {"name": "x", "kind": "npz", "path": "no.npz"}},
            "there is no",
        ),
        (
            {"data": {"name": "x", "kind": "npz", "path": "set.npz", "split": "train", "limit": 3}},
            "has one subject alone",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    settings, tmp_path, capsys, more, message
):
    assert main(["train", "--config", str(settings(**more)), "--quiet"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert message in said
    assert not (tmp_path / "run" / WEIGHTS).exists()


def test_the_configuration_that_ships_is_one_of_this_task(tmp_path, monkeypatch):
    given = yaml.safe_load((_CONFIGS / "slimmable.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pneumoniamnist.npz").touch()
    assert SlimmableTask.of(given, "slimmable.yaml").config.narrowest == 0.25
