import gzip
import re
from base64 import b64decode

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from scipy.ndimage import gaussian_filter

from denoise.config import make_denoise_config
from denoise.foreground import foreground_mask
from denoise.noise.repeats import correlate_noise
from denoise.noise.whiteness import residual_correlation
from denoise.outcome import sigma_map
from denoise.pipeline import denoise, denoise_series
from denoise.report.measures import removed_variance
from denoise.report.page import denoising_page
from regkit import Grid, InputError, Labels, Volume
from regkit.registration.config import configs
from regkit.report import render_page


@pytest.fixture(scope="module")
def denoised(noisy, quick):
    return denoise(noisy.image, quick)


def _filtered(noisy):
    """The best Gaussian filter, chosen by the clean image."""
    data = noisy.image.data[0].numpy()
    found = [gaussian_filter(data, sd) for sd in (0.4, 0.5, 0.6, 0.7, 0.8)]
    return max(noisy.psnr(noisy.image.with_data(torch.from_numpy(f)[None])) for f in found)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_is_better_than_the_best_filter(noisy, quick, seed):
    result = denoise(noisy.image, quick.model_copy(update={"seed": seed}))
    assert noisy.psnr(result.denoised) > _filtered(noisy) + 0.3
    assert noisy.psnr(result.denoised) > noisy.psnr(noisy.image) + 4


@pytest.mark.parametrize(
    "chosen",
    [
        {"method": "blindspot"},
        {"method": "noise2void", "rate": 5e-3, "steps": 100},
        {"method": "noise2self", "rate": 5e-3, "steps": 100},
        {"method": "neighbours"},
    ],
    ids=lambda chosen: " ".join(map(str, chosen.values())),
)
def test_the_other_methods_denoise_too(noisy, quick, chosen):
    result = denoise(noisy.image, quick.model_copy(update=chosen))
    assert result.method == chosen["method"]
    assert noisy.psnr(result.denoised) > noisy.psnr(noisy.image) + 2


def test_the_three_stages_denoise_and_say_how_each_did(noisy, quick):
    result = denoise(noisy.image, quick.model_copy(update={"method": "diffusion", "steps": 300}))
    assert noisy.psnr(result.denoised) > noisy.psnr(noisy.image) + 2
    assert "blindspot" in result.notes[-1]
    assert "student" in result.notes[-1]


@pytest.mark.parametrize("condition", ["slices", "pairs"])
def test_stages_run_under_every_condition(noisy, quick, condition):
    chosen = {"method": "diffusion", "steps": 60, "condition": condition, "predict": "velocity",
              "solver": "dpm", "sampling_steps": 2}  # fmt: skip
    result = denoise(noisy.image, quick.model_copy(update=chosen))
    assert noisy.psnr(result.denoised) > noisy.psnr(noisy.image) + 1


def test_another_frame_can_be_the_condition(noisy, quick):
    other = torch.randn(noisy.clean.data.shape, generator=torch.Generator().manual_seed(9))
    frames = [noisy.image, noisy.clean.with_data(noisy.clean.data + 8 * other)]
    config = quick.model_copy(update={"method": "diffusion", "steps": 60, "condition": "repeats",
                                      "sampling_steps": 2})  # fmt: skip
    for each in denoise_series(frames, config):
        assert noisy.psnr(each.denoised) > noisy.psnr(noisy.image) + 1
    with pytest.raises(InputError, match="'repeats' needs a 4-D image"):
        denoise(noisy.image, config)


def test_what_is_taken_away_is_noise(noisy, denoised):
    residual = denoised.residual.data[0]
    assert removed_variance(denoised) == pytest.approx(1, abs=0.2)
    assert max(residual_correlation(residual, denoised.mask), key=abs) == pytest.approx(0, abs=0.15)
    assert denoised.history[-1].risk < 0.5
    assert denoised.model.level == pytest.approx(8, rel=0.1)


def test_what_the_noise_leaves_is_told_to_its_order(noisy, denoised):
    left = denoised.uncertainty.data.square().mean().sqrt()
    error = (denoised.denoised.data - noisy.clean.data).square().mean().sqrt()
    assert 0.3 * error < left < 1.2 * error


def test_the_grid_stays_and_seeds_repeat(noisy, denoised, quick):
    again = denoise(noisy.image, quick)
    assert torch.equal(again.denoised.data, denoised.denoised.data)
    assert denoised.denoised.grid == noisy.image.grid
    assert denoised.denoised.data.dtype == noisy.image.data.dtype


def test_means_of_regions_stay(noisy, denoised):
    out, before = denoised.denoised.data[0], noisy.image.data[0]
    for region in (np.s_[4:45, 4:36, 2:21], np.s_[:25], np.s_[20:]):
        assert float(out[region].mean()) == pytest.approx(float(before[region].mean()), rel=5e-3)


