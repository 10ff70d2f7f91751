"""The network engine, with networks whose displacement is known."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, InputError
from regkit.cli import main
from regkit.losses import LNCC, MutualInformation
from regkit.networks.gradicon import gradicon
from regkit.networks.models import Model, resolve
from regkit.networks.unet import Widths
from regkit.networks.weights import store
from regkit.networks.weights.checkpoint import TrainingDomain
from regkit.registration.config import FieldConfig, NetworkConfig
from regkit.registration.field_plan import shorten_after_network
from regkit.registration.network import (
    at_rest_outside,
    register_network,
    spanning_grid,
    working_cube,
)
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage

SHARES = (0.02, -0.03, 0.01)  # of the field of view, along R, A and S
FEW = {"linear": {"spacings": [8.0], "iterations": 5}, "network": {"shape": 33}}


def shifting(shares, widths=None):
    """A network that moves every point by shares of the field of view."""
    network = gradicon(len(shares), widths=widths)
    with torch.no_grad():
        network.netPhi.netPsi.net.lastConv.bias[:] = 10 * torch.tensor(shares)
    return Model("shifting", network.eval())


class Swaying(torch.nn.Module):
    """Moves every point by shares of the field of view one way, the next time the other way."""

    def __init__(self, shares):
        super().__init__()
        self.ndim, self.shares = len(shares), torch.tensor(shares)

    def forward(self, moving, fixed):
        self.shares = -self.shares
        u = -self.shares.reshape(1, -1, *[1] * self.ndim)
        return u.expand(1, -1, *fixed.shape[2:])


def swaying(shares):
    """A network whose two directions are inverse to each other."""
    network = gradicon(len(shares))
    network.netPsi.net = Swaying(shares)
    return Model("swaying", network.eval())


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "weights"))


@pytest.fixture(scope="module")
def model():
    return shifting(SHARES)


@pytest.fixture(scope="module")
def reduced():
    """One whose displacement is at half the resolution."""
    return shifting(SHARES, Widths((2, 4, 8), (4,)))


@pytest.fixture
def pair(head, move, turn):
    return pair_of(
        PreparedImage(head),
        PreparedImage(move(turn)),
        multiple=4,
        max_voxels=10**7,
        device=torch.device("cpu"),
    )


def _expected(grid, shares):
    """World displacement of a shift by shares of a grid's field of view."""
    steps = np.array(shares) * (np.array(grid.shape) - 1)
    return torch.from_numpy(grid.affine[:-1, :-1] @ steps)


def test_shares_of_the_box_become_millimetres(pair, model, turn, body):
    config = NetworkConfig(shape=33, precision="fp32")
    (field,), stage = register_network(pair, turn.matrix, model, config, _quiet, directions=1)
    moved = field(body) - body
    wanted = _expected(working_cube(pair.grid, 33), SHARES)
    assert float((moved - wanted).norm(dim=-1).max()) < 1e-3
    assert (stage.name, stage.note) == ("network", "fp32, 33x33x33, 1 way(s)")


def test_a_reduced_displacement_spans_the_same_box(pair, reduced, turn, body):
    config = NetworkConfig(shape=33, precision="fp32")
    (field,), _ = register_network(pair, turn.matrix, reduced, config, _quiet, directions=1)
    assert max(field.grid.shape) < 33  # 17 voxels and the frame
    cube = working_cube(pair.grid, 33)
    np.testing.assert_allclose(spanning_grid(cube, (17,) * 3).affine[:3, 3], cube.affine[:3, 3])
    moved = field(body) - body
    assert float((moved - _expected(cube, SHARES)).norm(dim=-1).max()) < 1e-3


def test_the_box_is_stretched_to_a_cube_of_its_own_field_of_view(pair):
    cube = working_cube(pair.grid, 33)
    assert cube.shape == (33, 33, 33)
    np.testing.assert_allclose(cube.corners(), pair.grid.corners(), atol=1e-9)


