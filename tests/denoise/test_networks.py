import pytest
import torch

from denoise.networks.blindspot import BlindShape, BlindSpot, marginal_loss, posterior_mean
from denoise.networks.rotated import RotatedBlindSpot, RotatedShape
from denoise.networks.slices import Slices
from denoise.networks.unet import ResidualUNet, Shape
from denoise.tiles import map_tiles, overlapping_boxes

BLIND = {
    "2-D": lambda: Slices(BlindSpot(BlindShape(2, 6, (2, 4), hidden=(0, 0))), 0),
    "2.5-D": lambda: Slices(BlindSpot(BlindShape(2, 6, (2, 4), 5, 2, hidden=(0, 0))), 2),
    "3-D": lambda: BlindSpot(BlindShape(3, 6, (2, 4))),
    "rotated": lambda: Slices(RotatedBlindSpot(RotatedShape((4, 6, 8))), 0),
    "rotated 2.5-D": lambda: Slices(RotatedBlindSpot(RotatedShape((4, 6), inputs=5, centre=2)), 2),
}


def _gradient(net, shape, at):
    """Of the result at one voxel, by the image."""
    image = torch.randn(1, 1, *shape, dtype=torch.float64, requires_grad=True)
    net.double()(image)[(0, 0, *at)].backward()
    return image.grad[0, 0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("shape", [(16, 12, 8), (13, 9, 5)])
def test_a_blind_spot_is_exactly_blind(kind, shape, training):
    torch.manual_seed(0)
    net = BLIND[kind]().train(training)
    for at in [(0, 0, 0), (6, 4, 2), tuple(n - 1 for n in shape)]:
        gradient = _gradient(net, shape, at)
        assert gradient[at] == 0
        assert (gradient != 0).sum() > 20


@pytest.mark.parametrize("training", [True, False])
def test_a_structured_blind_spot_hides_its_whole_row(training):
    torch.manual_seed(0)
    net = BlindSpot(BlindShape(3, 6, (2,), hidden=(1, 0, 0))).train(training)
    gradient = _gradient(net, (17, 9, 9), (8, 4, 4))
    assert (gradient[7:10, 4, 4] == 0).all()
    assert (gradient != 0).any()


def test_a_dilation_that_would_fill_the_hole_is_refused():
    with pytest.raises(ValueError, match="multiples of 2"):
        BlindSpot(BlindShape(3, 4, (2, 3)))


def test_slices_see_their_neighbours_and_not_more():
    torch.manual_seed(0)
    net = BLIND["2.5-D"]()
    gradient = _gradient(net, (12, 12, 9), (5, 5, 4))
    assert [bool((gradient[..., k] != 0).any()) for k in range(9)] == [False] * 2 + [True] * 5 + [
        False
    ] * 2


def _trained(shape):
    torch.manual_seed(0)
    net = ResidualUNet(shape)
    for parameter in net.last.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net.eval()


NETS = [
    Shape((4, 8, 8), ((2, 2, 2), (2, 2, 2))),
    Shape((4, 8, 8), ((2, 2, 1), (2, 2, 1))),
    Shape((4, 8), ((2, 2, 2),)),
]


@pytest.mark.parametrize("shape", NETS, ids=str)
def test_a_result_depends_on_nothing_beyond_the_reach(shape):
    size, at = (64, 60, 56), (30, 31, 29)
    touched = _gradient(_trained(shape), size, at).nonzero() - torch.tensor(at)
    assert (touched.abs().amax(0) <= torch.tensor(shape.reach)).all()
    blind = BlindShape(3, 4, (2, 4))
    torch.manual_seed(0)
    touched = _gradient(BlindSpot(blind), size, at).nonzero() - torch.tensor(at)
    assert touched.abs().amax(0).tolist() == list(blind.reach)


@pytest.mark.parametrize("size", [(37, 50, 6), (41, 23, 5)])
def test_tiles_of_a_rotated_network_equal_the_whole(size):
    torch.manual_seed(0)
    shape = RotatedShape((4, 6, 8), inputs=3, centre=1)
    net, image = (
        Slices(RotatedBlindSpot(shape), 1).double(),
        torch.randn(*size, dtype=torch.float64),
    )
    touched = _gradient(net, size, (20, 11, 3)).nonzero() - torch.tensor((20, 11, 3))
    assert (touched.abs().amax(0) <= torch.tensor((*shape.reach, 1))).all()
    with torch.no_grad():
        whole = net(image[None, None])[:, :1][0, 0]
        parts = map_tiles(
            lambda x: net(x)[:, :1], image, reach=(*shape.reach, 1), multiple=(*shape.multiple, 1),
            voxels=2000,
        )  # fmt: skip
    torch.testing.assert_close(parts, whole, atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", NETS, ids=str)
@pytest.mark.parametrize("size", [(37, 50, 21), (64, 33, 7)])
def test_tiles_equal_the_whole(shape, size):
    net, image = _trained(shape).double(), torch.randn(*size, dtype=torch.float64)
    with torch.no_grad():
        whole = net(image[None, None])[0, 0]
        parts = map_tiles(net, image, reach=shape.reach, multiple=shape.multiple, voxels=9000)
    assert len(list(overlapping_boxes(size, shape.reach, shape.multiple, 9000))) > 1
    torch.testing.assert_close(parts, whole, atol=1e-12, rtol=0)


def test_the_posterior_mean_lies_between_prediction_and_voxel():
    noisy, predicted = torch.tensor([[[4.0]]]), torch.tensor([[[0.0], [0.0]]])
    assert float(posterior_mean(noisy, predicted, 1.0)) == pytest.approx(2)
    sure, unsure = predicted.clone(), predicted.clone()
    sure[:, 1], unsure[:, 1] = -20, 20
    assert float(posterior_mean(noisy, sure, 1.0)) == pytest.approx(0, abs=1e-5)
    assert float(posterior_mean(noisy, unsure, 1.0)) == pytest.approx(4, abs=1e-5)


def test_the_marginal_loss_is_a_likelihood():
    noisy, predicted = torch.tensor([[[3.0]]]), torch.tensor([[[1.0], [0.7]]])
    variance = 4 * (1 + torch.tensor(0.7).exp())
    wanted = (3 - 1) ** 2 / variance + torch.log(variance / 4)
    assert float(marginal_loss(noisy, predicted, 2.0)) == pytest.approx(float(wanted))
