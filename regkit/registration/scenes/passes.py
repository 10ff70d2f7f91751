"""What is looked at, from coarse to fine, and how windows lie on each level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regkit.registration.scenes.config import SceneConfig
from regkit.registration.scenes.windows import WindowLayout

_COARSEST = 400  # pixels along the longer side
_FEWEST = 64  # pixels along the shorter side
_MOST_WINDOWS = 3000
_NEARLY = 1.25  # of a pixel of fixed: pixels of moving that count as large as those


@dataclass(frozen=True)
class Pass:
    """One look: pixels ``factor`` times those of fixed, its windows, and pixels between knots."""

    factor: float
    window: WindowLayout
    knots: float


@dataclass(frozen=True)
class Schedule:
    """The passes over two scenes.

    Parameters
    ----------
    shape
        Of fixed.
    wanted
        Pixels of a window that the similarity needs.
    config
        The settings.
    ratio
        How many pixels of moving one of fixed is wide. What moving does not resolve is not looked
        at: windows would hold too few pixels of it, and both directions would differ.
    held
        Pixels of the finest level that is held in memory, in those of fixed: of what would be read
        from files there is only one level, the finest.
    """

    shape: tuple[int, ...]
    wanted: int
    config: SceneConfig
    ratio: float = 1.0
    held: float = 1.0

    @property
    def finest(self) -> float:
        """Pixels of the finest level, in those of fixed."""
        wide, most = 1 / self.ratio, max(1.0, min(self.shape) / _FEWEST)
        return 1.0 if wide < _NEARLY else float(min(wide, most))

    @property
    def coarsest(self) -> float:
        """Pixels of the coarsest level, in those of fixed: a power of two of the finest."""
        factor = self.finest
        longest, shortest = max(self.shape), min(self.shape)
        while longest / factor > _COARSEST and shortest / (2 * factor) >= _FEWEST:
            factor *= 2
        return factor

    def size(self, factor: float) -> int:
        """Pixels of a window, which is smaller in a small image."""
        shorter = min(self.shape) / factor
        return int(max(16, min(self.config.window or self.wanted, shorter // 3)))

    def voting(self) -> Pass:
        """The first look, at which windows vote for one shift."""
        factor = self.coarsest
        reach = int(np.ceil(self.config.max_shift / factor)) + 1
        size = self.size(factor)
        return Pass(factor, WindowLayout(size, size // 2, reach, self.config.min_valid), size / 2)

    def passes(self) -> list[Pass]:
        """Looks, from coarse to fine; the last one again with what it has found, more densely."""
        factor = first = self.coarsest
        found = list[Pass]()
        while factor >= self.finest:
            # Far at first: so many places to lie are there for a window that matches nothing.
            if factor >= self.held or factor == self.finest:
                found.append(self._pass(factor, 8 if factor == first else 5, 0.5))
            factor /= 2
        found.append(self._pass(self.finest, 3))
        if self.config.transform == "deformable":
            found.append(self._pass(self.finest, 2, 2))
        return found

    def judging(self) -> Pass:
        """The windows by which a motion is judged: those of the finest level, but not as many."""
        return self._pass(self.finest, 0, 0.5)

    def _pass(self, factor: float, reach: int, finer: float = 1) -> Pass:
        """Windows that overlap by half if not too many, and knots as far apart, or nearer."""
        size, area = self.size(factor), float(np.prod(self.shape)) / factor**2
        step = max(size // 2, int(np.sqrt(area / _MOST_WINDOWS) / finer))
        window = WindowLayout(size, step, reach, self.config.min_valid)
        return Pass(factor, window, step / max(finer, 1))