@pytest.fixture
def watched():
    """A network that finds nothing, and what it is shown."""
    seen = []

    class Watching(torch.nn.Module):
        ndim = 3

        def forward(self, moving, fixed):
            seen.append((moving, fixed))
            return torch.zeros(1, 3, *fixed.shape[2:])

    network = gradicon(3)
    network.netPsi.net = Watching()
    return network, seen


def test_both_images_are_shown_where_fixed_is(pair, turn, watched):
    """A network that compares what it is shown: the affine has aligned it already."""
    network, seen = watched
    config = NetworkConfig(shape=33)
    register_network(pair, turn.matrix, Model("w", network), config, _quiet, directions=2)
    (moving, fixed), (back, forth) = seen
    assert torch.equal(moving, forth)
    assert torch.equal(fixed, back)
    assert float((moving - fixed).abs().mean()) < 0.02
    assert float(fixed.max()) > 0.9


@pytest.mark.parametrize("contrast", ["one", "any"])
def test_a_network_of_one_contrast_is_shown_moving_in_that_of_fixed(pair, turn, watched, contrast):
    network, seen = watched
    values = pair.moving.data
    other = torch.where(values > 0.02, 1 - 0.9 * values, values)
    across = dataclasses.replace(pair, moving=pair.moving.with_data(other))
    model = Model("w", network, TrainingDomain(33, contrast))
    config, options = NetworkConfig(), {"directions": 1, "same_contrast": False}
    _, stage = register_network(across, turn.matrix, model, config, _quiet, **options)
    moving, fixed = seen[0]
    near = float((moving - fixed).abs()[fixed > 0.02].mean()) < 0.1
    assert near == (contrast == "one")
    assert ("in fixed's contrast" in stage.note) == (contrast == "one")


def test_around_the_box_the_field_comes_to_rest(pair):
    grid = working_cube(pair.grid, 12)
    u = torch.full((3, 12, 12, 12), 3.0)
    field = at_rest_outside(u, grid)
    inside = slice(18, -18)
    assert torch.allclose(field.index_displacement()[:, inside, inside, inside], u, atol=1e-5)
    assert float(field.u[:, 0].abs().max()) == 0
    assert field.inverse().residual < 0.1


def test_without_refinement_the_network_has_the_last_word(head, body):
    model = swaying(SHARES)
    found = rk.register(head, head, model=model, refine="none", init="header", **FEW)
    names = [stage.name for stage in found.stages]
    assert names == ["init", "rigid", "affine", "network", "output"]
    assert found.config.model == "swaying"
    distance = (found.transform(body) - body).norm(dim=-1)
    assert float(distance.min()) > 0.4
    assert float((found.inverse(found.transform(body)) - body).norm(dim=-1).max()) < 1e-3


def test_two_directions_meet_halfway(pair, model):
    """One that moves everything the same way in both contradicts itself: the mean is rest."""
    config = NetworkConfig(shape=33)
    fields, _ = register_network(pair, np.eye(4), model, config, _quiet, directions=2)
    assert all(float(field.u.abs().max()) < 0.05 for field in fields)


def test_what_cannot_be_compiled_is_told(head, model, monkeypatch):
    def broken(*_):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: broken)
    few = {**FEW, "network": {"shape": 33, "compiler": "torch"}}
    found = rk.register(head, head, init="header", model=model, refine="none", **few)
    (stage,) = (stage for stage in found.stages if stage.name == "network")
    assert stage.note.endswith("not compiled: no compiler here")


def test_the_field_engine_goes_on_from_the_network(head, model, body, error):
    still, way = Affine.identity(), swaying(SHARES)
    alone = rk.register(head, head, model=way, refine="none", init="header", **FEW)
    found = rk.register(head, head, model=model, init="header", similarity="mse", **FEW)
    assert [stage.name for stage in found.stages][-4:] == [
        "network",
        "field",
        "selection",
        "output",
    ]
    assert len(found.stages[-3].levels[0].values) == 10 + 10  # a tenth, smooth and free
    assert error(found.transform, still) < 0.5 * error(alone.transform, still)


