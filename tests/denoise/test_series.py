import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from denoise.noise.repeats import are_repeats, blur_of, correlate_noise, noise_of_repeats
from denoise.pipeline import denoise_series
from denoise.series import fuse_frames
from denoise.wiener import wiener
from regkit import Volume


def _frames(noisy, count):
    generator = torch.Generator().manual_seed(3)
    return [
        noisy.clean.with_data(
            noisy.clean.data + 8 * torch.randn(noisy.clean.data.shape, generator=generator)
        )
        for _ in range(count)
    ]


def test_frames_together_are_better_than_alone_and_repeats_are_one(noisy, quick):
    frames = _frames(noisy, 6)
    alone, together, repeats = (
        denoise_series(frames, quick.model_copy(update={"frames": how, "steps": 60}))
        for how in ("alone", "together", "repeats")
    )
    gain = noisy.psnr(together[2].denoised) - noisy.psnr(alone[2].denoised)
    assert gain > 1.5
    assert "--frames alone" in together[2].notes[-1]
    assert not any("--frames" in note for note in alone[2].notes)
    assert len(repeats) == 1
    assert noisy.psnr(repeats[0].denoised) > noisy.psnr(together[2].denoised)
    assert noisy.psnr(repeats[0].denoised) > noisy.psnr(repeats[0].noisy) + 1.5
    assert "6 frames" in repeats[0].notes[-1]


def test_what_happens_in_one_frame_alone_stays_there(noisy):
    """A contrast agent in one frame keeps nine tenths there, and hardly shows elsewhere."""
    frames = [each.data[0] / 100 for each in _frames(noisy, 8)]
    place = np.s_[18:26, 15:23, 8:14]
    frames[4][place] += 1
    everywhere = [torch.ones_like(frames[0]).bool()] * 8
    out = fuse_frames(frames, frames, everywhere, 0.08, 0.1)
    inner = np.s_[20:24, 17:21, 9:13]
    assert float((out[4] - frames[4])[inner].mean()) > -0.12
    clean = noisy.clean.data[0][inner] / 100
    assert float((out[3][inner] - clean).mean()) < 0.08


def test_frames_that_are_unlike_keep_to_themselves(noisy, quick):
    """Four contrasts in one file are no repeats: none lends to another."""
    contrasts = [noisy.clean.data, 100 - noisy.clean.data, noisy.clean.data.flip(1),
                 (noisy.clean.data - 40).abs()]  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    frames = [
        Volume(each + 8 * torch.randn(each.shape, generator=generator), noisy.clean.grid, "f")
        for each in contrasts
    ]
    results = denoise_series(frames, quick)
    assert results[0].model.level == pytest.approx(8, rel=0.25)
    for clean, frame, result in zip(contrasts, frames, results, strict=True):
        error = [float((v.data - clean).square().mean()) for v in (frame, result.denoised)]
        assert error[1] < 0.6 * error[0]


