"""Networks of other widths and step counts than the released ones."""

import pytest
import torch

from regkit import InputError
from regkit.networks.flow import begin_as_flow
from regkit.networks.gradicon import HALVINGS, add_halved_step, cascade, from_state
from regkit.networks.inference import displacement, optimize_for_inference
from regkit.networks.normalised import NormalisedRegistration, local_normalize
from regkit.networks.steps import Step, SteppedMap
from regkit.networks.unet import UNet, Widths

NARROW = Widths((2, 4, 8, 8), (4, 8, 8))
REDUCED = Widths((2, 4, 8, 8), (4, 8))  # its displacement is at half the resolution


@pytest.mark.parametrize("widths", [NARROW, REDUCED])
@pytest.mark.parametrize("steps", [2, 3, 4])
def test_weights_tell_widths_and_steps(steps, widths, images, spread):
    trained = spread(cascade(HALVINGS[:steps], 2, widths))
    again = from_state(trained.state_dict())
    pair = images((33, 40))
    assert torch.equal(displacement(again, *pair), displacement(trained, *pair))


@pytest.mark.parametrize("widths", [NARROW, REDUCED])
def test_a_narrow_network_folds(widths, images, spread):
    trained = spread(cascade((1, 0), 3, widths))
    pair = images((20, 21, 22))
    wanted = displacement(trained, *pair)
    found = displacement(optimize_for_inference(trained, precision="fp32"), *pair)
    assert float((found - wanted).abs().max()) < 1e-4


@torch.no_grad()
def test_a_reduced_displacement_is_put_together_where_it_is_known(images, spread):
    phi = spread(cascade((2, 1, 0), 2, REDUCED))(*images((33, 40)))
    assert phi.steps[-1].shape == (1, 2, 17, 20)
    whole = phi.displacement((33, 40))
    assert torch.equal(whole[..., ::32, ::39], phi.displacement((17, 20))[..., ::16, ::19])
    assert float((whole - SteppedMap(phi.steps).displacement((33, 40))).abs().max()) < 0.01


def test_half_precision_is_read_as_single(images, spread):
    state = {k: v.half() for k, v in spread(cascade((1, 0), 2, NARROW)).state_dict().items()}
    assert next(from_state(state).parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("down", "up"),
    [((2, 8, 4), (4, 4)), ((2, 8), (4, 4)), ((3, 8), (4,)), ((2, 8), (9,)), ((2,), ())],
)
def test_widths_that_fit_no_network_are_refused(down, up):
    with pytest.raises(InputError, match="make no network"):
        Widths(down, up)


@pytest.mark.parametrize("halvings", [(), (0,) * 9, (0, 1), (-1,)])
def test_halvings_that_make_no_network_are_refused(halvings):
    with pytest.raises(InputError, match="make no network; give 1 to 8 numbers that never rise"):
        cascade(halvings)


def test_one_step_alone_is_a_network_too(images, spread):
    trained, pair = spread(cascade((0,), 2, NARROW)), images((33, 40))
    assert torch.equal(from_state(trained.state_dict())(*pair).steps[0], trained(*pair).steps[0])


def test_no_step_is_no_network():
    with pytest.raises(InputError, match="has 0 networks"):
        from_state({"weight": torch.ones(3)})


@pytest.mark.parametrize("halvings", [(2, 2, 1, 1, 0, 0), (3, 0), (0, 0)])
def test_weights_tell_where_their_steps_look(halvings, images, spread):
    trained = spread(NormalisedRegistration(cascade(halvings, 2, REDUCED), 5))
    pair = images((33, 40))
    again = from_state(trained.state_dict())
    shapes = [u.shape for u in again(*pair).steps]
    assert shapes == [u.shape for u in trained(*pair).steps]
    assert torch.equal(displacement(again, *pair), displacement(trained, *pair))


def test_steps_may_differ_in_width(images, spread):
    trained = spread(add_halved_step(cascade((1, 1), 2, REDUCED), Step(UNet(2, NARROW)), 1))
    pair = images((33, 40))
    again = from_state(trained.state_dict())
    assert torch.equal(displacement(again, *pair), displacement(trained, *pair))


def test_a_network_knows_its_widths():
    assert Widths.of(UNet(2, NARROW).state_dict(), "") == NARROW


@pytest.mark.parametrize("ndim", [2, 3])
def test_what_normalises_what_it_sees_is_told_by_its_weights(ndim, images, spread):
    trained = spread(NormalisedRegistration(cascade((1, 0), ndim, NARROW), 5))
    again = from_state(trained.state_dict())
    moving, fixed = images((21, 20, 22)[:ndim])
    wanted = displacement(trained, moving, fixed)
    assert torch.equal(displacement(again, moving, fixed), wanted)
    fast = displacement(optimize_for_inference(again, precision="fp32"), moving, fixed)
    assert float((fast - wanted).abs().max()) < 1e-4
    # Brighter and with more contrast, it is the same image.
    bright = displacement(trained, 0.1 + 0.8 * moving, fixed)
    assert float((bright - wanted).abs().max()) < 0.1 * float(wanted.abs().max())


def test_a_network_that_normalises_grows_inside():
    network = add_halved_step(
        NormalisedRegistration(cascade((0,), 2, NARROW), 7), Step(UNet(2, NARROW)), 1
    )
    assert isinstance(network, NormalisedRegistration)
    assert int(network.window) == 7
    assert (
        network.state_dict().keys()
        == NormalisedRegistration(cascade((1, 0), 2, NARROW), 7).state_dict().keys()
    )


def test_flat_surroundings_have_nothing_that_stands_out():
    assert float(local_normalize(torch.full((1, 1, 9, 9, 9), 0.7), 2).abs().max()) < 1e-3


def test_a_first_layer_of_flow_knows_where_a_ramp_has_gone():
    net = UNet(2, Widths((2, 8, 8), (8, 8)))
    begin_as_flow(net)
    ramp = torch.linspace(0, 1, 33).reshape(1, 1, 33, 1).expand(1, 1, 33, 32)
    seen = net.downConvs[0](torch.cat([ramp + 0.1, ramp], dim=1))[0, :, 8, 8].detach()
    parts = torch.nn.functional.relu(seen)
    # ± difference ± slope: alike in sign along the ramp, and without a slope across it.
    assert parts.argmax() == 0
    assert float(seen[4]) == pytest.approx(float(seen[5]), abs=1e-5)
    with pytest.raises(InputError, match="flow needs 8 channels after the first halving, not 4"):
        begin_as_flow(UNet(2, NARROW))
