from pathlib import Path

import pytest

from regkit import ResourceError
from regkit.cli import main
from regkit.registration.config import make_config
from regkit.runs import Needs, memory
from regkit.runs.memory import available_memory, check_needs
from regkit.runs.register.memory import (
    feature_memory,
    needed_memory,
    needed_space,
    network_memory,
    what_helps,
)


def network(shape, precision, refine="none", save_memory=True):
    return {
        "network": {"shape": shape, "precision": precision},
        "refine": refine,
        "tuning": {"save_memory": save_memory},
    }


NETWORKS = [
    (network(96, "fp32"), 1388e6 * 1.048576),
    (network(128, "fp32"), 1686e6 * 1.048576),
    (network(96, "bf16"), 1284e6 * 1.048576),
    (network(128, "bf16"), 1427e6 * 1.048576),
    (network(64, "fp32", "weights"), 2786e6 * 1.048576),
    (network(96, "fp32", "weights"), 3578e6 * 1.048576),
    (network(64, "fp32", "weights", save_memory=False), 3040e6 * 1.048576),
    (network(96, "fp32", "weights", save_memory=False), 4316e6 * 1.048576),
]


@pytest.fixture
def weights(tmp_path):
    """A file as large as the released weights, with nothing in it that could be loaded."""
    path = tmp_path / "weights.trch"
    with path.open("wb") as file:
        file.truncate(283_000_000)
    return path


BRAIN, CUBE = 160 * 192 * 224, 256**3


@pytest.mark.parametrize(
    ("voxels", "settings", "measured"),
    [
        (BRAIN, {}, 958e6),
        (CUBE, {}, 1434e6),
        (BRAIN, {"transform": "rigid"}, 748e6),
        (CUBE, {"transform": "rigid"}, 1243e6),
        (BRAIN, {"similarity": "mind"}, 3602e6),
        (BRAIN, {"similarity": "mind", "preset": "fast"}, 1052e6),
        (CUBE, {"preset": "fast"}, 1448e6),
    ],
)
def test_the_estimate_is_near_what_was_measured(voxels, settings, measured):
    estimate = 200e6 + needed_memory(voxels, voxels, make_config(**settings))
    assert 0.95 * measured < estimate < 1.3 * measured


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "use images with larger voxels"),
        ({"similarity": "mind"}, "use --preset fast or a --fixed-mask"),
        ({"model": "x"}, "use a smaller `network: {shape: ...}` in --config or images"),
        ({"similarity": "features:mind"}, "use a smaller `features: {chunk: ...}` in --config or"),
        ({"model": "x", "refine": "weights"}, "use --refine field or a smaller `network"),
    ],
)
def test_only_what_helps_is_said(settings, words):
    assert what_helps(make_config(**settings)).startswith(words)


# Whole runs of two images of 96**3 with random weights of the released layout, on one thread.
@pytest.mark.parametrize(("settings", "measured"), NETWORKS)
def test_the_estimate_of_a_network_is_near_what_was_measured(weights, settings, measured):
    config = make_config(model=str(weights), device="cpu", similarity="lncc", **settings)
    network = network_memory(config, 3)
    estimate = 200e6 + needed_memory(96**3, 96**3, config, network=network)
    assert 0.95 * measured < estimate < 1.3 * measured


# Whole runs by small-diffusion, one iteration a level, on one thread.
@pytest.mark.parametrize(
    ("shape", "measured"),
    [((96, 96, 96), 1394e6 * 1.048576), ((160, 192, 224), 2563e6 * 1.048576)],
)
def test_the_estimate_of_features_is_near_what_was_measured(shape, measured):
    config = make_config(similarity="features:small-diffusion")
    voxels = shape[0] * shape[1] * shape[2]
    estimate = 200e6 + needed_memory(voxels, voxels, config) + feature_memory(config, shape)
    assert 0.95 * measured < estimate < 1.3 * measured


def test_the_weights_of_a_backbone_and_its_slices_count(weights):
    few, many, own = (
        feature_memory(make_config(similarity=name, features={"chunk": chunk}), (96, 96, 96))
        for name, chunk in (
            ("features:small-diffusion", 1),
            ("features:small-diffusion", 8),
            (f"lncc+features:dgir-3d={weights}", 1),
        )
    )
    assert own - few == 283_000_000
    assert many > few + 7 * 1000 * 96 * 96
    assert feature_memory(make_config(), (96, 96, 96)) == 0


def test_no_network_where_none_runs(weights):
    assert network_memory(make_config(), 3) == 0
    assert network_memory(make_config(model=str(weights), transform="rigid"), 3) == 0
    known = make_config(model=str(weights), device="cpu", network={"precision": "fp32"})
    assert network_memory(known, 3) > 250 * 175**3


def test_what_does_not_fit_is_refused_with_numbers(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    assert main(files.words("-o", tmp_path / "out")) == 4
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    for word in ("fixed.nii.gz (24x28x20)", "MiB of memory are needed, 1.0 MiB", "larger voxels"):
        assert word in told
    assert not list(tmp_path.iterdir())


def test_a_limit_of_the_shell_counts(monkeypatch):
    resource = pytest.importorskip("resource")
    free = available_memory()
    assert free is None or free > 1 << 20
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    assert available_memory() == 0


def test_a_limit_of_a_container_counts(monkeypatch):
    texts = {
        "/sys/fs/cgroup/memory.max": "1000\n",
        "/sys/fs/cgroup/memory.current": "900\n",
        "/sys/fs/cgroup/memory.stat": "anon 500\ninactive_file 300\n",
    }
    monkeypatch.setattr(memory, "_text", texts.get)
    assert available_memory() == 400


def test_an_unknown_system_is_let_through(monkeypatch):
    monkeypatch.setattr(memory, "_text", lambda _: None)
    assert available_memory() is None
    check_needs(Needs(1 << 60), Path())


def test_only_a_field_takes_much_disk():
    assert needed_space(BRAIN, make_config(transform="rigid")) < 2 << 20
    assert needed_space(BRAIN, make_config()) > 50 << 20


def test_out_of_memory_says_what_helps(files, tmp_path, capsys, monkeypatch):
    def full(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr("regkit.runs.register.task.register", full)
    assert main(files.words("-o", tmp_path / "out", "-q")) == ResourceError.exit_code
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    for word in ("out of memory", "--preset fast", "--fixed-mask", "--device cpu"):
        assert word in told
