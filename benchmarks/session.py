"""What every case is given: where to write, how often to run, whether peers come along."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

import regkit as rk
from benchmarks.measure import Cost, ProcessFailedError, median
from benchmarks.methods import Method, regkit


@dataclass(frozen=True)
class Session:
    """One run of the benchmark.

    Parameters
    ----------
    folder
        For everything that is written; removed at the end.
    runs
        How often a process is timed.
    peers
        Whether peers run too.
    device
        Where regkit runs.
    """

    folder: Path
    runs: int = 3
    peers: bool = False
    device: str = "cpu"
    _warm: set[str] = field(default_factory=set)

    def methods(self, own: Sequence[Method], peers: Sequence[Method]) -> list[Method]:
        """``own``, and those peers that were asked for and are installed."""
        wanted = peers if self.peers else ()
        for method in wanted:
            if not method.installed:
                say(f"skipped {method.name}: {method.package} is not installed")
        return [*own, *(method for method in wanted if method.installed)]

    def race(
        self,
        methods: Sequence[Method],
        fixed: Path,
        moving: Path,
        *,
        runs: int | None = None,
    ) -> dict[str, Cost | str]:
        """Run every method ``runs`` times in turns, so that a busy minute hits them all.

        Returns
        -------
        dict
            By name: the medians, or the message of the failure. The results of the last turn are
            in :meth:`place`.
        """
        costs: dict[str, list[Cost]] = {method.name: [] for method in methods}
        failures: dict[str, str] = {}
        for turn in range(runs or self.runs):
            for method in methods:
                say(f"{method.name}: {moving.name} to {fixed.name}, run {turn + 1}")
                try:
                    place = self.place(method, fixed)
                    cost = method.run(fixed, moving, place, device=self.device)
                    costs[method.name].append(cost)
                except ProcessFailedError as error:
                    failures[method.name] = str(error)
                    say(f"failed: {error}")
        return {name: failures.get(name) or median(costs[name]) for name in costs}

    def place(self, method: Method, fixed: Path) -> Path:
        """The folder in which ``method`` leaves what it found for ``fixed``."""
        letters = "".join(letter if letter.isalnum() else "_" for letter in method.name)
        return self._results(fixed) / letters

    def forget(self, fixed: Path) -> None:
        """Remove what :meth:`place` holds for ``fixed``: hundreds of megabytes a method."""
        shutil.rmtree(self._results(fixed), ignore_errors=True)

    def warm_up(self, *similarities: str) -> None:
        """Let what regkit reads come into the memory of the system once, untimed."""
        for similarity in set(similarities) - self._warm:
            say(f"a first run with {similarity}, which is not timed")
            fixed, moving = (self.save(_blob(shift), f"blob{shift}") for shift in (0, 1))
            method = regkit("--similarity", similarity)
            method.run(fixed, moving, self.folder / "warm", device=self.device)
            self._warm.add(similarity)

    def save(self, volume: rk.Volume, name: str) -> Path:
        """``volume`` as a NIfTI file of this session; labels and images alike."""
        return volume.save(self.folder / f"{name}.nii.gz", overwrite=True)

    def _results(self, fixed: Path) -> Path:
        return self.folder / "results" / fixed.name.split(".")[0]


def say(words: str) -> None:
    """Tell whoever waits what is going on."""
    print(f"  {words}", file=sys.stderr, flush=True)


def _blob(shift: float, size: int = 32) -> rk.Volume:
    axis = torch.arange(size, dtype=torch.float32) - size / 2 - shift
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    image = torch.exp(-(z**2 / 30 + y**2 / 50 + x**2 / 70)) * (2 + torch.cos(z) + torch.sin(x * y))
    return rk.Volume(100 * image, rk.Grid((size,) * 3, 2 * np.eye(4) - np.diag([0, 0, 0, 1])))
