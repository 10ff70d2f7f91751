"""The task that trains a small diffusion model: of pictures alone, resumable, and read again."""

import numpy as np
import pytest
import torch
from PIL import Image

from foundation.features.training.crops import crops
from foundation.features.training.pictures import packaged_pictures, read_grey
from foundation.features.training.task import DiffusionConfig, DiffusionTask
from regkit import InputError
from regkit.features import open_extractor
from regkit.io.settings import read_settings
from regkit.registration.config import configs
from regkit.settings import validate
from regkit.training.loop import STATE, train
from regkit.training.tasks import open_task


@pytest.fixture
def words(tmp_path):
    """A tiny run on one made picture."""
    (tmp_path / "pictures").mkdir()
    grey = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    for name in ("one.png", "out.png"):
        Image.fromarray(grey).save(tmp_path / "pictures" / name)
    return {
        "task": "small-diffusion", "output": str(tmp_path / "run"),
        "folders": [str(tmp_path / "pictures")], "held_out": ["out.png"],
        "channels": [8, 16], "groups": 4, "size": 16, "batch": 2, "average": 0.5,
        "stages": [{"steps": 2, "learning_rate": 1e-3}],
    }  # fmt: skip


def test_the_recipe_that_ships_is_understood():
    recipe = read_settings(configs() / "train" / "small-diffusion.yaml")
    found = validate(DiffusionConfig, recipe, "small-diffusion.yaml:")
    model = open_extractor("small-diffusion").network
    assert tuple(model.config.block_out_channels) == found.channels
    assert {"grace_hopper.jpg", "china.jpg"} <= {
        path.name for path in packaged_pictures(found.packages)
    }


def test_a_run_goes_on_to_the_bit_and_its_model_is_a_backbone(words, tmp_path, slices):
    whole = train(open_task(words, "x"), lambda _: None)
    cut = {**words, "output": str(tmp_path / "cut")}
    train(open_task(cut, "x"), lambda _: None, until=1)
    train(open_task(cut, "x"), lambda _: None)
    one, two = (
        torch.load(folder / STATE, weights_only=True)["network"]
        for folder in (whole, tmp_path / "cut")
    )
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    found = open_extractor(f"diffusers={whole / 'model'}")
    assert found(slices, None)[0].isfinite().all()


def test_what_is_held_out_is_not_trained_on(words):
    task = open_task(words, "x")
    assert isinstance(task, DiffusionTask)
    assert (len(task.pictures), len(task.held_out)) == (1, 1)
    network = task.begin(0, None)
    first, second = (task.validate(network, torch.device("cpu")) for _ in range(2))
    assert first == second
    assert first["loss"] > 0


def test_crops_of_small_and_large_pictures():
    draw = torch.Generator().manual_seed(0)
    pictures = [torch.rand(1, 10, 60, generator=draw), torch.rand(1, 90, 70, generator=draw)]
    found = crops(pictures, 16, 30, draw)
    assert found.shape == (30, 1, 16, 16)
    assert 0 <= float(found.min()) < float(found.max()) <= 1
    again = crops(pictures, 16, 2, torch.Generator().manual_seed(5))
    assert torch.equal(again, crops(pictures, 16, 2, torch.Generator().manual_seed(5)))


def test_pictures_of_packages_are_grey_and_natural_in_range():
    for path in packaged_pictures(["skimage", "pywt"]):
        grey = read_grey(path)
        assert grey.ndim == 3
        assert 0 <= float(grey.min()) < float(grey.max()) <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folders": []}, "no picture to train on"),
        ({"folders": ["{empty}"]}, "holds no pictures"),
        ({"packages": ["torch"]}, "packages: 'torch' is not known; allowed: skimage"),
        ({"sizes": 3}, "sizes: Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(change, message, words, tmp_path):
    (tmp_path / "empty").mkdir()
    change = {
        k: [str(x).format(empty=tmp_path / "empty") for x in v] if isinstance(v, list) else v
        for k, v in change.items()
    }
    with pytest.raises(InputError, match=message):
        open_task({**words, **change}, "x.yaml")