@pytest.mark.parametrize("texture", [0.0, 0.2])
def test_an_image_without_noise_is_left_as_it_is(noisy, quick, texture):
    """To 1 % of the range, with some texture too fine to tell from noise."""
    clean = noisy.clean.data[0]
    fine = texture * torch.sin(2.4 * torch.arange(49.0))[:, None, None]
    image = noisy.clean.with_data((clean + fine)[None])
    result = denoise(image, quick)
    assert float((result.denoised.data - image.data).abs().max()) < 1


def test_a_rician_background_has_mean_zero(noisy, quick):
    clean, generator = noisy.clean.data[0], torch.Generator().manual_seed(5)
    parts = 8 * torch.randn(2, *clean.shape, generator=generator)
    image = noisy.clean.with_data(torch.hypot(clean + parts[0], parts[1])[None])
    result = denoise(image, quick)
    assert result.model.name == "rician"
    out, empty = result.denoised.data[0], clean < 0.5
    assert float(image.data[0][empty].mean()) == pytest.approx(10, rel=0.05)
    assert abs(float(out[empty].mean())) < 0.2 * 8
    tissue = clean > 35
    assert float(out[tissue].mean()) == pytest.approx(float(clean[tissue].mean()), rel=0.01)


def test_whole_numbers_stay_whole_and_outside_the_mask_nothing_moves(noisy, quick):
    stored = noisy.image.with_data((10 * noisy.image.data).round().short())
    inside = Labels((noisy.clean.data[0] > 1).to(torch.uint8), stored.grid, "mask.nii.gz")
    out = denoise(stored, quick, mask=inside).denoised
    assert out.data.dtype == torch.int16
    outside = inside.data == 0
    assert torch.equal(out.data[outside], stored.data[outside])
    assert not torch.equal(out.data, stored.data)


def test_a_map_of_sigma_is_used(noisy, quick):
    ramp = torch.linspace(2, 14, 49)[:, None, None].expand(49, 40, 23).contiguous()
    noise = ramp * torch.randn(ramp.shape, generator=torch.Generator().manual_seed(0))
    image = noisy.clean.with_data((noisy.clean.data[0] + noise)[None])
    level = noisy.clean.with_data(ramp[None])
    result = denoise(image, quick, sigma=level)
    torch.testing.assert_close(sigma_map(result).data[0], ramp, rtol=0.01, atol=0.01)
    assert noisy.psnr(result.denoised) > noisy.psnr(image) + 4


@pytest.mark.parametrize("dimensions", ["2", "2.5"])
def test_networks_of_slices_denoise(noisy, quick, dimensions):
    config = quick.model_copy(update={"dimensions": dimensions})
    assert noisy.psnr(denoise(noisy.image, config).denoised) > noisy.psnr(noisy.image) + 2.5


def test_a_plane_is_denoised(noisy, quick):
    grid = Grid((49, 40), np.diag([1.0, 1.5, 1.0]))
    plane = Volume(noisy.image.data[0, :, :, 12], grid, "plane.nii")
    out = denoise(plane, quick).denoised
    truth = noisy.clean.data[0, :, :, 12]
    error = [float((each.data[0] - truth).square().mean()) for each in (plane, out)]
    assert out.grid == grid
    assert error[1] < 0.6 * error[0]
    slices = quick.model_copy(update={"method": "diffusion", "condition": "slices", "steps": 5})
    with pytest.raises(InputError, match="needs 2 slices"):
        denoise(plane, slices)
    level = plane.with_data(torch.full_like(plane.data, 8.0))
    mapped = denoise(plane, quick.model_copy(update={"steps": 2}), sigma=level)
    assert mapped.uncertainty.data.shape == plane.data.shape


def test_frames_are_learned_from_together_and_denoised_alone(noisy, quick):
    other = torch.randn(noisy.clean.data.shape, generator=torch.Generator().manual_seed(9))
    frames = [noisy.image, noisy.clean.with_data(noisy.clean.data + 8 * other)]
    results = denoise_series(frames, quick)  # too few to lend each other anything
    assert len(results) == 2
    assert all(noisy.psnr(each.denoised) > noisy.psnr(noisy.image) + 4 for each in results)


