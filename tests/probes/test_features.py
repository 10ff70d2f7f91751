"""Maps, their grids, how they are pooled, and that they are made once."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from probes.features import PooledStore, open_maps, pooling_called
from probes.features.gradicon import inner_layers
from probes.features.maps import BackboneMaps
from regkit import Grid, Labels, Volume
from regkit.errors import InputError
from regkit.features import FeatureCache
from regkit.networks import models


@pytest.fixture(scope="module")
def unit(head):
    return head.with_data(head.data / 100)


def test_poolings_are_those_of_numpy(unit, parts):
    data = unit.data[0].numpy()
    assert pooling_called("mean").pool(unit, None).item() == pytest.approx(data.mean(), rel=1e-5)
    assert pooling_called("std").pool(unit, None).item() == pytest.approx(data.std(), rel=1e-5)
    assert pooling_called("max").pool(unit, None).item() == data.max()
    inside = [data[parts.data[0].numpy() == value].mean() for value in parts.values]
    np.testing.assert_allclose(pooling_called("roi").pool(unit, parts), inside, rtol=1e-4)
    halves = pooling_called("grid:2").pool(unit, None)
    assert halves[0].item() == pytest.approx(data[:12, :14, :10].mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["mean", "grid:3", "roi"])
def test_weights_spread_over_the_map_add_up_to_the_score(name, unit, parts):
    pooling, two = pooling_called(name), unit.with_data(torch.cat([unit.data, unit.data**2]))
    values = pooling.pool(two, parts)
    weights = torch.linspace(-1, 1, len(values))
    spread = pooling.spread(two, parts, weights)
    assert spread.grid == two.grid
    assert spread.data.sum().item() == pytest.approx((weights @ values).item(), rel=1e-3)


def test_a_coarse_map_keeps_small_structures(unit, parts):
    coarse = Volume(torch.rand(2, 3, 3, 3), unit.grid.with_shape((3, 3, 3)))
    found = pooling_called("roi").pool(coarse, parts)
    assert found.shape == (2 * len(parts.values),)
    assert torch.isfinite(found).all()


def test_a_registration_network_is_listened_to_at_every_level(unit, bend):
    network = models.load("small").network
    extractor = open_maps("gradicon=small")
    assert {"step0.bottleneck", "step0.up0", "phi", "log_jacobian"} <= set(extractor.layers)
    assert len(inner_layers(network)) == len(extractor.layers) - 2
    maps = extractor.maps([unit, unit])
    corners = torch.from_numpy(unit.grid.corners())
    for found in maps.values():
        assert torch.allclose(torch.from_numpy(found.grid.corners()), corners)
    assert maps["phi"].data.shape == (3, *unit.shape)
    assert maps["step0.bottleneck"].channels > maps["step0.up0"].channels
    assert extractor.images == 2


def test_the_displacement_is_in_world_units_from_baseline_to_follow_up():
    """An image that is moved by a known way is found there, whatever its axes."""
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    axis = torch.arange(48.0)
    i, j, k = torch.meshgrid(axis, axis, axis, indexing="ij")

    def blob(shift):
        far = ((i - 24 - shift) / 9) ** 2 + ((j - 23) / 11) ** 2 + ((k - 25) / 8) ** 2
        return Volume(torch.exp(-(far**2))[None], affine)

    maps = open_maps("gradicon=small", ["phi", "log_jacobian"]).maps([blob(0.0), blob(2.0)])
    centre = maps["phi"].data[:, 20:28, 20:28, 20:28].mean((1, 2, 3))
    assert centre[0].item() == pytest.approx(-4, abs=1.2)  # 2 voxels along an axis that runs left
    assert centre[1:].abs().max() < 1
    assert maps["log_jacobian"].data.shape == (1, 48, 48, 48)


def test_random_weights_are_a_baseline_and_repeat(unit):
    one, same, other = (
        open_maps("gradicon=small", ["step0.up0"], random=True, seed=seed) for seed in (1, 1, 2)
    )
    assert not one.trained
    assert "random weights" in one.name
    first, again, third = (each.maps([unit, unit])["step0.up0"].data for each in (one, same, other))
    assert first.equal(again)
    assert not first.equal(third)
    assert open_maps("gradicon=small", ["phi"]).trained
    with pytest.raises(InputError, match="has no network whose weights could be drawn"):
        open_maps("mind", random=True)


@dataclass(frozen=True)
class OwnDraw:
    """A backbone that knows itself how its network begins."""

    weight: float = 5.0
    layers: tuple[str, ...] = ("0",)
    ndim: int = 3

    def with_random_weights(self, seed):
        return replace(self, weight=float(seed))

    def draw(self, images, generator):
        """No noise."""

    def __call__(self, images, noise):
        return [images * self.weight]


@dataclass(frozen=True)
class OldOwnDraw(OwnDraw):
    """One that was written for version 0.1."""

    with_random_weights = None

    def drawn_anew(self, seed):
        return replace(self, weight=float(seed))


@pytest.mark.parametrize("kind", [OwnDraw, OldOwnDraw])
def test_a_backbone_may_draw_its_own_weights(unit, monkeypatch, kind):
    monkeypatch.setattr("probes.features.maps.open_extractor", lambda source, layers: kind())
    for random, weight in ((False, 5), (True, 2)):
        found = BackboneMaps.called("own", (), random=random, seed=2)
        assert found.trained is not random
        assert found.maps([unit])["0"].data.equal(unit.data * weight)


def test_a_backbone_by_name_has_maps_on_the_field_of_view(unit):
    extractor = open_maps("mind")
    (found,) = extractor.maps([unit]).values()
    assert found.channels == 12
    np.testing.assert_allclose(found.grid.corners(), unit.grid.corners())


def test_a_network_of_slices_sees_a_volume_slice_by_slice(unit):
    extractor = open_maps("module=tests.probes.networks:small_net")
    (found,) = extractor.maps([unit]).values()
    assert found.shape == (12, 14, unit.shape[2])
    np.testing.assert_allclose(found.grid.corners(), unit.grid.corners())


def test_numbers_are_pooled_once(tmp_path, unit, parts, monkeypatch):
    store = PooledStore(FeatureCache(tmp_path, max_bytes=1 << 20))
    extractor, poolings = open_maps("mind"), [pooling_called(n) for n in ("mean", "roi")]
    first = store.pooled(extractor, [unit], poolings, parts)
    calls = []
    monkeypatch.setattr(type(extractor), "maps", lambda *a: calls.append(a))
    again = store.pooled(extractor, [unit], poolings, parts)
    assert not calls
    assert all(first[key].equal(again[key]) for key in first)
    monkeypatch.undo()
    moved = Volume(unit.data, Grid(unit.shape, np.eye(4)))  # the same values in another place
    labels = Labels(parts.data, moved.grid)
    calls = []
    plain = type(extractor).maps
    monkeypatch.setattr(type(extractor), "maps", lambda s, i: calls.append(i) or plain(s, i))
    store.pooled(extractor, [moved], poolings, labels)
    store.pooled(extractor, [unit.with_data(unit.data + 0.01)], poolings, parts)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: open_maps("nothing"), "source 'nothing' is not known"),
        (lambda: open_maps("gradicon"), "name its weights, such as gradicon=small"),
        (lambda: open_maps("gradicon=small", ["up9"]), "no layer 'up9'; allowed: step0.bottleneck"),
        (lambda: pooling_called("median"), "allowed: mean, std, max, roi, grid:N"),
    ],
)
def test_what_is_not_known_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