@pytest.mark.parametrize(
    ("iterations", "similarity", "left"),
    [
        ((100, 50, 6), LNCC(3), (10, 13, 7)),
        ((100, 50, 6), MutualInformation(), (10, 13, 8)),
        ((100, 50, 0), MutualInformation(), (10, 13, 0)),
        ((100, 40), MutualInformation(), (10, 20)),
        ((20,), LNCC(3), (20,)),
    ],
)
def test_less_is_left_to_do_after_a_network(iterations, similarity, left):
    factors = tuple(2**n for n in reversed(range(len(iterations))))
    config = FieldConfig(factors=factors, iterations=iterations)
    assert shorten_after_network(config, similarity).iterations == left


def test_a_plane_takes_a_network_of_two_dimensions(head):
    plane = rk.Volume(head.data[0, :, :, 10], rk.Grid((24, 28), np.diag([1.3, 1.1, 1.0])))
    model = swaying(SHARES[:2])
    found = rk.register(plane, plane, model=model, refine="none", init="header", **FEW)
    middle = torch.from_numpy(plane.grid.centre)[None]
    moved = (found.transform(middle) - middle)[0]
    box = plane.grid.spacing[0] * 24, plane.grid.spacing[1] * 28
    assert moved[0] > 0
    assert moved[1] < 0
    assert all(float(abs(m)) <= 0.03 * 1.6 * b for m, b in zip(moved, box, strict=True))


def test_a_model_of_another_dimension_is_refused(head):
    with pytest.raises(InputError, match=r"trained on images of 2 axes, these have 3"):
        rk.register(head, head, model=shifting(SHARES[:2]))


def test_one_start_is_enough(head, bend, model):
    with pytest.raises(InputError, match=r"an initial displacement and a model both say"):
        rk.register(head, head, initial=bend, model=model, **FEW)


def test_a_network_of_icon_registration_loads(model):
    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.regis_net = model.network

    found = rk.models.from_icon(Whole(), name="knees")
    assert found.name == "knees"
    wanted = model.network.state_dict()
    assert all(torch.equal(v, wanted[k]) for k, v in found.network.state_dict().items())
    with pytest.raises(InputError, match=r"^icon: has 0 networks of the GradICON kind"):
        rk.models.from_icon(torch.nn.Linear(2, 2))


def test_auto_takes_the_best_weights_that_are_installed(model, tmp_path):
    assert resolve("auto") == (
        None,
        "auto: multigradicon and unigradicon are not installed, so the classical engine runs alone",
    )
    path = tmp_path / "a.pt"
    torch.save(model.network.state_dict(), path)
    store.import_file("unigradicon", path)
    assert resolve("auto") == ("unigradicon", "auto: unigradicon is installed")
    store.import_file("multigradicon", path)
    assert resolve("auto")[0] == "multigradicon"
    store.import_file("knees.v2", path)
    assert resolve("knees.v2") == ("knees.v2", "asked for")
    assert resolve(str(path)) == (str(path), "asked for")
    with pytest.raises(InputError, match=r"'knees' are not installed; get them with: "):
        resolve("knees")
    with pytest.raises(InputError, match=r"knees.trch: there is no such file of weights"):
        resolve("knees.trch")


@pytest.mark.parametrize("installed", [True, False])
def test_the_command_says_which_network_ran(installed, head, tmp_path, model, capsys):
    fixed = head.save(tmp_path / "fixed.nii.gz")
    settings = tmp_path / "few.yaml"
    settings.write_text(json.dumps({**FEW, "field": {"factors": [4, 2], "iterations": [2, 2]}}))
    if installed:
        path = tmp_path / "a.pt"
        torch.save(model.network.state_dict(), path)
        store.import_file("multigradicon", path)
    words = ["register", fixed, fixed, "--model", "auto", "--config", settings]
    assert main([*map(str, words), "-o", str(tmp_path / "out"), "--threads", "1"]) == 0
    said = capsys.readouterr().err
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    stages = [stage["name"] for stage in record["stages"]]
    if installed:
        assert "model   multigradicon (auto: multigradicon is installed)" in said
        assert "network" in stages
        assert record["config"]["model"] == "multigradicon"
    else:
        assert "model   none (auto: multigradicon and unigradicon are not installed" in said
        assert "network" not in stages


def _quiet(_):
    pass
