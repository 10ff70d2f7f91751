import numpy as np
import pytest
import torch

from denoise.config import DenoiseConfig
from denoise.noise import (
    Gaussian,
    PoissonGaussian,
    Rician,
    Speckle,
    estimate_looks,
    estimate_poisson_gaussian,
    estimate_sigma,
    neighbour_correlation,
)
from denoise.noise.selection import select_noise_model


def _rician(signal, sigma, generator):
    parts = torch.randn(2, *signal.shape, generator=generator) * sigma
    return ((signal + parts[0]).square() + parts[1].square()).sqrt()


def _drawn(model, signal, generator):
    if isinstance(model, Gaussian):
        return signal + model.sigma * torch.randn(signal.shape, generator=generator)
    if isinstance(model, Rician):
        return _rician(signal, model.sigma, generator)
    if isinstance(model, PoissonGaussian):
        read = model.sigma * torch.randn(signal.shape, generator=generator)
        return model.gain * torch.poisson(signal / model.gain, generator) + read
    gamma = np.random.default_rng(0).gamma(model.looks, 1 / model.looks, signal.shape)
    return signal * torch.from_numpy(gamma).float()


MODELS = [Gaussian(3.0), Rician(3.0), PoissonGaussian(1.5, 2.0), Speckle(4.0)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("level", [12.0, 30.0, 100.0])
def test_noise_has_variance_one_once_stabilised_and_no_bias_restored(model, level):
    noisy = _drawn(model, torch.full((200_000,), level), torch.Generator().manual_seed(1))
    stable = model.stabilise(noisy)
    assert float(stable.std()) == pytest.approx(1, abs=0.06)
    assert float(model.restore(stable.mean())) == pytest.approx(level, rel=0.01)


@pytest.mark.parametrize("signal", [0.0, 1.0, 3.0, 6.0])
def test_rician_bias_is_gone_even_where_there_is_hardly_any_signal(signal):
    generator = torch.Generator().manual_seed(1)
    noisy = _rician(torch.full((400_000,), signal), 3.0, generator)
    model = Rician(3.0)
    assert abs(float(model.restore(model.stabilise(noisy).mean())) - signal) < 0.3
    assert float(noisy.mean()) - signal > 0.6 or signal > 3


@pytest.mark.parametrize("rician", [False, True])
def test_sigma_is_found_beside_anatomy(noisy, rician):
    generator = torch.Generator().manual_seed(2)
    clean = noisy.clean.data[0]
    image = _rician(clean, 8.0, generator) if rician else noisy.image.data[0]
    assert estimate_sigma(image, rician=rician) == pytest.approx(8, rel=0.1)


def test_a_background_of_one_value_does_not_hide_the_noise(noisy):
    image = torch.where(noisy.clean.data[0] > 1, noisy.image.data[0], 0.0)
    assert estimate_sigma(image) == pytest.approx(8, rel=0.12)


def test_whole_numbers_do_not_make_sigma_jump():
    noise = 2 * torch.randn(60, 60, 60, generator=torch.Generator().manual_seed(0))
    assert estimate_sigma(noise.round()) == pytest.approx(2, rel=0.05)


def test_gain_and_looks_are_found():
    generator = torch.Generator().manual_seed(0)
    signal = torch.linspace(20, 300, 64).repeat(64, 20, 1)
    gain, _ = estimate_poisson_gaussian(_drawn(PoissonGaussian(3.0, 2.0), signal, generator))
    assert gain == pytest.approx(3, rel=0.15)
    assert estimate_looks(_drawn(Speckle(3.0), signal, generator)) == pytest.approx(3, rel=0.1)


def test_correlated_noise_is_told_from_white_noise(noisy):
    assert max(neighbour_correlation(noisy.image.data[0])) < 0.1
    white = torch.randn(41, 40, 40, generator=torch.Generator().manual_seed(0))
    along = neighbour_correlation(white[1:] + white[:-1])
    assert along[0] > 0.3
    assert max(along[1:]) < 0.1


@pytest.mark.parametrize("kind", ["gaussian", "rician", "poisson", "speckle"])
def test_the_kind_that_is_asked_for_is_taken(noisy, kind):
    image = noisy.image.data[0].clamp_min(0) + 1
    everywhere = torch.ones_like(image).bool()
    assert select_noise_model(image, everywhere, DenoiseConfig(noise=kind)).name == kind