def test_frames_tell_how_their_noise_is_correlated(noisy, quick):
    """What a single frame cannot: the network then takes correlated noise away too."""
    generator = torch.Generator().manual_seed(4)
    shape = noisy.clean.data.shape
    noise = [
        correlate_noise(torch.randn(shape, generator=generator), (0.7, 0.7, 0)) for _ in range(4)
    ]
    frames = [noisy.clean.with_data(noisy.clean.data + 8 * n) for n in noise]
    together = denoise_series(frames, quick.model_copy(update={"frames": "alone"}))[0]
    assert together.model.level == pytest.approx(8, rel=0.05)
    assert together.correlation[0] == pytest.approx(0.6, abs=0.05)
    assert "the frames tell how" in together.notes[0]
    alone = denoise(frames[0], quick)
    assert noisy.psnr(together.denoised) > noisy.psnr(frames[0]) + 2
    assert noisy.psnr(together.denoised) > noisy.psnr(alone.denoised) + 1


def test_interpolated_images_are_told(noisy, quick):
    data = noisy.image.data[0]
    mixed = noisy.image.with_data(((data + data.roll(1, 0)) / 2)[None])
    result = denoise(mixed, quick.model_copy(update={"steps": 2}))
    assert "correlated" in result.notes[0]


def test_a_constant_image_is_left_as_it_is_and_it_is_said(noisy, quick):
    image = noisy.image.with_data(torch.full_like(noisy.image.data, 3))
    result = denoise(image, quick)
    assert torch.equal(result.denoised.data, image.data)
    assert result.notes == (
        "All voxels are 3: there is nothing to denoise, so nothing was changed.",
    )
    assert not sigma_map(result).data.any()
    assert not result.uncertainty.data.any()
    assert "nothing to denoise" in render_page(denoising_page([result]))


def test_a_background_of_zeros_stays_zero(noisy, quick):
    inside = noisy.clean.data > 0
    image = noisy.image.with_data(torch.where(inside, noisy.image.data, 0.0))
    assert image.data.min() < 0
    result = denoise(image, quick.model_copy(update={"steps": 2}))
    zeros = result.denoised.data[image.data == 0]
    assert float((zeros != 0).float().mean()) < 0.005  # in pockets of fewer than three voxels
    assert float((result.denoised.data != image.data)[inside].float().mean()) > 0.99


def test_single_zeros_among_noise_are_no_background():
    noise = torch.randn(30, 30, 20, generator=torch.Generator().manual_seed(0)).mul(2).round()
    assert float((noise == 0).float().mean()) > 0.1
    assert foreground_mask(noise).all()
    noise[:10] = 0
    assert not foreground_mask(noise)[:9].any()
    assert foreground_mask(noise)[14:].all()


def test_what_cannot_be_denoised_is_refused(noisy, quick):
    image = noisy.image
    with pytest.raises(InputError, match="2 channels"):
        denoise(image.with_data(image.data.repeat(2, 1, 1, 1)), quick)
    small = Labels(torch.ones(4, 4, 4).byte(), Grid((4, 4, 4), np.eye(4)), "mask.nii")
    with pytest.raises(InputError, match="resample the mask onto the image"):
        denoise(image, quick, mask=small)
    empty = Labels(torch.zeros(image.grid.shape).byte(), image.grid, "mask.nii")
    with pytest.raises(InputError, match="has no voxel above 0"):
        denoise(image, quick, mask=empty)
    with pytest.raises(InputError, match="above 0 everywhere"):
        denoise(image, quick, sigma=image.with_data(torch.zeros_like(image.data)))


def test_settings_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="preset 'best' does not exist"):
        make_denoise_config("best")
    with pytest.raises(InputError, match="did you mean 'steps'"):
        make_denoise_config(step=3)


def test_shipped_settings_are_allowed():
    text = (configs() / "denoise" / "leak-free.yaml").read_text()
    config = make_denoise_config("fast", file=yaml.safe_load(text), seed=2)
    assert (config.method, config.condition, config.seed) == ("diffusion", "slices", 2)


def test_a_series_is_a_movie_of_up_to_twelve_frames(noisy, quick):
    results = []
    for number in range(14):
        image = noisy.image.with_data(torch.full_like(noisy.image.data, number))
        results.append(denoise(image, quick))
    text = render_page(denoising_page(results))
    assert "frame 7 of 14 is shown, counted from 0" in text
    assert "12 of the 14 frames are here" in text
    shown = re.search('data-frames="([^"]*)"', text)[1].split()
    assert (shown[0], shown[-1], len(shown)) == ("0", "13", 12)
    held = re.findall('class="volume" data-name="([^"]*)"[^>]*>([^<]*)<', text)
    for name, data in held:
        image = nib.Nifti1Image.from_bytes(gzip.decompress(b64decode(data)))
        assert image.shape == (*noisy.image.grid.reoriented("RAS").shape, 12), name
    assert 'class="play"' in text
    assert 'class="play"' not in render_page(denoising_page(results[:1]))
