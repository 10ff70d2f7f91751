"""`regkit diagnose redundancy` as a user types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from probes.diagnosis.redundancy.config import RedundancyConfig
from probes.diagnosis.redundancy.sides import learnt_side
from probes.images.places import read_image_settings
from probes.images.samples import ImageSamples
from regkit import InputError
from regkit.cli import main
from regkit.optional_packages import mend_torchvision

_CONFIGS = Path(__file__).parents[3] / "configs" / "diagnosis"


def diagnose(*words: object) -> int:
    return main(["diagnose", "redundancy", *map(str, words)])


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A checkpoint of a ResNet-18 of four bands with its classifier, as people have them."""
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    network = timm.create_model("resnet18", pretrained=False, in_chans=4, num_classes=7)
    path = tmp_path_factory.mktemp("weights") / "resnet.pt"
    torch.save({"state_dict": network.state_dict()}, path)
    return path


@pytest.fixture
def analysis(weights, tmp_path):
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = generator.normal(size=(60, 32, 32, 4)) + labels[:, None, None, None]
    np.savez(tmp_path / "set.npz", images=images.astype(np.float32), labels=labels)

    def write(**more: object) -> Path:
        given = {
            "study": "A ResNet", "data": {"name": "noise", "kind": "npz", "path": "set.npz"},
            "encoders": [{"name": "resnet", "source": f"timm:resnet18={weights}"}],
            "widths": [0.5, 0.25], "resamples": 100,
        }  # fmt: skip
        file = tmp_path / "analysis.yaml"
        file.write_text(json.dumps(given | more))
        return file

    return write


def test_an_encoder_is_probed_at_the_operations_that_are_given(analysis, tmp_path):
    out = tmp_path / "out"
    assert diagnose(analysis(widths=[0.75], operations=[0.5, 0.1]), "-o", out, "--quiet") == 0
    with (out / "widths.csv").open(newline="") as file:
        costs = [float(row["operations"]) for row in csv.DictReader(file)]
    assert len(costs) == 4
    assert costs[0] == 1
    assert costs[2] == pytest.approx(0.5, abs=0.02)
    assert costs[3] == pytest.approx(0.1, abs=0.01)
    assert costs[2] <= 0.5
    assert costs[3] <= 0.1


def test_an_encoder_is_probed_at_every_width(analysis, tmp_path, weights, capsys):
    out = tmp_path / "out"
    assert diagnose(analysis(), "-o", out) == 0
    assert "resnet: 100 % at 1" in capsys.readouterr().err
    with (out / "widths.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["width"] for row in rows] == ["1.0", "0.5", "0.25"]
    assert [int(row["features"]) for row in rows] == [512, 256, 128]
    assert float(rows[0]["linear"]) > 0.7
    assert "the linear probe of the whole encoder reaches" in (out / "report.html").read_text()
    with (out / "layers.csv").open(newline="") as file:
        layers = list(csv.DictReader(file))
    assert [row["layer"] for row in layers][::8] == ["conv1", "layer4.1"]
    assert [int(row["features"]) for row in layers][::8] == [64, 512]
    with (out / "layer_correlation.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 9 * 8 // 2
    assert "How alike layers are" in (out / "report.html").read_text()
    words = ["rerun", out / "run.json", "-o", tmp_path / "again", "--data", tmp_path,
             "--data", weights.parent]  # fmt: skip
    assert main(list(map(str, words))) == 0
    name = "widths.csv"
    assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"widths": [2]}, "less than or equal to 1"),
        ({"encoders": []}, "at least 1 item"),
        ({"width": [0.5]}, "did you mean 'widths'"),
        (
            {"encoders": [{"name": "a", "source": "python=torch.nn:Identity"}]},
            "an encoder of the kind Identity cannot be slimmed",
        ),
        ({"encoders": [{"name": "a", "source": "onnx=m.onnx"}]}, "there is no file"),
        (
            {"encoders": [{"name": "a", "source": "python=tests.probes.networks:small_encoder"}]},
            "model a cannot take images of 4x32x32 (bands first)",
        ),
        ({"statistics": "new"}, "statistics"),
        ({"data": {"name": "x", "kind": "npz", "path": "no.npz"}}, "there is no"),
    ],
)
def test_what_is_wrong_is_one_line(analysis, tmp_path, capsys, more, message):
    assert diagnose(analysis(**more), "-o", tmp_path / "out", "--quiet") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert message in said
    assert not (tmp_path / "out").exists()


def test_images_without_data_somewhere_are_left_out_and_counted(analysis, tmp_path, capsys):
    with np.load(tmp_path / "set.npz") as found:
        images, labels = found["images"].copy(), found["labels"]
    images[:3, 4:20] = -9999
    np.savez(tmp_path / "gaps.npz", images=images, labels=labels)
    data = {"name": "gaps", "kind": "npz", "path": "gaps.npz", "missing": -9999}
    assert diagnose(analysis(data=data), "-o", tmp_path / "out") == 0
    said = "3 of 60 images have pixels without data and are left out"
    assert said in capsys.readouterr().err
    assert said in (tmp_path / "out" / "report.html").read_text()
    data = {**data, "missing": 0, "path": "zeros.npz"}
    images[:, 0] = 0
    np.savez(tmp_path / "zeros.npz", images=images, labels=labels)
    assert diagnose(analysis(data=data), "-o", tmp_path / "none", "--quiet") == 2
    assert "every image has pixels without data" in capsys.readouterr().err


def test_subjects_are_on_one_side_and_classes_on_both():
    truth = np.repeat([0.0, 1.0], 12)
    subjects = [str(n // 3) for n in range(24)]
    samples = ImageSamples(torch.zeros(24, 1, 4, 4), truth, subjects, subjects=subjects)
    learnt = learnt_side(samples, 0.5, 0)
    for value in (0, 1):
        assert learnt[truth == value].mean() == 0.5
    for subject in set(subjects):
        own = learnt[[n for n in range(24) if subjects[n] == subject]]
        assert own.all() or not own.any()


def test_a_class_of_one_subject_is_named():
    samples = ImageSamples(torch.zeros(4, 1, 4, 4), np.array([0.0, 0, 1, 1]), [""] * 4,
                      subjects=["a", "b", "c", "c"])  # fmt: skip
    with pytest.raises(InputError, match="class 1 has one subject alone"):
        learnt_side(samples, 0.5, 0)


def test_the_configuration_that_ships_is_read():
    found = read_image_settings(RedundancyConfig, _CONFIGS / "redundancy.yaml")
    assert found.widths == (0.75, 0.5, 0.25, 0.125)
