"""The sweep: it knows the truth, finds it, and says where."""

import csv
import json
from importlib.metadata import EntryPoint, entry_points

import pytest
import torch

from foundation.features.known_pair import known_pair
from foundation.features.sweep import at, matching_errors, stage_names, sweep
from regkit import InputError
from regkit.cli import main
from regkit.features import open_extractor
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian


@pytest.fixture
def textured(head):
    """The head with grain, so that every place differs from the next."""
    generator = torch.Generator().manual_seed(0)
    grain = gaussian(torch.randn(head.data.shape, generator=generator), 1.0)
    return head.with_data(head.data + 40 * grain)


@pytest.fixture
def pair(textured):
    return known_pair(textured, textured, 10, 50, torch.Generator().manual_seed(0))


def test_the_truth_is_where_the_places_went(pair):
    shown = pair.fixed[0, 0][tuple(pair.places.T)]
    found = sample(pair.moving[0], pair.truth)[0]
    assert float((found - shown).abs().mean()) < 0.05
    moved = (pair.truth - pair.places).norm(dim=1)
    assert 1 < float(moved.max()) <= 4.01


def test_features_that_name_every_place_are_matched_to_the_pixel(pair):
    height, width = pair.fixed.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    where = torch.stack([rows, columns]).float()

    def named(positions):
        spread = (torch.arange(height * width).reshape(-1, 1, 1)).float()
        return torch.exp(-((positions[0] * width + positions[1]) - spread).square())

    fixed = moving = named(where)
    off = matching_errors(fixed, moving, pair)
    torch.testing.assert_close(off, (pair.places - pair.truth).norm(dim=1))


def test_every_layer_at_every_timestep(pair):
    extractor = open_extractor("small-diffusion")
    layers = stage_names(extractor)
    assert layers[:2] == ["down_blocks.0", "down_blocks.1"]
    generator = torch.Generator().manual_seed(0)
    cells = sweep(extractor, pair, layers[:2], [0, 200], generator)
    assert [(c.layer, c.timestep) for c in cells] == [
        (layer, t) for t in (0, 200) for layer in layers[:2]
    ]
    assert all(0 <= cell.within <= 1 for cell in cells)
    blind = (torch.rand(8, *pair.fixed.shape[2:], generator=generator) for _ in range(2))
    assert cells[0].error < 0.7 * float(matching_errors(*blind, pair).mean())


def test_what_cannot_be_swept_is_refused():
    with pytest.raises(InputError, match="features:mind: cannot be swept"):
        at(open_extractor("mind"), ["x"], None)
    with pytest.raises(InputError, match="name its layers with --layers"):
        stage_names(open_extractor("mind"))


def test_the_command_writes_a_heat_map_and_a_table(textured, tmp_path, capsys):
    textured.save(tmp_path / "head.nii.gz")
    words = ["features", "sweep", "small-diffusion", str(tmp_path / "head.nii.gz")]
    options = ["-o", str(tmp_path / "out"), "--layers", "down_blocks.0", "--timesteps", "0,50"]
    assert main([*words, *options, "--places", "20"]) == 0
    assert "best down_blocks.0 at" in capsys.readouterr().out
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["timestep"] for row in rows] == ["0", "50"]
    page = (tmp_path / "out" / "sweep.html").read_text()
    assert page.count('src="data:image/svg+xml') == 1
    assert page.count('<th scope="row">down_blocks.0</th>') == 2
    assert "<td>head.nii.gz</td>" in page
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (record["kind"], record["best"]["layer"]) == ("sweep", "down_blocks.0")
    assert main([*words, *options, "--places", "20", "--resume"]) == 0
    assert "out: was finished before" in capsys.readouterr().err


def test_a_sweep_is_repeated_by_its_record(textured, tmp_path, capsys, monkeypatch):
    entry = EntryPoint("sweep", "foundation.features.job:sweep_again", "regkit.jobs")

    def entries(group):
        return [entry] if group == "regkit.jobs" else entry_points(group=group)

    monkeypatch.setattr("regkit.plugins.entry_points", entries)
    textured.save(tmp_path / "head.nii.gz")
    words = ["features", "sweep", "small-diffusion", str(tmp_path / "head.nii.gz")]
    options = ["-o", str(tmp_path / "out"), "--layers", "down_blocks.0", "--timesteps", "0"]
    assert main([*words, *options, "--places", "20", "--dry-run"]) == 0
    assert "backbone      small-diffusion" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert main([*words, *options, "--places", "20", "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["rerun", str(tmp_path / "out" / "run.json"), "-q"]) == 0
    said = ["identical  sweep.csv", "the result is identical"]
    assert capsys.readouterr().out.splitlines() == said
    page = tmp_path / "out" / "sweep.html"
    before = page.read_text()
    page.unlink()
    assert main(["report", str(tmp_path / "out")]) == 0
    assert page.read_text() == before
    for change, said in ((("inputs", []), "must name a fixed image"),
                         (("asked", {"layer": 3}), "no setting of a sweep")):  # fmt: skip
        told.pop("folder", None)
        (tmp_path / "bad.json").write_text(json.dumps(told | dict([change])))
        assert main(["rerun", str(tmp_path / "bad.json")]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--timesteps", "0,x"], "--timesteps: 'x' is no number"),
        (["--slice", "99"], "slice 99 is not there; allowed: 0 to 19"),
        (["--layers", "up.9"], "no layer 'up_blocks.9'"),
    ],
)
def test_the_command_says_what_is_wrong(options, words, head, tmp_path, capsys):
    head.save(tmp_path / "head.nii.gz")
    told = ["features", "sweep", "small-diffusion", str(tmp_path / "head.nii.gz"), *options]
    assert main([*told, "-o", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_names_are_listed(capsys):
    assert main(["features", "list"]) == 0
    assert "small-diffusion" in capsys.readouterr().out.split()
