"""The template of a group: the mean of its images in their mean shape, biased to none of them.

From the mean of the images on their common centre: register every image to the template, take the
mean of the transforms out of them, average the images, sharpen lightly, and again; by affines
first, then by coarse fields, then by fine ones (Guimond et al., CVIU 2000; Avants et al.,
NeuroImage 2010). Every image is resampled once, from its own voxels, in each iteration.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import Field

from regkit.geometry.grid import Grid
from regkit.metrics.consistency import thin_grid
from regkit.preprocess.foreground import foreground
from regkit.registration.config import RegisterConfig
from regkit.registration.template_mean import ReadMember, mean_image, recentre, sharpen
from regkit.registration.template_start import GroupMember, common_grid, first_transforms
from regkit.resample import resample
from regkit.settings import Settings
from regkit.transforms import Affine, Transform
from regkit.volume.volume import Labels, Volume

TemplateStage = Literal["linear", "coarse", "fine"]
_STILL = 0.1  # voxels


class TemplateSettings(Settings):
    """What decides a template beside the images and their registration.

    ``iterations`` is the most of all stages together; a stage ends earlier when an iteration
    changes the template by less than ``tolerance`` of its own intensities and the transforms by
    less than a tenth of a voxel. ``voxel`` is the side of its voxels in world units, the geometric
    mean of those of the images if left out. ``sharpening`` is how much of the detail that a
    Gaussian of one voxel takes away is added in each iteration.
    """

    iterations: int = Field(4, ge=1)
    voxel: float | None = Field(None, gt=0, allow_inf_nan=False)
    sharpening: float = Field(0.5, ge=0, le=2)
    tolerance: float = Field(0.02, ge=0)


@dataclass(frozen=True)
class TemplateChange:
    """What one iteration changed.

    Parameters
    ----------
    iteration
        From 1.
    stage
        ``linear``, ``coarse`` or ``fine``.
    intensity
        Root mean square of the difference in the body, over that of the template itself.
    moved
        Root mean square, over the body and the images, of how far a transform led elsewhere than
        before, in world units.
    seconds
        Wall time.
    """

    iteration: int
    stage: TemplateStage
    intensity: float
    moved: float
    seconds: float


@dataclass(frozen=True)
class GroupTemplate:
    """A template and how its images lie on it.

    Parameters
    ----------
    image
        In intensities that are the mean of those of the images.
    transforms
        World points of the template to world points of each image.
    changes
        One an iteration.
    body
        Where the template has tissue.
    """

    image: Volume
    transforms: tuple[Transform, ...]
    changes: tuple[TemplateChange, ...]
    body: Labels


class RegisterGroup(Protocol):
    """Registers every image of a group to a template."""

    def __call__(
        self, template: Volume, starts: Sequence[Transform | None], stage: TemplateStage, /
    ) -> Sequence[Transform]:
        """World points of the template to those of each image; ``starts`` likewise, if known.

        A displacement among the starts goes before an affine, and is refined; the affine stays.
        """


def planned_stages(iterations: int, *, linear: bool = False) -> tuple[TemplateStage, ...]:
    """Share iterations out: affines first, then coarse fields, then fine ones.

    Parameters
    ----------
    iterations
        How many there are at the most.
    linear
        There are no fields.

    Examples
    --------
    >>> planned_stages(4)
    ('linear', 'coarse', 'fine', 'fine')
    """
    first = iterations if linear else (iterations + 1) // 3
    second = 0 if linear else iterations // 3
    stages: list[TemplateStage] = ["linear"] * first
    stages += ["coarse"] * second
    stages += ["fine"] * (iterations - first - second)
    return tuple(stages)


def stage_config(
    config: RegisterConfig, stage: TemplateStage, start: Transform | None = None
) -> RegisterConfig:
    """Return the settings by which an image is registered in a stage of a template.

    Parameters
    ----------
    config
        Those of the whole template.
    stage
        What is sought.
    start
        World points of the template (fixed) to world points of the image (moving), from the stage
        before. A displacement in it is refined: its coarsest level is done.

    Examples
    --------
    >>> stage_config(RegisterConfig(), "coarse").field.factors
    (4, 2)
    """
    if config.transform != "deformable":
        return config
    linear = config.linear.model_copy(update=_coarse_linear(config))
    config = config.model_copy(update={"linear": linear})
    if stage == "linear":
        return config.model_copy(update={"transform": "affine", "model": None})
    known = start is not None and not isinstance(start, Affine)
    last = len(config.field.factors) - (stage == "coarse")
    levels = slice(min(int(known), max(last, 1) - 1), max(last, 1))
    field = {name: getattr(config.field, name)[levels] for name in ("factors", "iterations")}
    return config.model_copy(update={"field": config.field.model_copy(update=field)})


def _coarse_linear(config: RegisterConfig) -> dict[str, Any]:
    """Affines in the largest voxels alone: fields follow, and start from the last affine."""
    first = config.linear.spacings[:1]
    return {"spacings": first, "polish": first}


def build_template(
    images: Sequence[ReadMember],
    members: Sequence[GroupMember],
    register: RegisterGroup,
    settings: TemplateSettings,
    *,
    linear: bool = False,
    on_change: Callable[[TemplateChange], None] | None = None,
) -> GroupTemplate:
    """Build the template of a group; sums are in the order of the images.

    Parameters
    ----------
    images
        Each read when its turn comes, of one channel and one world.
    members
        What :func:`regkit.registration.template_start.measure_member` says of them.
    register
        Registers all of them to a template, whichever way.
    settings
        What decides the result besides.
    linear
        Leave the fields out.
    on_change
        Called after every iteration.

    Raises
    ------
    InputError
        If their affines have no mean.
    """
    grid = common_grid(members, settings.voxel)
    found: Sequence[Transform] = first_transforms(members)
    image = mean_image(images, members, found, grid)
    body = foreground(image)
    starts: Sequence[Transform | None] = [None] * len(images)
    changes: list[TemplateChange] = []
    stages = planned_stages(settings.iterations, linear=linear)
    for number, stage in enumerate(stages, start=1):
        if changes and changes[-1].stage == stage and _is_still(changes[-1], grid, settings):
            continue
        begin = time.perf_counter()
        seen = recentre(register(group_intensities(image, members), starts, stage))
        new = sharpen(mean_image(images, members, seen.transforms, grid), settings.sharpening)
        change = TemplateChange(
            number, stage, _difference(image, new, body), _moved(found, seen.transforms, body),
            time.perf_counter() - begin,
        )  # fmt: skip
        changes.append(change)
        image, found = new, seen.transforms
        starts = seen.transforms
        if on_change is not None:
            on_change(change)
    return GroupTemplate(group_intensities(image, members), tuple(found), tuple(changes), body)


def group_intensities(image: Volume, members: Sequence[GroupMember]) -> Volume:
    """Bring an image in [0, 1], ``(1, *spatial)``, to the mean intensities of a group."""
    low, high = np.mean([each.intensities for each in members], axis=0)
    return image.with_data(float(low) + float(high - low) * image.data)


def _is_still(change: TemplateChange, grid: Grid, settings: TemplateSettings) -> bool:
    """Whether another iteration of the same stage would change nothing that can be seen."""
    return change.intensity < settings.tolerance and change.moved < _STILL * max(grid.spacing)


def _difference(old: Volume, new: Volume, body: Labels) -> float:
    inside = body.data[0] > 0
    apart = (new.data[0] - old.data[0])[inside].double().square().mean()
    size = new.data[0][inside].double().square().mean()
    return float((apart / size.clamp(min=1e-12)).sqrt())


def _moved(before: Sequence[Transform], after: Sequence[Transform], body: Labels) -> float:
    sparse = thin_grid(body.grid)
    points = sparse.world_points()[resample(body, sparse).data[0] > 0]
    moved = [new(points) - old(points) for old, new in zip(before, after, strict=True)]
    squares = [float(each.square().sum(-1).mean()) for each in moved if len(points)]
    return math.sqrt(sum(squares) / len(squares)) if squares else 0.0
