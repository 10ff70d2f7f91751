"""A look at both scenes: what is compared of them, on the pixels that windows need."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import binary_erosion

from regkit.geometry.grid import Grid
from regkit.kernels.spline import spline_coefficients
from regkit.registration.scenes.cover import Cover
from regkit.registration.scenes.features import WindowSimilarity
from regkit.registration.scenes.levels import BandSource, level_grid, pixels_across
from regkit.registration.scenes.pyramid import BandPyramid
from regkit.registration.scenes.windows import Array, WindowLayout
from regkit.transforms import Affine, Transform, compose
from regkit.volume.once import once

Key = tuple[float, int, int, int]
_REACH = 5  # pixels, so that passes that reach less far see the same


@dataclass(frozen=True, eq=False)
class ViewPair:
    """Features of both scenes on one cover, and where each has data.

    Parameters
    ----------
    cover
        The pixels.
    fixed, moving
        Features ``(C, *shape)``.
    weight, known
        Where fixed and moving have data, 0 or 1, ``(*shape)``.
    """

    cover: Cover
    fixed: Array
    weight: Array
    moving: Array
    known: Array

    @once
    def spline(self) -> Array:
        """The coefficients of the spline through ``moving``."""
        return spline_coefficients(self.moving)

    def slopes(self, share: float) -> Array:
        """Squared slopes ``(1, *shape)`` of fixed; of moving where a match takes none of fixed."""
        features = self.fixed if share > 0 else self.moving
        found = np.zeros((1, *features.shape[1:]), np.float32)
        for each in features:
            for slope in np.gradient(each):
                found[0] += np.square(slope)
        return found


@dataclass(frozen=True, eq=False)
class Viewer:
    """Looks at two scenes in pixels of any size, moving through any motion.

    Parameters
    ----------
    fixed, moving
        The bands that are compared, one beside the other.
    placed
        World points of fixed to those of moving, by their headers alone.
    similarity
        What is made of their values.
    radar
        Whether each of them is SAR.
    seen
        What was last seen of fixed, which does not move.
    """

    fixed: tuple[BandPyramid, ...]
    moving: tuple[BandPyramid, ...]
    placed: Transform
    similarity: WindowSimilarity
    radar: tuple[bool, bool] = (False, False)
    seen: dict[Key, tuple[Array, Array]] = field(default_factory=dict)

    @property
    def grid(self) -> Grid:
        """That of fixed."""
        return self.fixed[0].band.grid

    @once
    def ratio(self) -> float:
        """How many pixels of moving one of fixed is wide."""
        return pixels_across(self.grid, self.placed, self.moving[0].band.grid)

    @property
    def held(self) -> float:
        """Pixels of the finest level of both that is held in memory, in those of fixed."""
        return float(max(2 ** self.fixed[0].base, 2 ** self.moving[0].base / self.ratio))

    @property
    def share(self) -> float:
        """How much of the slopes in a match is that of fixed: none where it alone is SAR."""
        return 0.0 if self.radar == (True, False) else 1.0

    def look(self, motion: Transform, factor: float, window: WindowLayout) -> ViewPair:
        """Both scenes where windows need them.

        Parameters
        ----------
        motion
            World points of fixed to where they lie in moving, placed in fixed's world.
        factor
            Pixels of the level, in pixels of fixed.
        window
            How windows are laid out on the level.
        """
        grid = level_grid(self.grid, factor)
        margin = max(window.reach, _REACH) + self.similarity.context
        cover = Cover.of(grid, window, margin)
        moving = BandSource(self.moving, max(factor * self.ratio, 1.0), self.radar[1])
        key = factor, window.size, window.step, margin
        with ThreadPoolExecutor(2) as both:
            there = both.submit(view, moving, cover, compose(self.placed, motion), self.similarity)
            if key not in self.seen:
                self.seen.clear()
                self.seen[key] = self._fixed(cover, factor)
            return ViewPair(cover, *self.seen[key], *there.result())

    def _fixed(self, cover: Cover, factor: float) -> tuple[Array, Array]:
        # The finer scene is smoothed to the resolution of the other: both then show as much.
        source = BandSource(self.fixed, max(factor, 1 / self.ratio), self.radar[0])
        return view(source, cover, Affine.identity(2), self.similarity)


def view(
    source: BandSource, cover: Cover, phi: Transform, similarity: WindowSimilarity
) -> tuple[Array, Array]:
    """What is compared of one scene, and where it has data.

    Parameters
    ----------
    source
        The scene at a resolution.
    cover
        The pixels that are wanted.
    phi
        World points of ``cover``, which are of fixed, to world points of the scene, which is fixed
        or moving.
    similarity
        What is made of values.

    Returns
    -------
    features, known
        ``(C, *shape)``, and 0 or 1, ``(*shape)``.
    """
    values, known = source.on(cover, phi)
    described, rim = similarity.describe(values, known), similarity.rim
    if rim and not known.all():
        known = binary_erosion(known > 0, iterations=rim, border_value=1).astype(np.float32)
    return described, known