def _diffusion(scene, count=12, sigma=0.055):
    """Signals of tensors in so many directions, noisy and clean, and where the body is."""
    shape, rng = (40, 44, 16), np.random.default_rng(0)
    at = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    radius = sum((x / s) ** 2 for x, s in zip(at, (0.7, 0.75, 1.4), strict=True))
    if scene == "body":
        unweighted, body = gaussian_filter((radius < 1) * (1 + 0.5 * (radius < 0.3)), 0.7), radius
    else:  # everywhere, smooth, without an empty background
        unweighted, body = np.exp(-0.5 * (at[0] ** 2 + at[1] ** 2) / 0.8**2), 0 * radius
    theta, phi = 3 * at[0] + 2 * np.sin(2 * at[1]), 2 * at[1] + at[2]
    along = np.stack([np.cos(theta) * np.cos(phi), np.sin(theta) * np.cos(phi), np.sin(phi)], -1)
    anisotropy = np.clip(0.5 + 15 * gaussian_filter(rng.standard_normal(shape), 3), 0, 1)
    directions = rng.standard_normal((count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    apparent = [0.8 * (1 - anisotropy) + anisotropy * (0.3 + 1.5 * (along @ each) ** 2)
                for each in directions]  # fmt: skip
    clean = torch.from_numpy(np.stack([unweighted * np.exp(-each) for each in apparent])).float()
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    return clean, clean + sigma * noise, torch.from_numpy(body < 0.9)


def _contrast_and_error(found, clean, body):
    """Slope of the differences between frames on the truth, and the root of the mean square."""
    ours, theirs = found[:, body], clean[:, body]
    apart, true = ours - ours.mean(0), theirs - theirs.mean(0)
    slope = float((apart * true).sum() / true.square().sum())
    return slope, float((ours - theirs).square().mean().sqrt())


@pytest.mark.parametrize("scene", ["body", "everywhere"])
def test_frames_that_all_differ_keep_their_contrast_and_lose_noise(scene):
    clean, noisy, body = _diffusion(scene)
    guides = [torch.from_numpy(gaussian_filter(each.numpy(), 0.8)) for each in noisy]
    alone = [g.lerp(wiener(each, g, 0.055), 0.5) for each, g in zip(noisy, guides, strict=True)]
    masks = [torch.ones_like(body)] * len(noisy)
    risk = float((torch.stack(alone) - clean).square().mean()) / 0.055**2
    together = torch.stack(fuse_frames(list(noisy), alone, masks, 0.055, risk))
    slope, error = _contrast_and_error(together, clean, body)
    assert slope > 0.95
    assert error < 0.9 * _contrast_and_error(torch.stack(alone), clean, body)[1]


def test_a_diffusion_series_is_better_together_by_default(noisy, quick):
    clean, frames, body = _diffusion("everywhere", count=8)
    grid = noisy.clean.grid.placed(tuple(clean.shape[1:]), noisy.clean.grid.affine)
    volumes = [Volume(1000 * each[None], grid, "dwi.nii.gz") for each in frames]
    alone, together = (
        denoise_series(volumes, quick.model_copy(update={"steps": 60, **how}))
        for how in ({"frames": "alone"}, {})
    )
    assert together[0].model.level == pytest.approx(55, rel=0.1)
    scores = [
        _contrast_and_error(torch.cat([r.denoised.data for r in each]) / 1000, clean, body)
        for each in (alone, together)
    ]
    assert scores[1][0] > 0.9  # that of the preset fast comes to 0.97 in 300 steps
    assert scores[1][1] < scores[0][1]


def test_noise_of_frames_that_differ_is_not_told_by_their_differences():
    _, noisy, body = _diffusion("everywhere")
    everywhere = torch.ones_like(body)
    told = noise_of_repeats(list(noisy), everywhere)
    assert told[0] > 1.2 * 0.055
    assert not are_repeats(list(noisy), everywhere, *told)


@pytest.mark.parametrize("blur", [(0.0, 0.0, 0.0), (0.8, 0.0, 0.6), (0.7, 0.7, 0.7)])
def test_repeats_with_correlated_noise_are_known_as_repeats(noisy, blur):
    draws, shape = torch.Generator().manual_seed(0), noisy.clean.grid.shape
    frames = [
        noisy.clean.data[0] + 8 * correlate_noise(torch.randn(shape, generator=draws), blur)
        for _ in range(5)
    ]
    everywhere = torch.ones_like(frames[0]).bool()
    assert are_repeats(frames, everywhere, *noise_of_repeats(frames, everywhere))


@pytest.mark.parametrize("blur", [(0.0, 0.0, 0.0), (0.8, 0.0, 0.6)])
def test_a_wiener_filter_with_a_good_guide_takes_noise_away(noisy, blur):
    clean = noisy.clean.data[0] / 100
    noise = correlate_noise(
        torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)), blur
    )
    out = wiener(clean + 0.1 * noise, clean, 0.1, blur=blur)
    assert float((out - clean).square().mean()) < 0.5 * 0.1**2
    told_wrong = wiener(clean + 0.1 * noise, clean, 0.1)
    if any(blur):
        assert float((out - clean).square().mean()) < float((told_wrong - clean).square().mean())


def test_a_correlation_gives_its_blur():
    assert blur_of((0.5,))[0] == pytest.approx(0.6, abs=0.01)
