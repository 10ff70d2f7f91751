import pytest
import torch

from denoise.diffusion.condition import (
    BlindCondition,
    PairCondition,
    RepeatCondition,
    SliceCondition,
)
from denoise.diffusion.model import Diffusion, diffusion_network
from denoise.diffusion.sampling import sample_volume, symmetric
from denoise.diffusion.volume import sampled_volume
from denoise.methods import Method
from denoise.networks.blindspot import BlindShape, BlindSpot


@pytest.mark.parametrize("solver", ["ddim", "dpm"])
@pytest.mark.parametrize("steps", [1, 3, 10])
def test_one_pair_is_the_exact_mean_of_a_linear_network(solver, steps):
    torch.manual_seed(0)
    mean = torch.rand(4, 5, 6, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)

    def predict(state, time):
        return mean + 0.3 * state.flip(0)

    like = torch.zeros_like(mean)
    found, spread = symmetric(predict, like, generator=generator, steps=steps, solver=solver)
    without = sample_volume(predict, like, steps=steps, solver=solver)
    torch.testing.assert_close(found, without, atol=1e-6, rtol=0)
    assert float(spread.mean()) > 1e-3


def test_a_perfect_network_gives_its_image_from_any_start():
    clean = torch.rand(4, 4, 4)
    start = torch.randn(4, 4, 4)
    torch.testing.assert_close(sample_volume(lambda x, t: clean, start, steps=5), clean)


def _model(condition):
    torch.manual_seed(0)
    net = diffusion_network((4, 8), ((2, 2, 2),))
    for parameter in net.last.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net, Diffusion(condition, steps=3)


def test_the_condition_decides_what_is_sampled():
    noisy = torch.rand(1, 1, 12, 10, 8)
    net, objective = _model(SliceCondition())
    with torch.no_grad():
        right = objective.denoised(net, noisy, 0.1)
        wrong = objective.denoised(net, noisy[:, :, torch.randperm(12)], 0.1)
    assert float((right - wrong).abs().mean()) > 0.05


def test_slices_as_a_condition_hold_no_noise_of_their_own():
    noisy = torch.rand(1, 1, 4, 4, 6, requires_grad=True)
    SliceCondition()(noisy)[..., 3].sum().backward()
    assert [bool(noisy.grad[..., k].any()) for k in range(6)] == [False, False, True, False, True,
                                                                  False]  # fmt: skip


def test_noise_of_a_blind_condition_can_be_had():
    blind = BlindSpot(BlindShape(3, 4, (2,)))
    noisy = torch.rand(1, 1, 6, 6, 6)
    plain, rough = BlindCondition(blind, 0.1)(noisy), BlindCondition(blind, 0.1, 2.0)(noisy)
    assert float((rough - plain).std()) == pytest.approx(0.2, rel=0.2)


def test_a_sampled_volume_has_no_seams(monkeypatch):
    torch.manual_seed(0)
    shape = BlindShape(3, 4, (2,))
    blind = Method("blindspot", BlindSpot(shape), None, shape.reach, (1, 1, 1))
    net, objective = _model(BlindCondition(blind.network, 0.01))
    reach, multiple = net.shape.reach, net.shape.multiple
    diffusion = Method("diffusion", net, objective, reach, multiple)
    image = torch.rand(40, 21, 17)
    whole = sampled_volume(diffusion, blind, image, 0.01)[0]
    monkeypatch.setattr("denoise.tiles.overlapping_boxes.__defaults__", (9000,))
    from denoise import tiles

    monkeypatch.setattr(tiles.map_tiles, "__kwdefaults__", {"voxels": 9000})
    parts = sampled_volume(diffusion, blind, image, 0.01)[0]
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("time", [0.1, 0.5, 0.9])
def test_a_velocity_means_an_image(time):
    """For a network that knows the velocity exactly, one step gives the image."""
    model = Diffusion(SliceCondition(), predict="velocity")
    kept = float(model._signal[round(time * 1000)])
    image, drawn = torch.rand(4, 4, 4), torch.randn(4, 4, 4)
    state = kept**0.5 * image + (1 - kept) ** 0.5 * drawn
    minus = (1 - kept) ** 0.5 * image - kept**0.5 * drawn
    torch.testing.assert_close(model.image(minus, state, time), image, atol=1e-5, rtol=0)


@pytest.mark.parametrize("predict", ["image", "velocity"])
@pytest.mark.parametrize("condition", [SliceCondition(), PairCondition()])
def test_the_loss_falls_by_training(condition, predict):
    torch.manual_seed(0)
    net = diffusion_network((4, 8), ((2, 2, 2),))
    model = Diffusion(condition, predict=predict)
    noisy = torch.rand(1, 1, 12, 12, 8)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for step in range(80):
        loss = model.loss(net, noisy, 0.3, torch.Generator().manual_seed(step % 8))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])


def test_the_noise_that_a_condition_leaks_is_measured():
    """A blind prediction holds noise of its neighbours' target; the leak-free ones hold none."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 1, 16, 16, 12, generator=generator)
    torch.manual_seed(0)
    blind = BlindSpot(BlindShape(3, 4, (2,)))

    def leak(told, target):
        """How much of the target's noise a linear reader finds in the condition around it."""
        shifted = [told.roll(s, a) for a in (2, 3, 4) for s in (-1, 0, 1)]
        x = torch.stack([each.flatten() for each in shifted], 1)
        y = target.flatten()
        guess = x @ torch.linalg.lstsq(x, y).solution
        return 1 - float((y - guess).var() / y.var())

    leaking = leak(BlindCondition(blind, 1.0)(noise), noise)
    wanted, told = PairCondition().pair(noise, generator)
    assert leaking > 0.02
    assert leak(told, wanted) < 0.02
    frames = torch.cat([noise, torch.randn(noise.shape, generator=generator)], 1)
    wanted, told = RepeatCondition().pair(frames, generator)
    assert leak(told, wanted) < 0.02
