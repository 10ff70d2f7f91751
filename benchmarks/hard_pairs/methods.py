"""regkit and its peers on one hard pair: the words of each process, and what it found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import regkit as rk
from benchmarks import methods
from benchmarks.hard_pairs.pair import HardPair, Kind
from benchmarks.hard_peers import AFFINE, MATRIX, WARP
from benchmarks.methods import Method
from regkit.transforms import Transform

FIELD, LINEAR = "field", "linear"


@dataclass(frozen=True)
class Files:
    """Where the images of a pair, and its masks, were written."""

    fixed: Path
    moving: Path
    fixed_mask: Path | None = None
    moving_mask: Path | None = None

    @property
    def masks(self) -> list[str]:
        """As options of a command line."""
        given = {"--fixed-mask": self.fixed_mask, "--moving-mask": self.moving_mask}
        return [word for name, path in given.items() if path for word in (name, str(path))]


@dataclass(frozen=True)
class Contender:
    """A tool, and how far it goes: its ``field``, or its ``linear`` part alone."""

    name: str
    package: str
    method: Callable[[HardPair, Files], Method]
    reach: str

    @property
    def tool(self) -> str:
        """Its name without how far it goes."""
        return self.name.split()[0]

    @property
    def installed(self) -> bool:
        """Whether its package is."""
        return find_spec(self.package) is not None

    def enters(self, pair: HardPair) -> bool:
        """Peers enter a field only where the truth asks for one; regkit's is its default."""
        return self.package == "regkit" or self.reach == LINEAR or pair.transform == "deformable"


def linear_kind(pair: HardPair) -> Kind:
    """Rigid where the truth is, else affine."""
    return "rigid" if pair.transform == "rigid" else "affine"


def _regkit(*, reach: str) -> Contender:
    def method(pair: HardPair, files: Files) -> Method:
        kind = [] if reach == FIELD else ["--transform", linear_kind(pair)]
        more = [word for name, value in pair.options.items() for word in (f"--{name}", value)]
        return methods.regkit(*kind, *files.masks, *more, name=reach)

    return Contender(f"regkit {reach}", "regkit", method, reach)


def _peer(name: str, process: str, package: str, *, reach: str) -> Contender:
    def method(pair: HardPair, files: Files) -> Method:
        def words(fixed: Path, moving: Path, out: Path) -> list[str]:
            module = [sys.executable, "-m", "benchmarks.hard_peers", process]
            kind = ["--kind", "deformable" if reach == FIELD else linear_kind(pair)]
            across = ["--across"] if pair.across else []
            return [*module, str(fixed), str(moving), str(out), *kind, *across, *files.masks]

        return Method(f"{name} {reach}", words, peer_transform, package)

    return Contender(f"{name} {reach}", package, method, reach)


OWN = (_regkit(reach=FIELD), _regkit(reach=LINEAR))
_PEERS = (
    ("ANTsPy", "ants", "ants"),
    ("greedy", "greedy", "picsl_greedy"),
    ("SimpleITK", "simple_itk", "SimpleITK"),
    ("elastix", "elastix", "itk"),
)
PEERS = tuple(_peer(*peer, reach=reach) for peer in _PEERS for reach in (FIELD, LINEAR))
TOOLS = ("regkit", *(name for name, _, _ in _PEERS))


def peer_transform(out: Path) -> Transform:
    """What a peer left in ``out``: its field first, then its affine.

    Raises
    ------
    FileNotFoundError
        If it left nothing.
    """
    found: list[Transform] = []
    if (out / MATRIX).exists():
        found.append(rk.Affine(np.loadtxt(out / MATRIX)))
    found += [
        rk.read_transform(out / name) for name in (AFFINE, "affine.tfm") if (out / name).exists()
    ]
    if (out / WARP).exists():
        found.append(rk.read_transform(out / WARP))
    if not found:
        raise FileNotFoundError(f"{out.name}: no transform was written")
    return rk.compose(*found)
