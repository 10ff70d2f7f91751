import pytest
import torch

from regkit.preprocess.noise import noise_sigma


@pytest.mark.parametrize("shape", [(40, 40, 40), (1, 120, 121), (9, 80, 81)])
def test_noise_is_told_from_what_the_image_shows(shape):
    generator = torch.Generator().manual_seed(0)
    axes = [torch.linspace(0, 6, n) for n in shape]
    shown = sum(torch.sin(a) for a in torch.meshgrid(*axes, indexing="ij")) > 0.3
    image = 10.0 * shown + 0.5 * torch.randn(shape, generator=generator)
    assert noise_sigma(image) == pytest.approx(0.5, rel=0.1)


def test_a_background_of_nothing_does_not_hide_the_noise():
    image = torch.zeros(60, 60, 60)
    image[20:40, 20:40, 20:40] = 5 + torch.randn(20, 20, 20, generator=torch.manual_seed(0))
    assert noise_sigma(image) == pytest.approx(1, rel=0.1)


def test_an_image_that_is_flat_has_none():
    assert noise_sigma(torch.ones(8, 8, 8)) == 0
