"""Fine-tuning on a pair: it helps, is the same every time, and leaves the model alone."""

import pytest
import torch

import regkit as rk
from regkit.losses import LNCC, MSE
from regkit.networks.gradicon import cascade
from regkit.networks.models import Model
from regkit.networks.unet import Widths
from regkit.registration import tuning
from regkit.registration.config import TuningConfig
from regkit.registration.tuning import tune

CONFIG = TuningConfig(iterations=8, learning_rate=2e-3, tolerance=0)
FEW = {
    "linear": {"spacings": [8.0], "iterations": 3},
    "network": {"shape": 20},
    "similarity": "lncc",
}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return cascade((1, 0), 3, Widths((2, 4, 8), (4, 4))).eval()


@pytest.fixture
def blobs():
    coarse = torch.rand(1, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    fixed = torch.nn.functional.interpolate(coarse, size=(16, 16, 16), mode="trilinear")
    return fixed.roll(1, 2), fixed


def _run(network, blobs, **changes):
    config = CONFIG.model_copy(update=changes)
    return tune(network, *blobs, LNCC(2), config, lambda *_: None)


def test_it_lowers_the_loss_and_leaves_the_model(network, blobs):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found, losses = _run(network, blobs)
    assert min(losses) < 0.95 * losses[0]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not torch.equal(found(*blobs).steps[-1], network(*blobs).steps[-1])


def test_one_step_is_taken(network, blobs):
    with torch.no_grad():
        network.netPsi.net.lastConv.weight.normal_()
    found, losses = _run(network, blobs, iterations=1, learning_rate=1e-4)
    assert len(losses) == 2
    assert losses[1] < losses[0]
    new = found.state_dict()
    assert any(not torch.equal(value, new[name]) for name, value in network.state_dict().items())


def test_what_a_mask_hides_does_not_count(network, blobs):
    half = torch.zeros(16, 16, 16)
    half[:8] = 1
    moving, fixed = blobs
    other = fixed.clone()
    other[..., 8:, :, :] = torch.rand(1, 1, 8, 16, 16, generator=torch.Generator().manual_seed(5))
    everywhere = torch.ones(16, 16, 16)
    still = CONFIG.model_copy(update={"iterations": 1, "lmbda": 0.0, "learning_rate": 1e-12})

    def first(image, weight):
        weights = everywhere, weight
        return tune(network, moving, image, MSE(), still, lambda *_: None, weights=weights)[1][0]

    with torch.no_grad():
        network.netPsi.net.lastConv.weight.zero_()
    assert first(fixed, half) == pytest.approx(first(other, half), rel=1e-5)
    assert first(fixed, everywhere) != pytest.approx(first(other, everywhere), rel=0.01)


def test_the_same_pair_gives_the_same_weights_with_little_memory_or_much(network, blobs):
    states = [
        _run(network, blobs, save_memory=save)[0].state_dict() for save in (True, True, False)
    ]
    for state in states[1:]:
        assert all(torch.equal(value, states[0][name]) for name, value in state.items())


def test_it_stops_where_nothing_is_gained(network, blobs):
    _, losses = _run(network, blobs, iterations=50, learning_rate=1e-9, tolerance=1e-3)
    assert len(losses) == 6


def test_an_exception_leaves_the_model(network, head, monkeypatch):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    seen = []

    def broken(losses, _):
        seen.append(losses[-1])
        if len(seen) == 3:
            raise RuntimeError("in the middle")
        return False

    monkeypatch.setattr(tuning, "_settled", broken)
    with pytest.raises(RuntimeError, match="in the middle"):
        rk.register(head, head, model=Model("m", network), refine="weights", init="header", **FEW)
    assert len(seen) == 3
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_conserved_mass_is_what_is_compared(network, blobs):
    with torch.no_grad():
        network.netPsi.net.lastConv.weight[:] = 0.3
    plain, conserved = (_run(network, blobs, conserve=what)[1] for what in ("nothing", "mass"))
    assert plain[0] != conserved[0]
    assert min(conserved) < conserved[0]


def test_only_ct_has_mass(network, head):
    with pytest.raises(rk.InputError, match="needs CT on both sides"):
        rk.register(head, head, tuning={"conserve": "mass"})


def test_the_pipeline_tunes_and_tells(network, head):
    found = rk.register(
        head,
        head,
        model=Model("m", network),
        refine="weights",
        init="header",
        tuning={"iterations": 2},
        **FEW,
    )
    assert [stage.name for stage in found.stages][-3:] == ["tuning", "network", "output"]
    assert "2 steps, loss" in found.stages[-3].note
