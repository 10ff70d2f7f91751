"""VISTA3D: the real architecture, narrow and with random weights; its own were never run here."""

import json

import numpy as np
import pytest
import torch

from foundation.prompts import PointPrompt, Prompts
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.vista3d import Vista3d, open_vista3d, vista3d_network
from regkit import InputError
from regkit.volume import Points

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
WINDOW = 32


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return vista3d_network(8)


@pytest.fixture
def part(scan):
    """What fits into one window: the network takes seconds for each."""
    return scan.window((8, 10, 5), (20, 20, 10))


@pytest.fixture
def model(network):
    return Vista3d(network, window=WINDOW)


def at(*places, signs=None):
    points = Points(torch.tensor(places, dtype=torch.float64))
    return PointPrompt(points, None if signs is None else torch.tensor(signs))


def test_a_bundle_tells_the_names(tmp_path, monkeypatch, network):
    monkeypatch.setattr("foundation.segmenters.vista3d.vista3d_network", lambda: network)
    (tmp_path / "models").mkdir()
    (tmp_path / "configs").mkdir()
    torch.save(network.state_dict(), tmp_path / "models" / "model.pt")
    names = {"0": "background", "1": "liver", "2": "kidney"}
    about = {"network_data_format": {"outputs": {"pred": {"channel_def": names}}}}
    (tmp_path / "configs" / "metadata.json").write_text(json.dumps(about))
    opened = open_vista3d(tmp_path)
    assert opened.capabilities.classes == ("liver", "kidney")
    assert "Noncommercial" in opened.capabilities.licence
    assert open_vista3d(tmp_path / "models" / "model.pt").capabilities.classes[-1] == "132"
    torch.save({"a": torch.zeros(1)}, tmp_path / "models" / "model.pt")
    with pytest.raises(InputError, match=r"model\.pt: is of another network: 259 tensors are miss"):
        open_vista3d(tmp_path)


@pytest.mark.parametrize("path", [None, "nowhere"])
def test_where_the_weights_go_is_said(path, tmp_path):
    with pytest.raises(MissingWeightsError, match="write vista3d=FOLDER"):
        open_vista3d(path and tmp_path / path)


def test_the_network_is_that_of_the_released_weights():
    with torch.device("meta"):
        state = vista3d_network().state_dict()
    assert len(state) == 259
    assert tuple(state["class_head.class_embeddings.weight"].shape) == (512, 48)
    assert sum(value.numel() for value in state.values()) == pytest.approx(218e6, rel=0.01)


@pytest.mark.parametrize("kind", ["class", "points"])
def test_the_order_of_storage_does_not_matter(kind, model, part, centre):
    prompts = {"class": Prompts(classes=("3",)), "points": Prompts(points=at(centre.tolist()))}
    found = []
    for stored in (part, part.reoriented("PSR")):
        model.set_image(stored)
        found.append(model.segment(prompts[kind]).probability)
    assert found[0].grid == part.grid
    assert torch.allclose(*[each.reoriented("RAS").data for each in found], atol=1e-3)


def test_points_are_given_where_they_are_and_as_what_they_are(model, part, centre, network):
    given = []
    hook = network.point_head.register_forward_pre_hook(lambda _, args: given.append(args))
    model.set_image(part)
    other = np.add(centre, [6.0, 0.0, 0.0]).tolist()
    for classes in ((), ("23",)):  # the second is a tumour
        model.segment(
            Prompts(points=at(centre.tolist(), other, signs=[True, False]), classes=classes)
        )
    hook.remove()
    (_, index, plain), *_, (_, _, special) = given
    assert plain.tolist() == [[1, 0]]
    assert special.tolist() == [[3, 2]]
    assert float((index[0, 1] - index[0, 0]).norm()) == pytest.approx(4, abs=1)


def test_an_earlier_result_stays_where_no_window_is(model, scan, centre):
    model.set_image(scan)
    before = scan.with_data(torch.full_like(scan.data, 0.75))
    found = model.segment(Prompts(points=at(centre.tolist()), previous=before)).probability
    far = scan.grid.world_points() - torch.from_numpy(centre)
    beyond = far.abs().amax(-1) > 0.5 * WINDOW * 1.5 * 3**0.5 + 2
    inner = torch.zeros(scan.shape, dtype=torch.bool)
    inner[4:-4, 4:-4, 4:-4] = True
    values = found.data[0][beyond & inner]
    assert len(values) == 0 or torch.allclose(values, torch.full_like(values, 0.75), atol=1e-3)


def test_what_it_cannot_take_is_refused(model, scan, prompts, centre):
    model.set_image(scan)
    here = centre.tolist()
    for asked, said in (
        (prompts["mask"], "kind mask; allowed: points, class, previous"),
        (Prompts(classes=("liver",)), "knows no class 'liver'"),
        (Prompts(previous=scan), "needs a name or points"),
        (Prompts(points=at(here), classes=("1", "2")), "for one name, not for several"),
        (Prompts(points=at(here, signs=[False])), "needs a point inside"),
    ):
        with pytest.raises(UnsupportedPromptError, match=said):
            model.segment(asked)
    with pytest.raises(InputError, match="lies outside the image"):
        model.segment(Prompts(points=at([900.0, 0, 0])))
