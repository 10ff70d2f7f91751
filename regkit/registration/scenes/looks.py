"""A look at both scenes: what is compared of them, on the pixels that windows need."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion

from regkit.geometry.grid import Grid
from regkit.kernels.spline import spline_coefficients
from regkit.registration.scenes.cover import Cover
from regkit.registration.scenes.features import WindowSimilarity
from regkit.registration.scenes.levels import BandSource, level_grid, pixels_across
from regkit.registration.scenes.pyramid import Pyramid
from regkit.registration.scenes.windows import Array, WindowLayout
from regkit.transforms import Affine, Transform, compose
from regkit.volume.once import once


@dataclass(frozen=True, eq=False)
class LevelPair:
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
    """

    fixed: tuple[Pyramid, ...]
    moving: tuple[Pyramid, ...]
    placed: Transform
    similarity: WindowSimilarity
    radar: tuple[bool, bool] = (False, False)

    @property
    def grid(self) -> Grid:
        """That of fixed."""
        return self.fixed[0].band.grid

    @once
    def ratio(self) -> float:
        """How many pixels of moving one of fixed is wide."""
        return pixels_across(self.grid, self.placed, self.moving[0].band.grid)

    @property
    def share(self) -> float:
        """How much of the slopes in a match is that of fixed: none where it alone is SAR."""
        return 0.0 if self.radar == (True, False) else 1.0

    def look(self, motion: Transform, factor: float, window: WindowLayout) -> LevelPair:
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
        cover = Cover.of(grid, window, window.reach + self.similarity.context)
        # The finer scene is smoothed to the resolution of the other: both then show as much.
        fixed = BandSource(self.fixed, max(factor, 1 / self.ratio), self.radar[0])
        moving = BandSource(self.moving, max(factor * self.ratio, 1.0), self.radar[1])
        maps = (Affine.identity(2), compose(self.placed, motion))
        with ThreadPoolExecutor(2) as both:
            views = [
                both.submit(view, source, cover, phi, self.similarity)
                for source, phi in zip((fixed, moving), maps, strict=True)
            ]
            (here, weight), (there, known) = (each.result() for each in views)
        return LevelPair(cover, here, weight, there, known)


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
        World points of ``cover`` to those of the scene.
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
