"""`regkit reliance` as a user types it, and the models that it opens."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from probes.images.model_settings import ModelSettings
from probes.images.models import open_model
from probes.images.places import read_image_settings
from probes.reliance.answers import conditions_of
from probes.reliance.config import RelianceConfig
from probes.reliance.suppressor import usual_suppressors
from regkit import InputError
from regkit.cli import main

_CONFIGS = Path(__file__).parents[3] / "configs" / "reliance"
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def reliance(*words: object) -> int:
    return main(["reliance", *map(str, words)])


def _network() -> nn.Module:
    """The mean of each band: it knows colour and brightness, and nothing else."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2, bias=False))
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[1.0, 0, -1], [-1, 0, 1]]))
    return network.eval()


@pytest.fixture
def study(tmp_path: Path):
    """A data set of red and blue noise with a model that tells them apart, and its YAML."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = generator.normal(100, 20, size=(60, 24, 24, 3))
    images[labels == 0, ..., 0] += 25
    images[labels == 1, ..., 2] += 25
    np.savez(tmp_path / "set.npz", images=images.astype(np.float32), labels=labels)
    torch.jit.script(_network()).save(str(tmp_path / "model.pt"))

    def write(**more: object) -> Path:
        given = {
            "study": "Red or blue",
            "data": [{"name": "noise", "kind": "npz", "path": "set.npz"}],
            "models": [{"name": "mean", "source": "torchscript=model.pt"}],
            "suppressors": ["patch-shuffle", "bilateral", "grayscale"],
            "levels": {"patch-shuffle": [2, 4], "bilateral": [0.1], "grayscale": [0.5, 1]},
            "draws": 2,
            "resamples": 100,
        }
        file = tmp_path / "study.yaml"
        file.write_text(json.dumps(given | more))
        return file

    return write


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_model_of_colour_relies_on_colour(study, tmp_path, capsys):
    out = tmp_path / "out"
    assert reliance("run", study(), "-o", out) == 0
    assert "mean on noise: reliance patch-shuffle" in capsys.readouterr().err
    found = {row["suppressor"]: float(row["index"]) for row in _table(out / "index.csv")}
    assert abs(found["patch-shuffle"]) < 0.05
    assert abs(found["bilateral"]) < 0.05
    levels = {r["strength"]: float(r["relative"]) for r in _table(out / "skill.csv")
              if r["suppressor"] == "grayscale"}  # fmt: skip
    assert levels["0.5"] > 0.9
    assert levels["1.0"] < 0.3
    page = (out / "report.html").read_text()
    assert "It loses most by grayscale" in page
    record = json.loads((out / "run.json").read_text())
    assert {each["role"] for each in record["inputs"]} == {"data", "weights"}


def test_the_same_study_has_the_same_tables_and_can_be_rerun(study, tmp_path, capsys):
    first, second = tmp_path / "one", tmp_path / "two"
    for out in (first, second):
        assert reliance("run", study(), "-o", out, "--quiet") == 0
    for name in ("skill.csv", "index.csv", "audit.csv", "contrasts.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    capsys.readouterr()
    assert reliance("run", study(), "-o", first, "--resume") == 0
    assert "was finished before" in capsys.readouterr().err
    words = ["rerun", first / "run.json", "-o", tmp_path / "again", "--data", tmp_path]
    assert main(list(map(str, words))) == 0
    assert (tmp_path / "again" / "skill.csv").read_bytes() == (first / "skill.csv").read_bytes()


def test_an_audit_asks_no_model(study, tmp_path):
    out = tmp_path / "audit"
    assert reliance("audit", study(models=[]), "-o", out, "--quiet") == 0
    assert sorted(path.name for path in out.iterdir()) == ["audit.csv", "report.html", "run.json"]
    rows = _table(out / "audit.csv")
    assert len(rows) == 5
    gray = next(row for row in rows if (row["suppressor"], row["level"]) == ("grayscale", "2"))
    assert abs(float(gray["colour"])) < 0.01


def test_matched_levels_replace_others(study, tmp_path):
    out = tmp_path / "out"
    given = study(match=0.5, levels={}, suppressors=["grayscale", "patch-shuffle"])
    assert reliance("run", given, "-o", out, "--quiet") == 0
    rows = [row for row in _table(out / "audit.csv") if row["suppressor"] == "grayscale"]
    assert len(rows) == 1
    assert float(rows[0]["colour"]) == pytest.approx(0.5, abs=0.05)


def test_what_no_level_matches_is_said(study, tmp_path):
    """Noise has no arrangement of which two patches could leave nine tenths."""
    out = tmp_path / "out"
    given = study(match=0.9, levels={}, suppressors=["grayscale", "patch-shuffle"])
    assert reliance("run", given, "-o", out, "--quiet") == 0
    rows = {row["suppressor"]: row for row in _table(out / "audit.csv")}
    assert {row["asked"] for row in rows.values()} == {"0.9"}
    share = 100 * float(rows["patch-shuffle"]["shape"])
    page = (out / "report.html").read_text()
    assert f"patch-shuffle leaves {share:.0f} % of shape on noise where 90 % was asked for" in page
    assert "grayscale leaves" not in page


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"levels": {"patch-shuffle": [3, 5]}}, ["3.0", "5.0"]),
        ({"levels": {"patch-shuffle": [3], "seams": [4]}}, ["4.0"]),
        ({"levels": {}, "match": 0.5}, None),
    ],
)
def test_seams_are_those_of_the_shuffled_patches(study, tmp_path, more, wanted):
    out = tmp_path / "out"
    given = study(suppressors=["patch-shuffle", "seams"], **more)
    assert reliance("audit", given, "-o", out, "--quiet") == 0
    found = {"patch-shuffle": [], "seams": []}
    for row in _table(out / "audit.csv"):
        found[row["suppressor"]].append(row["strength"])
    assert found["seams"] == (wanted or found["patch-shuffle"])


def test_flat_images_at_the_beginning_say_nothing_of_the_others(study, tmp_path):
    arrays = dict(np.load(study().with_name("set.npz")))
    arrays["images"][:6] = 100
    np.savez(tmp_path / "set.npz", **arrays)
    assert reliance("run", study(), "-o", tmp_path / "out", "--quiet") == 0
    rows = _table(tmp_path / "out" / "skill.csv")
    assert {row["status"] for row in rows} == {"done"}


def test_models_on_the_same_images_are_compared_by_image(study, tmp_path):
    same = [{"name": name, "source": "torchscript=model.pt"} for name in ("one", "two")]
    out = tmp_path / "out"
    assert reliance("run", study(models=same), "-o", out, "--quiet") == 0
    for row in _table(out / "contrasts.csv"):
        assert (row["paired"], float(row["difference"])) == ("True", 0)
        assert float(row["high"]) == 0


def test_runs_come_together_on_one_page(study, tmp_path, capsys):
    for name in ("one", "two"):
        given = study(data=[{"name": name, "kind": "npz", "path": "set.npz"}])
        assert reliance("run", given, "-o", tmp_path / name, "--quiet") == 0
    page = tmp_path / "both.html"
    assert reliance("report", tmp_path / "one", tmp_path / "two", "-o", page) == 0
    assert "mean on one" in page.read_text()
    assert "mean on two" in page.read_text()
    before = (tmp_path / "one" / "report.html").read_text()
    assert main(["report", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one" / "report.html").read_text() == before
    capsys.readouterr()
    assert reliance("audit", given, "-o", tmp_path / "audit", "--quiet") == 0
    again = study(data=[{"name": "one", "kind": "npz", "path": "set.npz"}], levels={})
    assert reliance("run", again, "-o", tmp_path / "again", "--quiet") == 0
    assert reliance("report", tmp_path / "one", tmp_path / "again", "-o", tmp_path / "no") == 2
    said = capsys.readouterr().err
    assert "again: has the model mean on one, and so has one; leave one of them out" in said
    assert not (tmp_path / "no").exists()
    assert reliance("report", tmp_path, "-o", page) == 2
    assert "holds no results of `regkit reliance run`" in capsys.readouterr().err


def test_levels_that_images_are_too_small_for_are_counted_and_left_out(study, tmp_path):
    out = tmp_path / "out"
    given = study(levels={}, suppressors=["patch-shuffle", "gaussian"])
    assert reliance("run", given, "-o", out, "--quiet") == 0
    states = {(r["suppressor"], r["level"]): (r["status"], r["message"])
              for r in _table(out / "skill.csv")}  # fmt: skip
    assert states["patch-shuffle", "3"][0] == "done"
    assert states["patch-shuffle", "5"][0] == "refused"
    assert "give 2 to 12 patches" in states["patch-shuffle", "5"][1]
    assert states["gaussian", "1"][0] == "refused"
    assert "changes nothing in images of 24x24" in states["gaussian", "1"][1]


def test_a_model_that_fails_has_rows_and_the_others_go_on(study, tmp_path, capsys):
    broken = nn.Sequential(nn.Conv2d(5, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    torch.jit.script(broken).save(str(tmp_path / "bands.pt"))
    models = [
        {"name": "bands", "source": "torchscript=bands.pt"},
        {"name": "mean", "source": "torchscript=model.pt"},
    ]
    out = tmp_path / "out"
    assert reliance("run", study(models=models), "-o", out) == 3
    assert "model bands cannot take images of 3x24x24" in capsys.readouterr().err
    states = {row["model"]: row["status"] for row in _table(out / "skill.csv")}
    assert states == {"bands": "error", "mean": "done"}
    assert "bands on noise was not judged" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"suppressors": ["patchshuffle"]}, "did you mean 'patch-shuffle'"),
        ({"suppressors": ["seams", "seams"]}, "suppressors name 'seams' twice"),
        ({"taks": "classes"}, "did you mean 'task'"),
        ({"models": []}, "has no models"),
        ({"models": [{"name": "a", "source": "keras=m.h5"}]}, "is none of exported=FILE"),
        ({"models": [{"name": "a", "source": "torchscript=no.pt"}]}, "there is no file"),
        ({"data": [{"name": "a", "kind": "npz", "path": "no.npz"}]}, "there is no"),
        ({"levels": {"bilateral": [0]}}, "greater than 0"),
        ({"span": [255, 0]}, "span must be the least and the largest value"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_nothing_is_written(
    study, tmp_path, capsys, more, message
):
    assert reliance("run", study(**more), "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert message in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted(_CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_configurations_that_ship_are_read(path):
    found = read_image_settings(RelianceConfig, path)
    names = found.suppressors or usual_suppressors(3)
    assert conditions_of(names, found.draws, found.levels)


def test_a_constant_band_is_named(study, tmp_path, capsys):
    images = np.random.default_rng(0).normal(size=(8, 12, 12, 3))
    images[..., 1] = 7
    np.savez(tmp_path / "flat.npz", images=images, labels=np.arange(8) % 2)
    given = study(data=[{"name": "flat", "kind": "npz", "path": "flat.npz"}])
    assert reliance("run", given, "-o", tmp_path / "out", "--quiet") == 2
    assert "flat: band 2 is 7 everywhere" in capsys.readouterr().err


def test_a_run_whose_gaps_are_nan_can_be_repeated(study, tmp_path):
    arrays = dict(np.load(study().with_name("set.npz")))
    arrays["images"][3, :5] = np.nan
    np.savez(tmp_path / "set.npz", **arrays)
    data = {"name": "noise", "kind": "npz", "path": "set.npz", "missing": float("nan")}
    given = study(data=[data], suppressors=["grayscale"], levels={})
    out = tmp_path / "out"
    assert reliance("run", given, "-o", out, "--quiet") == 0
    words = ["rerun", out / "run.json", "-o", tmp_path / "again", "--data", tmp_path]
    assert main(list(map(str, words))) == 0
    assert (tmp_path / "again" / "skill.csv").read_bytes() == (out / "skill.csv").read_bytes()


def test_classes_by_name_must_be_those_of_the_model(study, tmp_path):
    """A folder that is missing would give every later class the number of another one."""
    for n in range(12):
        path = tmp_path / "set" / ("lake", "river", "sea")[n % 3] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(n).integers(255, size=(24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    out = tmp_path / "out"
    shutil.rmtree(tmp_path / "set" / "lake")
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)).eval()
    study()
    torch.jit.script(network).save(str(tmp_path / "model.pt"))
    given = study(data=[{"name": "waters", "kind": "folders", "path": "set"}])
    assert reliance("run", given, "-o", out, "--quiet") == 3
    said = {row["message"] for row in _table(out / "skill.csv")}
    assert said == {
        "the data set has 2 classes, numbered by their names, the model answers for 3: which is "
        "which is not known; give the data set all of them, or a table with the model's own "
        "numbers as labels"
    }


@pytest.mark.parametrize("command", ["run", "audit"])
def test_one_class_alone_is_named_before_any_model_is_asked(study, tmp_path, capsys, command):
    images = np.random.default_rng(0).normal(size=(8, 12, 12, 3))
    np.savez(tmp_path / "one.npz", images=images, labels=np.ones(8))
    given = study(data=[{"name": "one", "kind": "npz", "path": "one.npz"}])
    assert reliance(command, given, "-o", tmp_path / "out", "--quiet") == 2
    assert "all images have the class 1; two classes are needed" in capsys.readouterr().err


def _opened(source: str, **more: object):
    return open_model(ModelSettings.model_validate({"name": "m", "source": source, **more}), 3, 2)


def test_a_model_is_shown_its_own_scale(tmp_path):
    torch.jit.script(_network()).save(str(tmp_path / "m.pt"))
    source = f"torchscript={tmp_path / 'm.pt'}"
    images = torch.rand(2, 3, 8, 8)
    plain = _opened(source)(images)
    scaled = _opened(source, mean=[0, 0, 0], std=[255] * 3)(images * 255)
    torch.testing.assert_close(plain, scaled)
    with pytest.raises(InputError, match="mean has 1 values, the images 3 bands"):
        _opened(source, mean=[0])
    with pytest.raises(InputError, match="std has 0; it must be above 0"):
        _opened(source, std=[1, 0, 1])


def test_an_exported_program_is_a_model(tmp_path):
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(
        _network(), (torch.rand(2, 3, 8, 8),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, tmp_path / "m.pt2")
    images = torch.rand(5, 3, 8, 8)
    found = _opened(f"exported={tmp_path / 'm.pt2'}")(images)
    torch.testing.assert_close(found, _network()(images))


def test_a_function_of_python_is_a_model():
    with pytest.raises(InputError, match="is no function that can be imported"):
        _opened("python=nowhere:make")
    assert _opened("python=torch.nn:Flatten")(torch.zeros(2, 3, 4)).shape == (2, 12)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), (b"no archive", "is no (TorchScript module|exported program)")],
)
@pytest.mark.parametrize("kind", ["torchscript", "exported"])
def test_files_that_are_no_model_are_named(tmp_path, kind, content, message):
    path = tmp_path / "m.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        _opened(f"{kind}={path}")
