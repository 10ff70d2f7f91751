"""The packages that uniGradICON comes in say the same."""

import importlib
import warnings

import pytest
import torch

from regkit.networks.gradicon import from_state, gradicon


@pytest.fixture(scope="module")
def upstream():
    """Call with a shape and last_step to get unigradicon's own network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        pytest.importorskip("unigradicon", reason="needs pip install 'regkit[icon]'")
        package = importlib.import_module("unigradicon")

    def make(shape, *, last_step=True):
        return package.make_network([1, 1, *shape], include_last_step=last_step)

    return make


def _moved(theirs, phi):
    theirs.identity_map.isIdentity = True
    return phi(theirs.identity_map)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "shape", [(72, 66, 69), (65, 65, 65), (175, 90), (81, 66)], ids=lambda s: "x".join(map(str, s))
)
def test_both_directions_are_those_of_unigradicon(upstream, network, images, shape):
    ours = network(len(shape))
    theirs = upstream(shape).regis_net.eval()
    theirs.load_state_dict(ours.state_dict())
    size = torch.tensor(shape).reshape(-1, *[1] * len(shape)) - 1
    a, b = images(shape)
    for moving, fixed in ((a, b), (b, a)):
        with torch.inference_mode():
            wanted = _moved(theirs, theirs(moving, fixed))
            found = ours(moving, fixed).on(shape)
        assert float(((found - theirs.identity_map) * size).abs().max()) > 1  # it moves
        assert float(((found - wanted) * size).abs().max()) < 1e-4


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("last_step", [True, False])
def test_the_names_and_shapes_of_the_weights_are_those_of_unigradicon(upstream, ndim, last_step):
    theirs = upstream((66,) * ndim, last_step=last_step).regis_net.state_dict()
    ours = gradicon(ndim, last_step=last_step).state_dict()
    assert list(theirs) == list(ours)
    assert all(theirs[key].shape == ours[key].shape for key in ours)


@pytest.mark.filterwarnings("ignore")
def test_weights_of_the_whole_module_are_understood(upstream):
    whole = upstream((66, 66))
    state = from_state(whole.state_dict()).state_dict()
    assert all(torch.equal(state[k], v) for k, v in whole.regis_net.state_dict().items())
