"""Synthesis: the same seed, the same bytes; deformations that do not fold."""

import pytest
import torch

from regkit import InputError
from regkit.training import synthesis
from regkit.training.synthesis import Deformation

DRAWS = {
    "noise": lambda g: synthesis.noise((12, 13, 14), 0.2, 2, g),
    "labels": lambda g: synthesis.random_labels((12, 13, 14), 5, g),
    "painted": lambda g: synthesis.paint_labels(synthesis.random_labels((12, 12, 12), 4, g), g),
    "recoloured": lambda g: synthesis.recolour(torch.rand(1, 1, 9, 9, 9, generator=g), g),
    "deformation": lambda g: Deformation().draw((12, 13, 14), g),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_same_seed_gives_the_same_bytes(draw):
    one, two, other = (draw(torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_deformations_do_not_fold():
    u = Deformation(affine=0.0).draw((24, 24, 24), torch.Generator().manual_seed(0))[0]
    slopes = torch.stack(
        [23 * u.narrow(a + 1, 1, 23)[:, :23, :23, :23] - 23 * u[:, :23, :23, :23] for a in range(3)]
    )
    jacobian = slopes.movedim((0, 1), (-1, -2)) + torch.eye(3)
    assert float(torch.linalg.det(jacobian).min()) > 0
    assert float(u.abs().max()) > 0.005


def test_every_label_has_an_intensity_of_its_own():
    labels = torch.arange(4).reshape(1, 1, 4, 1, 1).expand(1, 1, 4, 8, 8)
    image = synthesis.paint_labels(labels, torch.Generator().manual_seed(1))
    assert float(image[0, 0, 0].max()) == 0
    assert len({round(float(plane.mean()), 2) for plane in image[0, 0]}) == 4


def test_every_scale_needs_its_reach():
    with pytest.raises(InputError, match="needs its reach"):
        Deformation(scales=(0.1,), reach=()).draw((4, 4), torch.Generator())
