"""The start that comes with regkit, and what learns from it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from denoise.config import DenoiseConfig, make_denoise_config
from denoise.learning.clean import CleanPatches, supervised_loss
from denoise.learning.recorruption import Recorruption
from denoise.methods import make_method
from denoise.pipeline import denoise
from denoise.start import shipped_starts, with_start
from denoise.start_task import StartTask
from denoise.task import DenoisingTask
from denoise.weights import read_method, save_method
from regkit import Grid, InputError, Volume
from regkit.cli.app import build

SPACING = (1.0, 1.0, 1.0)


def _begun(shape=(64, 64, 40), spacing=SPACING, blur=(), **options):
    config = DenoiseConfig(**options)
    return with_start(make_method(config, shape, spacing, blur), config)


def test_every_preset_of_the_same_network_begins_from_it():
    for preset in ("fast", "default"):
        config = make_denoise_config(preset)
        assert with_start(make_method(config, (64, 64, 40), SPACING), config).start


@pytest.mark.parametrize(
    "other",
    [
        {"from_scratch": True},
        {"widths": (8, 16)},
        {"method": "noise2void"},
        {"method": "blindspot"},
        {"shape": (64, 64, 1)},
        {"blur": (0.6, 0.0, 0.0)},
    ],
    ids=str,
)
def test_what_no_start_fits_learns_from_nothing(other):
    made = _begun(**other)
    assert made.start == ""
    assert not getattr(made.objective, "told", False)


def test_the_start_alone_is_better_than_what_learns_as_long_from_nothing(noisy):
    config = DenoiseConfig(steps=1, passes=1, threads=1, patch=16)
    begun = denoise(noisy.image, config)
    other = denoise(noisy.image, config.model_copy(update={"from_scratch": True, "steps": 20}))
    assert begun.learned.start
    assert not other.learned.start
    assert noisy.psnr(begun.denoised) > noisy.psnr(other.denoised) + 1
    assert noisy.psnr(begun.denoised) > noisy.psnr(noisy.image) + 6


def test_going_on_never_ends_with_more_estimated_error_than_the_start_had(noisy):
    """A rate that ruins any network: what is kept is the start."""
    config = DenoiseConfig(steps=40, passes=1, threads=1, patch=16, start_rate=1.0)
    result = denoise(noisy.image, config)
    first = result.history[0]
    assert first.step == 0
    assert first.risk < result.history[-1].risk
    plain = denoise(noisy.image, config.model_copy(update={"steps": 1, "start_rate": 1e-12}))
    torch.testing.assert_close(result.denoised.data, plain.denoised.data, rtol=1e-4, atol=1e-3)


def test_steps_are_those_of_the_start_unless_they_are_said(noisy):
    config = DenoiseConfig(passes=1, threads=1, patch=16, start_steps=3, scratch_steps=5)
    assert denoise(noisy.image, config).history[-1].step == 3
    nothing = config.model_copy(update={"from_scratch": True, "widths": (4, 8)})
    assert denoise(noisy.image, nothing).history[-1].step == 5
    assert denoise(noisy.image, nothing.model_copy(update={"steps": 2})).history[-1].step == 2


def test_a_network_that_is_told_sigma_scales_with_the_image():
    made = _begun()
    noisy = torch.randn(1, 1, 16, 16, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one = made.objective.denoised(made.network, noisy, 0.2)
        other = made.objective.denoised(made.network, 1000 * noisy, 200)
    torch.testing.assert_close(1000 * one, other, rtol=1e-4, atol=1e-2)


def test_a_file_keeps_that_it_was_told_and_what_it_had_seen(tmp_path):
    made = _begun()
    save_method(made, tmp_path / "a.safetensors", sigma=0.05)
    again, sigma = read_method(tmp_path / "a.safetensors")
    assert again.objective.told
    assert (again.start, sigma) == (made.start, 0.05)
    assert again.start.startswith("mri")


def test_shipped_starts_are_few_and_small():
    files = shipped_starts()
    assert files
    assert sum(path.stat().st_size for path in files) < 4e6


def test_the_record_and_the_command_say_what_the_start_had_seen(noisy, tmp_path):
    image = tmp_path / "noisy.nii.gz"
    noisy.image.save(image)
    for words, begun in (([], True), (["--from-scratch"], False)):
        out = tmp_path / f"{begun}.nii.gz"
        done = CliRunner().invoke(
            build(), ["denoise", str(image), "-o", str(out), "--steps", "2", "--threads", "1",
                      "--preset", "fast", *words],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        record = json.loads((tmp_path / f"{begun}.json").read_text())
        assert bool(record["start"]) is begun


def test_clean_patches_repeat_themselves_and_stay_in_their_range():
    image = torch.linspace(0, 1, 40).expand(40, 40, 40)
    patches = CleanPatches([image], size=16)
    drawn = [patches.draw(torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    for seed in range(40):
        box = patches.draw(torch.Generator().manual_seed(seed))
        assert box.shape == (1, 1, 16, 16, 16)
        assert bool(box.isfinite().all())
        assert box.abs().max() < 4
    assert CleanPatches([], size=16).draw(torch.Generator().manual_seed(0)).shape[-1] == 16


def test_the_loss_is_one_for_a_network_that_leaves_the_noise():
    clean = torch.zeros(1, 1, 32, 32, 32)
    generator = torch.Generator().manual_seed(0)
    kept = supervised_loss(torch.nn.Identity(), clean, 0.2, Recorruption(told=True), generator)
    assert float(kept) == pytest.approx(1, abs=0.05)


@pytest.fixture
def table(tmp_path):
    grid = Grid((40, 36, 30), np.diag([-1.0, 1.0, 1.3, 1.0]))
    for name in ("one", "two"):
        data = torch.rand(1, 5, 5, 5, generator=torch.Generator().manual_seed(len(name)))
        data = torch.nn.functional.interpolate(data[None], grid.shape, mode="trilinear")[0]
        Volume(data, grid).save(tmp_path / f"{name}.nii.gz")
    path = tmp_path / "clean.csv"
    path.write_text("image,subject\none.nii.gz,1\ntwo.nii.gz,2\n")
    return path


def _given(table, **more):
    return {
        "task": "denoising-start", "output": str(table.parent / "run"), "table": str(table),
        "seen": "two ramps", "patch": 16, "widths": [4, 8],
        "stages": [{"steps": 2, "learning_rate": 1e-3}], **more,
    }  # fmt: skip


def test_a_start_of_ones_own_is_trained_by_command(table, tmp_path):
    file = tmp_path / "start.yaml"
    file.write_text(yaml.safe_dump(_given(table, held_out=["2"])))
    done = CliRunner().invoke(build(), ["train", "--config", str(file)])
    assert done.exit_code == 0, done.output
    made, sigma = read_method(tmp_path / "run" / "weights.safetensors")
    assert (made.start, made.objective.told, sigma) == ("two ramps", True, 0.1)


def test_a_cohort_goes_on_from_the_start_as_it_was_made(table):
    weights = next(path for path in shipped_starts() if path.stem == "mri-3d")
    given = {
        "task": "denoising", "output": str(table.parent / "cohort"), "table": str(table),
        "start": str(weights), "noise": "gaussian", "stages": [{"steps": 1}],
    }  # fmt: skip
    method = DenoisingTask.of(given, "cohort.yaml").method
    assert method.objective.told
    assert torch.equal(method.network.last.weight, read_method(weights)[0].network.last.weight)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"held_out": ["1", "2"]}, "leaves no image"),
        ({"held_out": ["3"]}, "'3' is no subject of the table"),
        ({"noise": [0.3, 0.1]}, "noise"),
        ({"seen": ""}, "seen"),
    ],
)
def test_settings_that_cannot_be_are_refused(table, more, words):
    with pytest.raises(InputError, match=words):
        StartTask.of(_given(table, **more), "start.yaml")


def test_an_image_of_one_value_is_refused(table):
    grid = Grid((20, 20, 20), np.eye(4))
    Volume(torch.ones(1, 20, 20, 20), grid).save(table.parent / "flat.nii.gz")
    table.write_text("image,subject\none.nii.gz,1\nflat.nii.gz,2\n")
    with pytest.raises(InputError, match=r"flat\.nii\.gz"):
        StartTask.of(_given(table), "start.yaml").open()


def test_the_wider_preset_still_learns_from_nothing():
    config = make_denoise_config("accurate")
    made = make_method(config, (64, 64, 40), SPACING)
    assert with_start(made, config) is made
    assert replace(made).start == ""
