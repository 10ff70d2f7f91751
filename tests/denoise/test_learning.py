from dataclasses import replace

import pytest
import torch

from denoise.learning.fit import HeldOut, TrainingSchedule, fit
from denoise.learning.neighbours import drawn_pair, sub_image
from denoise.learning.patches import checked_part, cut_patches, held_out_slab
from denoise.learning.recorruption import Recorruption
from denoise.learning.validation import Validation, lowest_risk, validate_denoiser
from denoise.networks.unet import ResidualUNet, Shape


def test_patches_never_touch_what_is_held_out():
    image = torch.arange(60.0)[:, None, None].expand(60, 20, 10)
    patches = cut_patches([image], [image >= 0], largest=16)
    _, first, last = held_out_slab(image.shape)
    drawn = patches.draw(200, torch.Generator().manual_seed(0))
    assert drawn.shape == (200, 1, 16, 16, 10)
    assert not ((drawn >= first) & (drawn < last)).any()
    part, inside = checked_part(image, image >= 0)
    assert part[0, 0][inside].unique().tolist() == list(range(first, last))


def test_small_images_give_small_patches():
    image = torch.rand(9, 7, 3)
    assert cut_patches([image], [image >= 0], largest=48).size == (3, 7, 3)


def test_the_two_recorrupted_images_have_independent_noise():
    class Keep(torch.nn.Module):
        def forward(self, x):
            self.seen = x
            return x

    clean, generator = torch.zeros(1, 1, 60, 60, 60), torch.Generator().manual_seed(0)
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=generator)
    keep = Keep()
    loss = Recorruption(0.5).loss(keep, noisy, 0.3, generator)
    # input noise 1 + 1/4, target noise 1 + 4, and nothing in common
    assert float(loss) == pytest.approx(1.25 + 5, rel=0.02)
    assert float(keep.seen.var()) == pytest.approx(0.09 * 1.25, rel=0.02)


@pytest.mark.parametrize("seed", range(8))
def test_neighbours_touch_and_differ(seed):
    one, other = drawn_pair(3, torch.Generator().manual_seed(seed))
    assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) == 1
    image = torch.rand(1, 1, 7, 6, 5)
    assert sub_image(image, one).shape == (1, 1, 3, 3, 5)
    assert not torch.equal(sub_image(image, one), sub_image(image, other))


@pytest.mark.parametrize("shrink", [0.0, 0.3, 0.8, 1.0])
def test_the_estimated_error_is_the_true_one(noisy, shrink):
    seen, clean = noisy.image.data[0] / 100, noisy.clean.data[0] / 100
    everywhere = torch.ones(seen.shape).bool()

    def denoiser(y):
        return 0.3 + shrink * (y - 0.3)

    found = validate_denoiser(denoiser, seen[None, None], everywhere, 0.08)
    true = float((denoiser(seen) - clean).square().mean()) / 0.08**2
    assert found.risk == pytest.approx(true, abs=0.05 + 0.03 * true)


def test_held_out_neighbours_rank_denoisers_as_the_truth_does(noisy):
    seen = noisy.image.data[0][None, None] / 100
    everywhere = torch.ones(seen.shape[2:]).bool()
    slope = [
        validate_denoiser(lambda y, s=s: 0.4 + s * (y - 0.4), seen, everywhere, 0.08).neighbours
        for s in (0.0, 0.5, 0.9)
    ]
    assert slope[0] > slope[1] > slope[2]
    tiny = validate_denoiser(lambda y: y, seen[:, :, :2], everywhere[:2], 0.08).neighbours
    assert tiny != tiny


def test_giving_the_noise_back_is_noticed(noisy):
    seen = noisy.image.data[0][None, None] / 100
    found = validate_denoiser(lambda y: y, seen, torch.ones(seen.shape[2:]).bool(), 0.08)
    assert found.risk == pytest.approx(1, abs=0.02)
    assert found.residual == 0


def test_the_best_checkpoint_is_that_of_the_lowest_risk():
    one = Validation(1, 0.0, 0.3, 1.0, 0.0)
    assert (
        lowest_risk([one, replace(one, step=2, risk=0.2), replace(one, step=3, risk=0.4)]).step == 2
    )
    assert lowest_risk([replace(one, risk=float("nan")), one]) is one


def test_training_ends_at_the_best_checkpoint_and_repeats_itself(noisy):
    seen = noisy.image.data[0] / 100
    patches = cut_patches([seen], [seen > -1], largest=16)
    check = HeldOut(*checked_part(seen, seen > -9))

    def run(seed):
        torch.manual_seed(0)
        net = ResidualUNet(Shape((4, 8), ((2, 2, 2),)))
        found = fit(
            net, Recorruption(), patches, check, 0.08,
            schedule=TrainingSchedule(steps=30, checks=5, rate=5e-3),
            generator=torch.Generator().manual_seed(seed),
        )  # fmt: skip
        return net, found

    (net, found), (_, again), (_, other) = run(1), run(1), run(2)
    assert found == again != other
    assert [each.step for each in found] == [0, 6, 12, 18, 24, 30]
    after = validate_denoiser(lambda y: net(y), check.noisy, check.mask, 0.08)
    assert after.risk == pytest.approx(lowest_risk(found).risk, abs=1e-6)
