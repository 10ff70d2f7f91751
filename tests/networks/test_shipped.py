"""The model that comes with regkit."""

import json

import pytest
import torch

import regkit as rk
from regkit import InputError
from regkit.cli import main
from regkit.metrics import dice
from regkit.networks import models
from regkit.networks.weights import store
from regkit.networks.weights.checkpoint import TrainingDomain
from regkit.networks.weights.known import SHIPPED

SCORED = "score_labels.txt"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No weights but those that come with regkit, and no way to get any."""
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "weights"))
    monkeypatch.setenv(store.OFFLINE, "1")


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_whole_and_small(name):
    record = store.verify(name)
    assert record.licence == "Apache-2.0"
    assert store.weights_path(name).stat().st_size < 1e7
    assert models.load(name).trained == TrainingDomain(128, "one")


def test_it_can_be_listed_and_is_nothing_to_fetch(tmp_path, capsys):
    assert main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["weights"]}
    assert rows["small"]["installed"]
    assert main(["weights", "fetch", "small"]) == 2
    assert "come with regkit; there is nothing to fetch" in capsys.readouterr().err
    assert main(["weights", "import", "small", str(tmp_path / "own.pt")]) == 2
    assert "choose another name" in capsys.readouterr().err


def test_auto_is_not_taken_in_by_it():
    assert models.resolve("auto")[0] is None
    assert models.resolve("small") == ("small", "asked for")


def test_another_one_of_that_name_cannot_be_imported(tmp_path):
    torch.save({}, tmp_path / "own.pt")
    with pytest.raises(InputError, match="come with regkit"):
        store.import_file("small", tmp_path / "own.pt")


@pytest.fixture(scope="module")
def brains(data):
    """Fixed and moving, and their labels: two people that the network has never seen."""
    folder = data / "brain_t1"
    images = [rk.read(folder / f"{who}_t1.nii.gz") for who in "ab"]
    labels = [rk.read_labels(folder / f"{who}_labels.nii.gz") for who in "ab"]
    scored = [int(word) for word in (folder / SCORED).read_text().split()]
    return images, labels, scored


def _overlap(brains, **options):
    (fixed, moving), (own, other), scored = brains
    phi = rk.register(fixed, moving, init="header", **options).transform
    found = dice(own, rk.warp(other, phi, onto=own.grid), scored)
    return sum(found.values()) / len(scored)


def test_brains_it_never_saw_overlap_far_better_than_by_the_affine(brains):
    affine = _overlap(brains, transform="affine")
    assert _overlap(brains, model="small", refine="none") > affine + 0.1


def test_the_field_goes_on_from_it_as_far_as_from_nothing(brains):
    assert _overlap(brains, model="small") > _overlap(brains) - 0.005
