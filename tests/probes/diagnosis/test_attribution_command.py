"""`regkit diagnose attribution` as a user types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from probes.diagnosis.attribution.config import AttributionConfig
from probes.diagnosis.attribution.methods import METHODS
from probes.diagnosis.attribution.metrics import ATTRIBUTION_METRICS
from probes.images.places import read_image_settings
from regkit.cli import main
from tests.probes.diagnosis.planted_evidence import planted_images, trained_network

_CONFIGS = Path(__file__).parents[3] / "configs" / "diagnosis"
_SOURCE = "python=tests.probes.diagnosis.planted_evidence:trained_network"
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def diagnose(*words: object) -> int:
    return main(["diagnose", "attribution", *map(str, words)])


@pytest.fixture
def diagnosis(tmp_path):
    images, classes = planted_images(30, 1)
    np.savez(tmp_path / "set.npz", images=images.movedim(1, -1).numpy(), labels=classes)

    def write(**more: object) -> Path:
        given = {
            "study": "Squares", "data": {"name": "squares", "kind": "npz", "path": "set.npz"},
            "models": [{"name": "residual", "source": _SOURCE}],
            "mosaics": 6, "draws": 1, "shown": 2, "samples": 16,
        }  # fmt: skip
        file = tmp_path / "diagnosis.yaml"
        file.write_text(json.dumps(given | more))
        return file

    return write


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_network_with_weights_in_a_file_has_layers_that_are_known(diagnosis, tmp_path):
    """As one that its function has trained."""
    torch.save(trained_network().state_dict(), tmp_path / "weights.pt")
    source = f"{_SOURCE.replace('=', ':')}=weights.pt"
    given = diagnosis(models=[{"name": "residual", "source": source}], methods=["lrp", "gradcam"])
    assert diagnose(given, "-o", tmp_path / "out", "--quiet") == 0
    rows = _rows(tmp_path / "out" / "methods.csv")
    assert {row["status"] for row in rows} == {"done"}
    metrics = {row["metric"] for row in rows if row["score"]}
    assert "parameter-randomisation" in metrics


def test_classes_by_name_must_be_those_of_the_model(diagnosis, tmp_path):
    for n, kind in enumerate(("a", "b") * 4):
        path = tmp_path / "set" / kind / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(n).integers(255, size=(32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    given = diagnosis(data={"name": "two", "kind": "folders", "path": "set"})
    assert diagnose(given, "-o", tmp_path / "out", "--quiet") == 3
    (row,) = _rows(tmp_path / "out" / "methods.csv")
    assert "has 2 classes, numbered by their names, the model answers for 3" in row["message"]


def test_methods_and_metrics_are_judged(diagnosis, tmp_path, capsys):
    out = tmp_path / "out"
    assert diagnose(diagnosis(), "-o", out) == 0
    assert "residual: metrics that do not rank the planted truth above noise" in (
        capsys.readouterr().err
    )
    trust = {(row["metric"], row["extent"]): row for row in _rows(out / "trust.csv")}
    assert len(trust) == 2 * len(ATTRIBUTION_METRICS)
    for metric in ("relevance-mass", "relevance-rank"):
        assert trust[metric, "part"]["trusted"] == "True"
        assert trust[metric, "whole"]["trusted"] == "False"
    for metric in ("average-sensitivity", "local-lipschitz", "random-logit"):
        assert {trust[metric, extent]["trusted"] for extent in ("part", "whole")} == {"True"}
    rows = _rows(out / "methods.csv")
    assert len(rows) == len(METHODS) * len(ATTRIBUTION_METRICS)
    assert {row["status"] for row in rows} == {"done"}
    sums = _rows(out / "relevance.csv")
    lrp = [
        (float(row["total"]) + float(row["biases"])) / float(row["logit"])
        for row in sums
        if row["method"] == "lrp"
    ]
    assert len(lrp) == 6 + 2
    assert lrp == pytest.approx(np.ones(8), abs=0.01)
    deeplift = [float(row["of_difference"]) for row in sums if row["method"] == "deeplift"]
    assert deeplift == pytest.approx(np.ones(8), abs=0.02)
    with np.load(out / "maps.npz") as found:
        assert found["residual/lrp"].shape == (8, 32, 32)
        assert np.isnan(found["residual/truth"][6:]).all()
    page = (out / "report.html").read_text()
    assert "where it fills the image: not to be trusted are" in page
    words = ["rerun", out / "run.json", "-o", tmp_path / "again", "--data", tmp_path]
    assert main(list(map(str, words))) == 0
    for name in ("trust.csv", "methods.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


def test_a_model_whose_layers_are_not_known_is_asked_by_occlusion_and_lime(diagnosis, tmp_path):
    torch.jit.trace(trained_network(), torch.zeros(1, 3, 32, 32)).save(str(tmp_path / "net.pt"))
    given = diagnosis(models=[{"name": "box", "source": "torchscript=net.pt"}])
    out = tmp_path / "out"
    assert diagnose(given, "-o", out, "--quiet") == 0
    rows = _rows(out / "methods.csv")
    refused = {row["method"]: row["message"] for row in rows if row["status"] == "refused"}
    assert set(refused) == {"gradcam", "lrp", "deeplift"}
    assert "needs the layers of a network" in refused["lrp"]
    shuffled = [row for row in rows if row["metric"] == "parameter-randomisation"]
    assert [row["score"] for row in shuffled] == ["", ""]
    told = [row for row in _rows(out / "trust.csv") if row["metric"] == "parameter-randomisation"]
    assert {row["message"] for row in told} == {"needs a network whose weights can be shuffled"}


def test_a_model_that_cannot_take_the_images_is_named_and_the_others_are_judged(
    diagnosis, tmp_path
):
    models = [
        {"name": "residual", "source": _SOURCE},
        {"name": "flat", "source": "python=torch.nn:Flatten"},
        {"name": "other", "source": _SOURCE, "mean": [1.0]},
    ]
    out = tmp_path / "out"
    given = diagnosis(models=models, methods=["gradcam"])
    assert diagnose(given, "-o", out, "--quiet") == 3
    rows = _rows(out / "methods.csv")
    failed = {row["model"]: row["message"] for row in rows if row["status"] == "error"}
    assert set(failed) == {"flat", "other"}
    assert "right about no image" in failed["flat"]
    assert "mean has 1 values, the images 3 bands" in failed["other"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"methods": ["gradcamm"]}, "did you mean 'gradcam'"),
        ({"methods": ["lrp", "lrp"]}, "methods name 'lrp' twice"),
        ({"layers": {"nobody": "blocks"}}, "layers name the model 'nobody'"),
        ({"mosaics": 2}, "greater than or equal to 6"),
        ({"models": [{"name": "a", "source": "onnx=no.onnx"}]}, "there is no file"),
        ({"data": {"name": "x", "kind": "npz", "path": "no.npz"}}, "there is no"),
    ],
)
def test_what_is_wrong_is_one_line(diagnosis, tmp_path, capsys, more, message):
    assert diagnose(diagnosis(**more), "-o", tmp_path / "out", "--quiet") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert message in said
    assert not (tmp_path / "out").exists()


def test_the_configuration_that_ships_is_read():
    assert read_image_settings(AttributionConfig, _CONFIGS / "attribution.yaml").methods == tuple(
        METHODS
    )
