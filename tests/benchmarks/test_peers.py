"""How the peers are asked."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import hard_peers, peer_process

FILES = Path("fixed.nii.gz"), Path("moving.nii.gz"), Path("out")


@pytest.mark.parametrize(
    "run",
    [
        lambda: peer_process.greedy(*FILES, "NMI", "100x50x10"),
        lambda: hard_peers.greedy(hard_peers.Job(*FILES, "deformable", False, None, None)),
    ],
    ids=["register", "hard"],
)
def test_greedy_keeps_its_warp_unrounded(run, monkeypatch):
    """By default picsl-greedy 1.4.0.3 rounds it: findings/greedy_warp_precision.sh."""
    commands = []
    engine = SimpleNamespace(execute=commands.append)
    monkeypatch.setitem(sys.modules, "picsl_greedy", SimpleNamespace(Greedy3D=lambda: engine))
    run()
    assert " -wp 0 " in commands[-1]
