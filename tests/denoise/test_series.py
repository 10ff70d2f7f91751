import numpy as np
import pytest
import torch

from denoise.noise.repeats import blur_of, correlated
from denoise.pipeline import denoise_series
from denoise.series import joined
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
    out = joined(frames, frames, everywhere, 0.08, 0.1)
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


@pytest.mark.parametrize("blur", [(0.0, 0.0, 0.0), (0.8, 0.0, 0.6)])
def test_a_wiener_filter_with_a_good_guide_takes_noise_away(noisy, blur):
    clean = noisy.clean.data[0] / 100
    noise = correlated(torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)), blur)
    out = wiener(clean + 0.1 * noise, clean, 0.1, blur=blur)
    assert float((out - clean).square().mean()) < 0.5 * 0.1**2
    told_wrong = wiener(clean + 0.1 * noise, clean, 0.1)
    if any(blur):
        assert float((out - clean).square().mean()) < float((told_wrong - clean).square().mean())


def test_a_correlation_gives_its_blur():
    assert blur_of((0.5,))[0] == pytest.approx(0.6, abs=0.01)
