"""Networks of other widths and step counts than the released ones."""

import pytest
import torch

from regkit import InputError
from regkit.networks.gradicon import from_state, stepped
from regkit.networks.inference import displacement, faster
from regkit.networks.unet import UNet, Widths


def spread(network):
    """Weights that move things: the last convolution of a new network is zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if "lastConv" in name:
                value.copy_(0.02 * torch.randn(value.shape, generator=generator))
    return network.eval()


NARROW = Widths((2, 4, 8, 8), (4, 8, 8))


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_weights_tell_widths_and_steps(steps, images):
    trained = spread(stepped(steps, 2, NARROW))
    again = from_state(trained.state_dict())
    pair = images((33, 40))
    assert torch.equal(displacement(again, *pair), displacement(trained, *pair))


def test_a_narrow_network_folds(images):
    trained = spread(stepped(2, 3, NARROW))
    pair = images((20, 21, 22))
    wanted = displacement(trained, *pair)
    found = displacement(faster(trained, precision="fp32"), *pair)
    assert float((found - wanted).abs().max()) < 1e-4


def test_half_precision_is_read_as_single(images):
    state = {k: v.half() for k, v in spread(stepped(2, 2, NARROW)).state_dict().items()}
    assert next(from_state(state).parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("down", "up"),
    [((2, 8, 4), (4, 4)), ((2, 8), (4, 4)), ((3, 8), (4,)), ((2, 8), (9,)), ((2,), ())],
)
def test_widths_that_fit_no_network_are_refused(down, up):
    with pytest.raises(InputError, match="make no network"):
        Widths(down, up)


def test_steps_are_bounded():
    with pytest.raises(InputError, match="5 steps"):
        stepped(5)
    with pytest.raises(InputError, match="1 networks"):
        from_state(stepped(1, 2, NARROW).state_dict())


def test_a_network_knows_its_widths():
    assert Widths.of(UNet(2, NARROW).state_dict(), "") == NARROW
