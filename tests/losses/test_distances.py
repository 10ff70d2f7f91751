import pytest
import torch

from regkit import InputError
from regkit.losses.distances import distance_of

NAMES = ["lncc", "lncc2", "cosine", "l1", "l2", "ncc"]


@pytest.fixture(params=[(9, 10), (5, 6, 7)], ids=str)
def maps(request, draw):
    shape = request.param
    weight = torch.ones(2, 1, *shape)
    weight[:, :, :2] = 0
    return draw(2, 3, *shape).double(), draw(2, 3, *shape).double(), weight.double()


@pytest.mark.parametrize("name", NAMES)
def test_maps_are_at_no_distance_from_themselves(name, maps):
    fixed, other, weight = maps
    distance = distance_of(name, 1.0)
    same, apart = distance(fixed, fixed, weight), distance(fixed, other, weight)
    assert same.shape == apart.shape == weight.shape
    inside = weight > 0
    assert float(same[inside].mean()) < 0.01 < float(apart[inside].mean())


@pytest.mark.parametrize("name", ["lncc", "lncc2", "ncc"])
def test_correlations_do_not_know_scale_or_offset(name, maps):
    fixed, other, weight = maps
    scaled = other * torch.tensor([0.1, 3.0, 70.0]).reshape(1, 3, 1, 1, *[1] * (fixed.ndim - 4))
    distance = distance_of(name, 1.5)
    inside = weight > 0
    before = distance(fixed, other, weight)[inside]
    torch.testing.assert_close(distance(fixed, scaled + 5, weight)[inside], before)


@pytest.mark.parametrize("name", ["lncc", "lncc2", "ncc"])
def test_what_has_no_weight_has_no_say_in_a_window(name, maps):
    fixed, other, weight = maps
    changed = torch.where(weight > 0, other, torch.full_like(other, 9.0))
    distance = distance_of(name, 1.5)
    inside = weight > 0
    before = distance(fixed, other, weight)[inside]
    torch.testing.assert_close(distance(fixed, changed, weight)[inside], before)


@pytest.mark.parametrize("name", NAMES)
def test_slopes(name, maps):
    fixed, other, weight = (
        m[:1, :2, :5, :4] if m.ndim == 4 else m[:1, :2, :3, :3, :2] for m in maps
    )
    distance = distance_of(name, 1.0)

    def loss(warped):
        return (weight * distance(fixed, warped, weight)).sum()

    torch.autograd.gradcheck(loss, other.clone().requires_grad_())


def test_an_unknown_distance_is_refused():
    with pytest.raises(
        InputError, match=r"distance 'cos' does not exist; allowed: lncc, lncc2, cosine"
    ):
        distance_of("cos", 1.0)
