"""What is measured of a transform once it is found, and the result that says it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from regkit.geometry.grid import Grid
from regkit.metrics.summary import summarise
from regkit.registration.config import RegisterConfig
from regkit.registration.outside import warp_into
from regkit.registration.pair import Pair, coarser
from regkit.registration.planar import drop_grid
from regkit.registration.prepared import PreparedImage
from regkit.registration.quality import Quality, assess
from regkit.registration.result import EngineStage, Result
from regkit.registration.state import EngineResult
from regkit.transforms import DisplacementField, Transform, compose, links
from regkit.volume.volume import Labels, Volume


def measure_result(
    fixed: Volume, side: PreparedImage, pair: Pair, config: RegisterConfig, found: EngineResult
) -> Result:
    """Invert a transform, warp moving by it once, and measure both.

    Parameters
    ----------
    fixed
        The image on whose grid the result lies.
    side
        Moving, prepared, in its own place.
    pair
        Both as the engines compared them.
    config
        What was asked for.
    found
        The transform, world points of fixed to world points of moving, and how it was found.
    """
    begin, moving = time.perf_counter(), side.image
    # Where the field spreads out, its inverse has detail that the field's own grid cannot hold.
    finest = coarser(pair.grid, config.field.factors[-1])
    fine = drop_grid(finest) if pair.planar else finest
    inverse = found.inverse or _inverse(found.transform, fine)
    metrics, jacobian = summarise(
        found.transform,
        inverse,
        fixed.grid,
        _field_grid(found.transform),
        _region(pair),
        moving_grid=moving.grid,
    )
    warped = warp_into(moving, found.transform, fixed.grid, side.modality)
    seconds = time.perf_counter() - begin
    return Result(
        fixed=fixed,
        moving=moving,
        warped=warped,
        transform=found.transform.between(fixed.grid.world, moving.grid.world),
        inverse=inverse.between(moving.grid.world, fixed.grid.world),
        jacobian=jacobian,
        metrics=metrics,
        stages=(*found.stages, EngineStage("output", "", "", seconds)),
        config=config.model_copy(
            update={"similarity": found.similarity, "device": str(pair.device)}
        ),
        reason=found.reason,
        quality=_quality(pair, found, metrics),
    )


def _quality(pair: Pair, found: EngineResult, metrics: Mapping[str, float]) -> Quality:
    if found.evidence is None:
        return Quality(())
    axes = zip(pair.grid.shape, pair.grid.spacing, strict=True)
    extent = max(n * s for n, s in axes if n > 1)  # the slice of a lifted image has no size
    return assess(found.evidence, metrics, extent)


def _inverse(transform: Transform, grid: Grid) -> Transform:
    """The inverse of an affine after a displacement, that of the displacement on ``grid``."""
    return compose(
        *(
            link.inverse(grid) if isinstance(link, DisplacementField) else link.inverse()
            for link in reversed(links(transform))
        )
    )


def _field_grid(transform: Transform) -> Grid | None:
    """Of its displacement, if it has one."""
    fields = [link for link in links(transform) if isinstance(link, DisplacementField)]
    return fields[0].grid if fields else None


def _region(pair: Pair) -> Labels:
    """Where fixed counts, in the dimension of the images."""
    if not pair.planar:
        return pair.region
    return Labels(pair.region.data[:, 0], drop_grid(pair.region.grid))
