"""The way of a series: a reference, every frame aligned with it, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.backend import threads
from regkit.preprocess.intensity import normalise
from regkit.registration.config import make_config
from regkit.registration.outside import outside_of
from regkit.registration.pipeline import register
from regkit.registration.preparation import prepare
from regkit.registration.series.aligner import FrameAligner, FrameFit
from regkit.registration.series.config import MotionConfig
from regkit.registration.series.moments import RunningMoments
from regkit.registration.series.parameters import sphere_radius
from regkit.registration.series.reference import most_typical
from regkit.registration.series.result import MotionResult, TimeAverage
from regkit.registration.series.verdicts import FrameVerdict, judge_frames, usable_affines
from regkit.resample import warp
from regkit.transforms import Affine, Transform
from regkit.volume.volume import Volume

# Of fields: it minds neither the sign nor the strength of a contrast, and sees small structures.
_LOCAL = "lncc2"
OnSeriesProgress = Callable[[str, float], None]
"""Called with the stage that runs, and the share of its frames that are done."""


def correct_frames(
    frames: Sequence[Volume],
    config: MotionConfig | None = None,
    *,
    on_progress: OnSeriesProgress = lambda *_: None,
) -> MotionResult:
    """Bring every frame of a series to one reference.

    Frames are looked at one after the other, several times: those of a file are read each time, so
    that one at a time is in memory.

    Parameters
    ----------
    frames
        As :func:`~regkit.registration.series.reference.check_frames` lets them pass.
    config
        What to do.
    on_progress
        Called after every frame.

    Raises
    ------
    InputError
        If no frame has contrast.
    """
    wanted = config or MotionConfig()
    with threads(wanted.threads):
        number = _first_reference(frames, wanted)
        image = frames[number].load()
        grid, outside = image.grid.straightened(), outside_of(image, "auto")
        reference, aligner, fits = _aligned(frames, image, wanted, on_progress)
        verdicts = judge_frames(fits)
        affines = usable_affines(fits, verdicts)
        transforms = _transforms(frames, reference, affines, verdicts, wanted, on_progress)
        before, after = _averages(frames, transforms, verdicts, grid, outside)
    unit = grid.world.unit
    radius = sphere_radius(aligner.unit, wanted.radius, millimetres=unit == "mm")
    return MotionResult(
        frames, tuple(transforms), tuple(affines), tuple(fits), tuple(verdicts), aligner.centre,
        radius, number, outside, wanted, before, after,
    )  # fmt: skip


def _first_reference(frames: Sequence[Volume], config: MotionConfig) -> int:
    """The number of the frame to which all are aligned first."""
    return config.reference if isinstance(config.reference, int) else most_typical(frames)


def _aligned(
    frames: Sequence[Volume],
    image: Volume,
    config: MotionConfig,
    on_progress: OnSeriesProgress,
) -> tuple[Volume, FrameAligner, list[FrameFit]]:
    """Every frame aligned with one of them, and with their mean after that where it is wanted."""
    aligner, fits = _fitted(frames, image, config, on_progress)
    if config.reference != "mean":
        return image, aligner, fits
    mean = _mean_of(frames, fits, image.grid.straightened())
    starts = usable_affines(fits, judge_frames(fits))
    return mean, *_fitted(frames, mean, config, on_progress, starts)


def _fitted(
    frames: Sequence[Volume],
    reference: Volume,
    config: MotionConfig,
    on_progress: OnSeriesProgress,
    starts: Sequence[Matrix] | None = None,
) -> tuple[FrameAligner, list[FrameFit]]:
    """Every frame aligned with a reference, from ``starts`` or from where the one before it lies.

    The last resort is that nothing moved: a frame that went wrong misleads none that follow.
    """
    kind = "rigid" if config.transform == "rigid" else "affine"
    aligner = FrameAligner.of(reference, kind, config.similarity)
    latest, fits = np.eye(4), list[FrameFit]()
    stage = "aligning" if starts is None else "aligning to the mean"
    for number, frame in enumerate(frames):
        known = latest if starts is None else starts[number]
        fits.append(aligner.fit(frame, [np.eye(4), known]))
        latest = fits[-1].affine if fits[-1].affine is not None else latest
        on_progress(stage, (number + 1) / len(frames))
    return aligner, fits


def _mean_of(frames: Sequence[Volume], fits: Sequence[FrameFit], grid: Grid) -> Volume:
    """The mean of the aligned frames, each of which counts alike, whatever its contrast."""
    seen = RunningMoments()
    for frame, fit, verdict in zip(frames, fits, judge_frames(fits), strict=True):
        if fit.affine is not None and verdict.grade == "pass":
            seen.add(warp(normalise(frame), Affine(fit.affine), onto=grid))
    return seen.mean


def _transforms(
    frames: Sequence[Volume],
    reference: Volume,
    affines: Sequence[Matrix],
    verdicts: Sequence[FrameVerdict],
    config: MotionConfig,
    on_progress: OnSeriesProgress,
) -> list[Transform]:
    """World points of the reference to those of each frame."""
    known: list[Transform] = [Affine(each) for each in affines]
    if config.transform != "deformable":
        return known
    fixed = prepare(reference)
    settings = make_config("fast", similarity=_LOCAL, threads=config.threads)
    for number, (frame, verdict) in enumerate(zip(frames, verdicts, strict=True)):
        if verdict.grade != "fail":
            found = register(fixed, frame.load(), config=settings, initial=known[number])
            known[number] = found.transform
        on_progress("deforming", (number + 1) / len(frames))
    return known


def _averages(
    frames: Sequence[Volume],
    transforms: Sequence[Transform],
    verdicts: Sequence[FrameVerdict],
    grid: Grid,
    outside: float,
) -> tuple[TimeAverage, TimeAverage]:
    """The frames that did not fail, as they were and as they are corrected."""
    before, after = RunningMoments(), RunningMoments()
    for frame, phi, verdict in zip(frames, transforms, verdicts, strict=True):
        if verdict.grade != "fail":
            before.add(frame)
            after.add(warp(frame, phi, onto=grid, outside=outside))
    return TimeAverage(before.mean, before.ratio), TimeAverage(after.mean, after.ratio)
