"""Features as similarity, wherever a similarity is used."""

from contextlib import contextmanager

import pytest
import torch

from regkit import InputError
from regkit.features import open_extractor
from regkit.losses import LNCC, FeatureSimilarity, SimilaritySum
from regkit.losses.static_features import StaticFeatures
from regkit.networks.gradicon import cascade
from regkit.networks.unet import Widths
from regkit.registration.choice import similarity_of
from regkit.registration.config import FeatureConfig, TuningConfig, make_config
from regkit.registration.pipeline import register
from regkit.registration.tuning import tune
from regkit.resample import warp
from regkit.training.loop import STATE, train
from regkit.training.tasks import open_task
from regkit.transforms import DisplacementField

FEW = {"linear": {"spacings": [4.0], "iterations": 10}, "field": {"iterations": [20, 10, 5]}}


@pytest.fixture(scope="module")
def bent(plane):
    """The plane, seen through a known bend of up to 3 mm."""
    points = (plane.grid.world_points() - torch.from_numpy(plane.grid.centre)) / 12
    x, y = points.unbind(-1)
    fade = torch.exp(-points.square().sum(-1) / 2)
    u = 3 * torch.stack([torch.sin(y) * fade, torch.cos(x) * fade])
    return DisplacementField(u, plane.grid)


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("features:mind", {}),
        ("features:mind", {"mode": "static"}),
        ("features:mind+0.5*lncc2", {}),
        ("features:small-diffusion", {"layers": ["down.0"], "noise": "none"}),
    ],
)
def test_a_plane_is_registered_by_features(plane, bent, name, features):
    moving = warp(plane, bent, onto=plane.grid)
    result = register(plane, moving, similarity=name, features=features, **FEW)
    assert result.config.similarity == name
    assert [stage.similarity for stage in result.stages if stage.name == "field"] == [name]
    assert result.metrics["folding"] == 0
    # moving(phi(x)) = plane(bent(phi(x))), which is plane(x).
    inside = plane.grid.world_points()[plane.data[0] > 20]
    left = (bent(result.transform(inside)) - inside).norm(dim=-1).mean()
    assert left < 0.5 * (bent(inside) - inside).norm(dim=-1).mean()


def test_the_same_seed_gives_the_same_bytes(plane, bent):
    moving = warp(plane, bent, onto=plane.grid)
    noisy = {"layers": ["down.0"], "noise": "independent"}
    options = {"similarity": "features:small-diffusion", "features": noisy, "seed": 3, **FEW}
    both = [register(plane, moving, **options) for _ in range(2)]
    assert torch.equal(both[0].warped.data, both[1].warped.data)


def test_what_is_left_out_is_set_as_the_backbone_is_best_used():
    chosen = similarity_of("features:mind", 3)
    assert isinstance(chosen, FeatureSimilarity)
    assert (chosen.distance, chosen.noise) == ("l2", "none")
    changed = similarity_of("features:mind", 3, FeatureConfig(distance="cosine"))
    assert (changed.distance, changed.noise) == ("cosine", "none")
    assert isinstance(
        similarity_of("features:mind", 3, FeatureConfig(mode="static")), StaticFeatures
    )
    assert isinstance(similarity_of("features:mind+mi", 3), SimilaritySum)


def test_a_backbone_that_is_not_there_is_refused_before_any_work(plane):
    told = []
    with pytest.raises(InputError, match="no such backbone"):
        register(plane, plane, similarity="features:nothing", progress=told.append)
    assert told == []


def test_a_similarity_of_ones_own_guides_the_field(plane, bent):
    moving = warp(plane, bent, onto=plane.grid)
    own = FeatureSimilarity(open_extractor("mind"), distance="l2", noise="none")
    result = register(plane, moving, similarity=own, **FEW)
    named = register(plane, moving, similarity="features:mind", **FEW)
    assert torch.equal(result.warped.data, named.warped.data)
    assert result.config.similarity == "features:mind"
    with pytest.raises(InputError, match="'features:mind' is an object, which guides a deformable"):
        register(plane, moving, similarity=own, transform="rigid")


class _Lottery(LNCC):
    """LNCC and, at every look, luck that is a thousand times what a step gains."""

    def is_stochastic(self, shape):
        return True

    @contextmanager
    def fixed_seed(self, seed):
        before, luck[:] = luck[:], [torch.Generator().manual_seed(seed)]
        yield
        luck[:] = before

    def value_and_gradient(self, fixed, warped, weight):
        value, gradient = super().value_and_gradient(fixed, warped, weight)
        return value + 10 * float(torch.rand((), generator=luck[0])), gradient


