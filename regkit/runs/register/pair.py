"""The two images of a run and what belongs to them, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import open_image, open_labels, read_points, read_transform
from regkit.io.chain import images_beside
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.metrics.landmarks import check_same_landmarks
from regkit.preprocess.channels import counted_channels
from regkit.registration.check import as_mask, check_initial, check_pair, check_same_dimension
from regkit.registration.flat import flattened_with, one_dimension
from regkit.registration.identical import NOTHING, is_one_image
from regkit.registration.label_place import check_structures, checked_place
from regkit.registration.landmark_loss import check_landmarks
from regkit.runs.register.headers import Headers
from regkit.transforms import Transform
from regkit.volume import Labels, Points, Volume

if TYPE_CHECKING:
    from regkit.registration.config import RegisterConfig
    from regkit.runs.register.job import RegisterJob
    from regkit.runs.register.paths import Paths


@dataclass(frozen=True)
class OpenedPair:
    """What :class:`regkit.runs.register.paths.Paths` names, in memory.

    ``notices`` are what a user should know about it, though it is no error.
    """

    fixed: Volume
    moving: Volume
    fixed_mask: Volume | None
    moving_mask: Volume | None
    fixed_labels: Labels | None
    moving_labels: tuple[Labels, ...]
    initial: Transform | None
    landmarks: tuple[Points, Points] | None = None
    notices: tuple[str, ...] = ()


def _initial(job: RegisterJob, headers: Headers) -> Transform | None:
    """The transform to begin with; that of a named program lies between the two images."""
    if job.paths.init is None:
        return None
    program = job.init_program
    fixed, moving = images_beside(program, headers.fixed.grid, headers.moving.grid)
    return read_transform(job.paths.init, program=program, fixed=fixed, moving=moving)


def open_pair(job: RegisterJob, headers: Headers) -> OpenedPair:
    """Read and check every file of ``job``, the two images by the headers that are known.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    paths = job.paths
    fixed = _with_contrasts(headers.fixed, headers.fixed_with)
    moving = _with_contrasts(headers.moving, headers.moving_with)
    # The others belong to one frame, and have no channels and no padding of their own.
    reading = replace(job.reading, frame=None, channel=None, channels=None, padding=None)
    fixed, moving, flattened = one_dimension(fixed, moving)
    shares = check_pair(fixed, moving, job.config.channel_weights)
    initial = _initial(job, headers)
    check_initial(initial, fixed.ndim)
    if job.config.init == "header" and initial is None:
        check_meeting(fixed, moving)
    masks = {
        image: as_mask(open_image(path, reading), image) if path else None
        for image, path in ((fixed, paths.fixed_mask), (moving, paths.moving_mask))
    }
    labels = [flattened_with(open_labels(path, reading), fixed) for path in paths.given_labels()]
    for each in labels:
        check_same_dimension(each, fixed)
    many = len(paths.moving_labels)
    if paths.fixed_labels:
        check_structures(labels[-1], labels[0])
    beside = [(each, moving if n < many else fixed) for n, each in enumerate(labels)]
    apart = [checked_place(each, counted_channels(image, shares)) for each, image in beside]
    same = initial is None and not job.config.dice and is_one_image(fixed, moving)
    return OpenedPair(
        fixed,
        moving,
        fixed_mask=masks[fixed],
        moving_mask=masks[moving],
        fixed_labels=labels[-1] if paths.fixed_labels else None,
        moving_labels=tuple(labels[:many]),
        initial=initial,
        landmarks=_landmarks(paths, (fixed, moving)),
        notices=(
            *flattened,
            *(note for note in apart if note is not None),
            *([NOTHING] if same else []),
            *_shear_notices(fixed, moving),
            *_guide_notices(job.config),
        ),
    )


def _landmarks(paths: Paths, images: Sequence[Volume]) -> tuple[Points, Points] | None:
    given = (paths.fixed_landmarks, paths.moving_landmarks)
    points = [read_points(path) for path in given if path is not None]
    if len(points) < 2:
        return None
    for each, image, path in zip(points, images, given, strict=True):
        check_landmarks(each, image, display_name(path or ""))
    check_same_landmarks(*points)
    return points[0], points[1]


def _with_contrasts(header: Header, others: Sequence[Header]) -> Volume:
    """An image, and other contrasts of it as further channels."""
    image = open_image(header)
    return Volume.stacked([image, *map(open_image, others)]) if others else image


def _shear_notices(fixed: Volume, moving: Volume) -> list[str]:
    """What becomes of axes that are not at right angles."""
    out = []
    grid = fixed.grid.straightened()
    if grid != fixed.grid:
        size = "x".join(map(str, grid.shape))
        out.append(f"{fixed.name} is sheared; it is resampled at right angles, {size} voxels")
    if moving.grid.straightened() != moving.grid:
        out.append(f"{moving.name} is sheared; its voxels are taken where they lie")
    return out


def _guide_notices(config: RegisterConfig) -> list[str]:
    """Which measures say nothing, because the registration was guided by them."""
    out = []
    if config.dice:
        out.append("the labels guide the registration; their Dice is no independent measure of it")
    if config.landmark_weight:
        out.append(
            "the landmarks guide the registration; their error is no independent measure of it"
        )
    return out


def check_meeting(fixed: Volume, moving: Volume) -> None:
    """Refuse fields of view that lie apart in the world, for a run that starts from the headers.

    Raises
    ------
    InputError
        With the distance between them.
    """
    gap = _gap(fixed.grid, moving.grid)
    if gap > 0:
        raise InputError(
            f"{moving.name}: does not overlap with {fixed.name}: their fields of view are "
            f"{gap:.3g} {fixed.grid.world.unit} apart; start from init='centers' or init='auto'"
        )


def _gap(one: Grid, other: Grid) -> float:
    """Distance between the boxes around two grids; 0 where they meet."""
    (low, high), (other_low, other_high) = (
        (grid.corners().min(axis=0), grid.corners().max(axis=0)) for grid in (one, other)
    )
    apart = np.maximum(other_low - high, low - other_high)
    return float(np.linalg.norm(np.maximum(apart, 0)))
