"""Two scenes registered: the map between them, and what is told of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from regkit.geometry.grid import Grid
from regkit.registration.scenes.bands import ComparedBands, compared_bands
from regkit.registration.scenes.config import SceneConfig
from regkit.registration.scenes.engine import Report, SceneFit, fit_scenes
from regkit.registration.scenes.ground import ground_of
from regkit.registration.scenes.inverse import scene_inverse
from regkit.registration.scenes.levels import level_grid
from regkit.registration.scenes.placed import REPROJECTED_WITHIN, check_metric, placed_by_headers
from regkit.registration.scenes.scene import GeoScene
from regkit.transforms import DisplacementField, Transform, compose
from regkit.transforms.flatten import flatten, flatten_within
from regkit.volume.volume import Volume

_MOST_NODES = 1 << 24  # pixels of a displacement that is written


@dataclass(frozen=True, eq=False)
class SceneResult:
    """One scene registered to another.

    Parameters
    ----------
    pair
        The bands that were compared.
    config
        The settings.
    placed
        World points of fixed to those of moving, by their headers alone.
    transform
        World points of fixed to those of moving, in one map: an affine, a displacement, or an
        affine after a displacement.
    fit
        Tie points and what they leave.
    metrics
        Names to numbers; lengths in metres and in pixels of fixed.
    seconds
        What it took.
    """

    pair: ComparedBands
    config: SceneConfig
    placed: Transform
    transform: Transform
    fit: SceneFit
    metrics: dict[str, float]
    seconds: float

    @property
    def grid(self) -> Grid:
        """That of fixed."""
        return self.pair.fixed.grid

    def inverse(self) -> Transform:
        """World points of moving to world points of fixed.

        Raises
        ------
        NotInvertibleError
            If the motion folds.
        """
        return scene_inverse(self.fit.motion, self.grid, self.pair.moving.grid)

    def mean_shift(self) -> tuple[float, float]:
        """The mean way of the kept tie points, in units of fixed's world, along its axes."""
        kept = self.fit.ties.kept().shift.mean(0)
        along = self.grid.affine[:-1, :-1] @ kept
        return float(along[0]), float(along[1])


def register_scenes(
    fixed: GeoScene,
    moving: GeoScene,
    *,
    config: SceneConfig | None = None,
    report: Report | None = None,
) -> SceneResult:
    """Align two scenes on the earth by tie points.

    Parameters
    ----------
    fixed, moving
        Bands of each, in one CRS or in two, at any resolution, with any number of bands.
    config
        What to do; the defaults if not given.
    report
        Called with what is going on, and the share that is done.

    Raises
    ------
    InputError
        If fixed lies in degrees, the scenes do not overlap, or the tie points do not agree: then
        there is no result.

    Examples
    --------
    >>> import regkit as rk
    >>> reference, scene = (
    ...     GeoScene.of(rk.read(name, channels="all")) for name in ("a.tif", "b.tif")
    ... )  # doctest: +SKIP
    >>> register_scenes(reference, scene).metrics["residual_px"]  # doctest: +SKIP
    """
    begin = time.perf_counter()
    wanted = config or SceneConfig()
    check_metric(fixed.grid, fixed.name)
    placed = placed_by_headers(fixed.grid, moving.grid)
    pair = compared_bands(fixed, moving, placed, wanted)
    fit = fit_scenes(pair, placed, wanted, report or _quiet)
    phi = _one_map(placed, fit.motion, fixed.grid, moving.grid)
    metrics = _metrics(fit, fixed.grid)
    return SceneResult(pair, wanted, placed, phi, fit, metrics, time.perf_counter() - begin)


def _one_map(placed: Transform, motion: Transform, fixed: Grid, moving: Grid) -> Transform:
    """Motion and reprojection as one transform that a file can hold, interpolated once."""
    whole = compose(placed, motion).between(fixed.world, moving.world)
    if fixed.world == moving.world:
        return motion.between(fixed.world, moving.world)
    if not isinstance(motion, DisplacementField):
        return flatten_within(whole, fixed, tolerance=REPROJECTED_WITHIN * max(moving.spacing))
    return flatten(whole, fixed, step=max(motion.grid.spacing) / max(fixed.spacing))


def _metrics(fit: SceneFit, grid: Grid) -> dict[str, float]:
    kept = fit.ties.kept()
    rest = np.linalg.norm(fit.residual[fit.ties.good], axis=1)
    length = np.linalg.norm(kept.shift, axis=1)
    pixel = metres_a_pixel(grid)
    return {
        "windows": float(len(fit.ties)),
        "tie_points": float(len(kept)),
        "valid_share": len(kept) / max(len(fit.ties), 1),
        "overlap": fit.overlap,
        "residual_px": float(np.sqrt((rest**2).mean())),
        "residual_m": float(np.sqrt((rest**2).mean())) * pixel,
        "left_out_px": float(np.median(fit.left_out)),
        "left_out_m": float(np.median(fit.left_out)) * pixel,
        "displacement_mean_px": float(length.mean()),
        "displacement_mean_m": float(length.mean()) * pixel,
        "displacement_largest_m": float(length.max()) * pixel,
        "correlation_before": fit.before,
        "correlation_after": fit.after,
    }


def metres_a_pixel(grid: Grid) -> float:
    """How many metres a pixel is wide on the ground, the geometric mean along both axes."""
    return float(np.sqrt(grid.voxel_volume)) * ground_of(grid).metres


def displacement_volume(result: SceneResult) -> Volume:
    """Where pixels of fixed lie in the scene less where they are, as an image of two channels.

    In units of fixed's world, along easting and northing; the scene placed in fixed's world by its
    header. A large reference has more pixels than a smooth map needs: then they are larger here.
    """
    grid = result.grid
    factor = max(1, int(np.ceil(np.sqrt(np.prod(grid.shape) / _MOST_NODES))))
    grid = level_grid(grid, factor)
    out = torch.empty(2, *grid.shape, dtype=torch.float32)
    for rows in grid.slabs():
        points = grid.world_points(rows)
        out[:, rows] = (result.fit.motion(points) - points).movedim(-1, 0).float()
    return Volume(out, grid, "displacement")


def moved_grid(result: SceneResult, grid: Grid) -> Grid:
    """The grid of the scene, shifted by the mean way of the tie points: no pixel is resampled.

    Parameters
    ----------
    result
        What was found; a pure shift describes it as well as its residuals say.
    grid
        That of the scene.
    """
    middle = torch.from_numpy(result.fit.ties.kept().index.mean(0))
    centre = result.grid.to_world(middle)[None]
    step = torch.tensor([result.mean_shift()], dtype=torch.float64)
    apart = (result.placed(centre + step) - result.placed(centre))[0].numpy()
    affine = np.array(grid.affine)
    affine[:2, 2] -= apart
    return grid.placed(grid.shape, affine)


def _quiet(_: str, __: float) -> None:
    """Tell nobody."""