luck = [torch.Generator().manual_seed(0)]


def test_chance_does_not_undo_what_was_gained(plane, bent):
    """A level is kept or not by the same draws before and after it."""
    moving = warp(plane, bent, onto=plane.grid)
    lucky, plain = (
        register(plane, moving, similarity=loss, **FEW) for loss in (_Lottery(3), LNCC(3))
    )
    inside = plane.grid.world_points()[plane.data[0] > 20]
    left = [
        float((bent(found.transform(inside)) - inside).norm(dim=-1).mean())
        for found in (lucky, plain)
    ]
    assert left[0] < 1.5 * left[1] < float((bent(inside) - inside).norm(dim=-1).mean())


def test_the_configuration_reaches_yaml_and_back():
    given = {"similarity": "features:mind", "features": {"distance": "l1", "axes": 2}}
    config = make_config(file=given)
    assert make_config(file=config.model_dump(mode="json")) == config


def test_weights_are_tuned_by_features():
    torch.manual_seed(0)
    network = cascade((1, 0), 3, Widths((2, 4, 8), (4, 4))).eval()
    coarse = torch.rand(1, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    fixed = torch.nn.functional.interpolate(coarse, size=(16, 16, 16), mode="trilinear")
    config = TuningConfig(iterations=6, learning_rate=5e-4, tolerance=0)
    features = FeatureConfig(distance="cosine", axes=0)
    loss = similarity_of("features:small-diffusion", 3, features)
    _, losses = tune(network, fixed.roll(1, 2), fixed, loss, config, lambda *_: None)
    assert min(losses) < losses[0]


def test_training_by_features_goes_on_to_the_bit(tmp_path):
    words = {
        "task": "registration",
        "stages": [{"networks": 1, "steps": 2, "learning_rate": 1e-3}],
        "sources": [{"name": "shapes", "synthesis": "shapes"}],
        "down": [2, 4, 8, 8], "up": [4, 8, 8], "shape": 16,
        "loss": {
            "similarity": "features:small-diffusion+lncc2",
            "features": {"layers": ["down.0"], "slices": 2, "noise": "shared"},
        },
    }  # fmt: skip
    states = []
    for name, stops in (("whole", [None]), ("cut", [1, None])):
        for stop in stops:
            task = open_task({**words, "output": str(tmp_path / name)}, "x")
            train(task, lambda _: None, until=stop)
        states.append(torch.load(tmp_path / name / STATE, weights_only=True)["network"])
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_training_refuses_auto(tmp_path):
    words = {
        "task": "registration", "output": str(tmp_path), "stages": [{"steps": 1}],
        "sources": [{"name": "s", "synthesis": "shapes"}], "loss": {"similarity": "auto"},
    }  # fmt: skip
    with pytest.raises(InputError, match=r"loss\.similarity: .*'lncc2'"):
        open_task(words, "x.yaml")


def static(**more):
    return {"similarity": "features:mind", "features": {"mode": "static", "noise": "none", **more}}


def test_features_are_kept_for_the_next_run(plane, bent, tmp_path):
    moving = warp(plane, bent, onto=plane.grid)
    first = register(plane, moving, **static(cache=tmp_path), **FEW)
    kept = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    assert kept
    again = register(plane, moving, **static(cache=tmp_path), **FEW)
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == kept
    plain = register(plane, moving, **static(), **FEW)
    for other in (again, plain):
        assert torch.equal(other.warped.data, first.warped.data)


def test_options_beside_a_config_leave_its_cache(plane, tmp_path):
    config = make_config(**static(cache=tmp_path), **FEW)
    result = register(plane, plane, config=config, seed=3)
    assert result.config.features.cache == tmp_path
    assert str(tmp_path) not in config.model_dump_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"similarity": "lncc2", "features": {"cache": "x"}}, "similarity 'lncc2' compares none"),
        (
            {"similarity": "features:mind", "features": {"cache": "x", "noise": "none"}},
            "not mode 'warped' and noise 'none', which compute them anew",
        ),
    ],
)
def test_a_cache_that_would_keep_nothing_is_refused(plane, options, message):
    with pytest.raises(InputError, match=message):
        register(plane, plane.with_data(plane.data + 1), **options)
