"""Which bands of two scenes are compared, and by what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regkit.errors import InputError
from regkit.registration.scenes.config import SceneConfig
from regkit.registration.scenes.cover import Cover
from regkit.registration.scenes.features import EDGES, VALUES, similarity_called
from regkit.registration.scenes.levels import BandSource, level_grid, pixels_across
from regkit.registration.scenes.looks import Viewer, ViewPair, view
from regkit.registration.scenes.scene import GeoScene
from regkit.registration.scenes.ties import vote
from regkit.registration.scenes.windows import Floats, WindowLayout
from regkit.transforms import Affine, Transform

_ALIKE = 0.35  # mean correlation of windows, from which on two bands show the same contrast
_NEAR_BEST = 0.85  # of the best pair: further pairs that are compared as well
_MOST = 3
_LOOK = 200  # pixels along the longer side at which bands are tried


@dataclass(frozen=True, eq=False)
class ComparedBands:
    """The bands of two scenes that are compared, pair by pair.

    Parameters
    ----------
    fixed, moving
        Scenes of as many bands.
    similarity
        ``lncc`` or ``edges``.
    radar
        Whether each of them is SAR.
    reason
        Why these bands, and why this similarity.
    """

    fixed: GeoScene
    moving: GeoScene
    similarity: str
    radar: tuple[bool, bool]
    reason: str

    @property
    def names(self) -> tuple[str, str]:
        """What messages call the two scenes."""
        return self.fixed.name, self.moving.name

    def viewer(self, placed: Transform) -> Viewer:
        """Give what looks at both; ``placed`` takes world points of fixed to those of moving."""
        return Viewer(self.fixed.pyramids, self.moving.pyramids, placed,
                      similarity_called(self.similarity), self.radar)  # fmt: skip


def compared_bands(
    fixed: GeoScene, moving: GeoScene, placed: Transform, config: SceneConfig
) -> ComparedBands:
    """Pair the bands of two scenes: by name, by order where both have as many, or by likeness.

    Parameters
    ----------
    fixed, moving
        The scenes.
    placed
        World points of fixed to those of moving, by their headers alone.
    config
        The similarity, where one is asked for, and how far moving may be off.

    Raises
    ------
    InputError
        If no band has contrast.
    """
    fixed, moving = (_with_contrast(each) for each in (fixed, moving))
    radar = (
        _is_radar(fixed, config.modality),
        _is_radar(moving, config.moving_modality),
    )
    pairs, how = _by_name(fixed, moving)
    if not pairs:
        pairs, how = _alike(fixed, moving, placed, config, radar)
    best = _best(fixed, moving, placed, config, radar, pairs)
    similarity, why = _similarity(config, radar, best)
    here, there = zip(*pairs[:_MOST], strict=True)
    listed = ", ".join(f"{fixed.called(f)} with {moving.called(m)}" for f, m in pairs[:_MOST])
    reason = f"{listed} ({how}), by {similarity} ({why})"
    return ComparedBands(fixed.picked(here), moving.picked(there), similarity, radar, reason)


def _with_contrast(scene: GeoScene) -> GeoScene:
    """The bands that have data and contrast."""
    keep = [n for n, each in enumerate(scene.pyramids) if each.has_contrast]
    if not keep:
        raise InputError(
            f"{scene.name}: no band has data and contrast: all are nodata, masked or constant; "
            "choose others with --channels"
        )
    return scene if len(keep) == len(scene.bands) else scene.picked(keep)


def _is_radar(scene: GeoScene, asked: str) -> bool:
    return scene.is_radar if asked == "auto" else asked == "sar"


def _by_name(fixed: GeoScene, moving: GeoScene) -> tuple[list[tuple[int, int]], str]:
    known = {name.casefold(): n for n, name in enumerate(moving.names) if name}
    pairs = [(n, known[name.casefold()]) for n, name in enumerate(fixed.names)
             if name.casefold() in known]  # fmt: skip
    return pairs, "bands of one name"


def _alike(
    fixed: GeoScene,
    moving: GeoScene,
    placed: Transform,
    config: SceneConfig,
    radar: tuple[bool, bool],
) -> tuple[list[tuple[int, int]], str]:
    """The pairs of bands that are most alike, each band once."""
    if len(fixed.bands) == len(moving.bands) == 1:
        return [(0, 0)], "the only bands"
    scores = _Likeness(fixed, moving, placed, config, radar).table()
    best, pairs = float(scores.max()), list[tuple[int, int]]()
    while scores.max() > _NEAR_BEST * best or not pairs:
        f, m = (int(n) for n in np.unravel_index(int(scores.argmax()), scores.shape))
        pairs.append((f, m))
        scores[f], scores[:, m] = -1, -1
        if len(pairs) == min(scores.shape):
            break
    return pairs, "the bands most alike"


def _best(
    fixed: GeoScene,
    moving: GeoScene,
    placed: Transform,
    config: SceneConfig,
    radar: tuple[bool, bool],
    pairs: Sequence[tuple[int, int]],
) -> float:
    """How alike the first pair of bands is."""
    if config.similarity != "auto" or any(radar):
        return float("nan")
    f, m = pairs[0]
    one = _Likeness(fixed.picked([f]), moving.picked([m]), placed, config, radar)
    return float(one.table()[0, 0])


def _similarity(config: SceneConfig, radar: tuple[bool, bool], best: float) -> tuple[str, str]:
    if config.similarity != "auto":
        return config.similarity, "asked for"
    if radar[0] != radar[1]:
        return "edges", "one scene is SAR"
    if all(radar) or best >= _ALIKE:
        return "lncc", "both are SAR" if all(radar) else f"windows correlate by {best:.2f}"
    return "edges", f"windows correlate by {best:.2f} only"


@dataclass(frozen=True)
class _Likeness:
    """Mean correlation of windows for every pair of bands, at the shift that suits it best."""

    fixed: GeoScene
    moving: GeoScene
    placed: Transform
    config: SceneConfig
    radar: tuple[bool, bool]

    def table(self) -> Floats:
        """``(bands of fixed, bands of moving)``."""
        similarity = EDGES if self.radar[0] != self.radar[1] else VALUES
        factor = max(max(self.fixed.grid.shape) / _LOOK, 1.0)
        grid = level_grid(self.fixed.grid, factor)
        ratio = pixels_across(self.fixed.grid, self.placed, self.moving.grid)
        size = int(max(16, min(32, min(grid.shape) // 2)))
        reach = int(np.ceil(self.config.max_shift / factor)) + 1
        window = WindowLayout(size, size // 2, reach, self.config.min_valid)
        cover = Cover.of(grid, window, reach + similarity.context)
        here, there = (
            [view(BandSource((band,), pixels, radar), cover, phi, similarity) for band in bands]
            for bands, pixels, radar, phi in (
                (self.fixed.pyramids, max(factor, 1 / ratio), self.radar[0], Affine.identity(2)),
                (self.moving.pyramids, max(factor * ratio, 1.0), self.radar[1], self.placed),
            )
        )
        return np.array([
            [float(vote(ViewPair(cover, *f, *m), window).max()) for m in there] for f in here
        ])  # fmt: skip
