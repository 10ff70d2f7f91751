"""Patches of matched windows: what small parts say of the shift, each where its slopes lie.

A window says how far its pixels lie off on average; its patches say how that changes within it,
and along which axes they know it at all: one edge knows nothing of a shift along itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regkit.registration.scenes.refine import PATCH, RefinedShifts
from regkit.registration.scenes.windows import Floats
from regkit.volume.once import once

_FLOOR = 0.005  # pixels: no window is trusted to be better than this
_FLAT = 1e-6  # of squared slopes: so that a patch with one edge can be inverted
_LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class WindowPatches:
    """Normal equations ``H (u - shift) = rest`` of the shift ``u`` of each patch.

    Their noise is that of a unit: ``rest`` is off by a vector whose covariance is ``H``.

    Parameters
    ----------
    index
        ``(N, P, 2)``, pixels of a grid: the middle of the squared slopes.
    shift
        ``(N, P, 2)``, pixels: at which the equations were written.
    slopes
        ``(N, P, 2, 2)``: the matrices ``H``.
    rest
        ``(N, P, 2)``.
    share
        ``(N, P)``: how much of a patch counts, 1 if it is shown once and has data everywhere.
    """

    index: Floats
    shift: Floats
    slopes: Floats
    rest: Floats
    share: Floats

    @classmethod
    def of(cls, refined: RefinedShifts, corners: NDArray[np.int64], channels: int) -> WindowPatches:
        """Take what was found of windows whose first pixels are ``corners (N, 2)``."""
        a, b, d, *rest, row, column, weight = np.moveaxis(refined.equations, -1, 0)
        power = np.maximum(a + d, _LEAST)
        index = corners[:, None] + np.stack([row, column], -1) / power[..., None]
        slopes = np.stack([a, b, b, d], -1).reshape(*a.shape, 2, 2)
        right = np.stack(rest, -1)
        noise = _noise(slopes, right, refined)[:, None, None]
        shift = np.broadcast_to(refined.shift[:, None], index.shape)
        share = weight / channels / PATCH**2
        return cls(index, shift, slopes / noise[..., None], right / noise, share)

    def __len__(self) -> int:
        """How many windows they are of."""
        return len(self.index)

    def of_windows(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> WindowPatches:
        """Those of some windows."""
        some = (self.index, self.shift, self.slopes, self.rest, self.share)
        return WindowPatches(*(each[which] for each in some))

    def after(self, motion: Callable[[Floats], Floats]) -> WindowPatches:
        """The same of an image that was seen through a motion, which gives shifts at points."""
        known = motion(self.index.reshape(-1, 2)).reshape(self.index.shape)
        return replace(self, shift=self.shift + known)

    def misfit(self, shift: Floats) -> float:
        """What shifts ``(N, P, 2)`` leave: 2 for every whole patch where they are right."""
        off = shift - self.shift
        apart = np.einsum("npx,npxy,npy->", off, self.slopes, off) - 2 * (off * self.rest).sum()
        return float(apart) + self._unexplained

    @once
    def _unexplained(self) -> float:
        """What is left at the shift that suits every patch by itself, less what it gains there."""
        flat = _FLAT * np.trace(self.slopes, axis1=-2, axis2=-1) + _LEAST
        whole = self.slopes + flat[..., None, None] * np.eye(2)
        return float((self.rest * np.linalg.solve(whole, self.rest[..., None])[..., 0]).sum())

    @property
    def count(self) -> float:
        """How many numbers they tell: two for every whole patch."""
        return 2 * float(self.share.sum())


def _noise(slopes: Floats, rest: Floats, refined: RefinedShifts) -> Floats:
    """The variance of the noise of each window ``(N)``, by how much its patches differ."""
    whole, spread = slopes.sum(1), np.einsum("npx,npy->nxy", rest, rest)
    power = np.trace(whole, axis1=1, axis2=2) / 2
    inverse = np.linalg.inv(whole + (_FLAT * power + _LEAST)[:, None, None] * np.eye(2))
    seen = refined.seen.astype(np.float64)
    # What counts less shows less of its noise.
    counted = np.square(seen).sum((1, 2)) / np.maximum(seen.sum((1, 2)), _LEAST)
    noise = np.einsum("nxy,nyx->n", inverse, spread) / 2 / np.maximum(counted, _LEAST)
    found: Floats = noise + _FLOOR**2 * power + _LEAST
    return found
