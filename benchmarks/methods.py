"""regkit and its peers, all run in one way: a process that reads two files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import regkit as rk
from benchmarks.measure import THREADS, Cost, measured
from benchmarks.peer_process import AFFINE, WARP
from regkit.transforms import Transform

REGKIT = (sys.executable, "-c", "from regkit.cli import script; script()")


@dataclass(frozen=True)
class Method:
    """One way to register a pair.

    Parameters
    ----------
    name
        What the tables call it.
    words
        The command for fixed, moving and the folder that takes the result.
    found
        Reads the transform, world points of fixed to world points of moving, from that folder.
    package
        The module that must be installed.
    """

    name: str
    words: Callable[[Path, Path, Path], list[str]]
    found: Callable[[Path], Transform]
    package: str = "regkit"

    def run(self, fixed: Path, moving: Path, out: Path, *, device: str = "cpu") -> Cost:
        """Register in a process of its own; the result is left in ``out``.

        ``device`` is for regkit; peers run where they always do.
        """
        out.mkdir(parents=True, exist_ok=True)
        where = ["--device", device] if self.package == "regkit" else []
        return measured([*self.words(fixed, moving, out), *where], out / "log.txt")

    @property
    def installed(self) -> bool:
        """Whether its package is."""
        return find_spec(self.package) is not None


def regkit(*options: str, name: str = "") -> Method:
    """`regkit register FIXED MOVING ...` as a user types it: everything it writes is written."""

    def words(fixed: Path, moving: Path, out: Path) -> list[str]:
        fixed_options = ["--threads", str(THREADS), "--quiet", "--overwrite"]
        pair = [str(fixed), str(moving), "-o", str(out / "result")]
        return [*REGKIT, "register", *pair, *fixed_options, *options]

    title = name or " ".join(option.removeprefix("--") for option in options)
    return Method(f"regkit {title}", words, lambda out: rk.read_transform(record(out, "transform")))


def record(out: Path, what: str) -> Path:
    """A file that regkit left in ``out``: ``transform``, ``warped`` or ``run``."""
    names = {"transform": "transform.h5", "warped": "warped.nii.gz", "run": "run.json"}
    return out / "result" / names[what]


def peer(name: str, process: str, package: str, *options: str) -> Method:
    """A peer of :mod:`benchmarks.peer_process`; it writes its field and no image."""

    def words(fixed: Path, moving: Path, out: Path) -> list[str]:
        module = [sys.executable, "-m", "benchmarks.peer_process", process]
        return [*module, str(fixed), str(moving), str(out), *options]

    return Method(name, words, _peer_transform, package)


def greedy_matrix(out: Path) -> rk.Affine:
    """What ``greedy_affine`` found."""
    return rk.Affine(np.loadtxt(out / AFFINE))


def _peer_transform(out: Path) -> Transform:
    field = rk.read_transform(out / WARP)
    # ANTs applies the affine to points that its field has moved.
    return rk.compose(rk.read_transform(out / AFFINE), field) if (out / AFFINE).exists() else field


PRESETS = (
    regkit("--preset", "fast", name="fast"),
    regkit("--preset", "default", name="default"),
    regkit("--preset", "accurate", name="accurate"),
)
DEFAULT = PRESETS[1]
GREEDY = peer("greedy NCC 2x2x2, 100x50x10", "greedy", "picsl_greedy", "NCC", "2x2x2", "100x50x10")
GREEDY_HALF = peer("greedy NCC, 100x50x0", "greedy", "picsl_greedy", "NCC", "2x2x2", "100x50x0")
GREEDY_NMI = peer("greedy NMI, 100x50x10", "greedy", "picsl_greedy", "NMI", "100x50x10")
GREEDY_AFFINE = peer("greedy affine", "greedy_affine", "picsl_greedy")
DEMONS = peer("SimpleITK demons, 100x50x20", "demons", "SimpleITK", "100x50x20")
DEMONS_HALF = peer("SimpleITK demons, 100x50x0", "demons", "SimpleITK", "100x50x0")
SYN_QUICK = peer("antsRegistrationSyNQuick[so]", "syn_quick", "ants")
CONVEX_ADAM = peer("convexAdam", "convex_adam", "convexAdam")
