"""What an audit of augmentations is told, and the stack of dates that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from probes.diagnosis.augmentation.changes import BAND_AUGMENTATIONS, augmentation_called
from probes.images.settings import Missing
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, preflight
from regkit.io.settings import read_settings
from regkit.settings import Settings, validate
from regkit.volume import Volume

_AXES = "tcyx"


class AugmentationConfig(Settings):
    """A stack of dates of one place, and the augmentations that are to be judged.

    ``stack`` is one array (.npy) whose axes ``axes`` names in their order: t (dates), c (bands), y,
    x; or ``dates`` are images on one grid, one a date, whose nodata counts for nothing. ``keep``
    takes some of the dates, from 1. ``colours`` are the numbers of red, green and blue among the
    bands, from 1. ``missing`` is the value that pixels without data have in all bands.
    """

    study: str = Field(min_length=1, max_length=80)
    stack: Path | None = None
    axes: str = _AXES
    dates: tuple[Path, ...] = ()
    keep: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    colours: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    augmentations: tuple[str, ...] = tuple(BAND_AUGMENTATIONS)
    missing: Missing = None
    draws: int = Field(default=5, ge=1, le=100)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.stack is None) == (not self.dates):
            raise ValueError("give either stack, one array, or dates, a list of images")
        if sorted(self.axes) != sorted(_AXES):
            raise ValueError(f"axes {self.axes!r:.20} must name t, c, y and x, once each")
        if self.colours is not None and len(set(self.colours)) != 3:
            raise ValueError("colours must be the three numbers of red, green and blue")
        for name in self.augmentations:
            try:
                augmentation_called(name)
            except InputError as error:
                raise ValueError(str(error)) from None
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the stack."""
        return self.dates if self.stack is None else (self.stack,)

    @property
    def places_of_colours(self) -> tuple[int, int, int] | None:
        """Red, green and blue among the bands, from 0."""
        if self.colours is None:
            return None
        red, green, blue = self.colours
        return red - 1, green - 1, blue - 1


def read_augmentation_audit(path: Path) -> AugmentationConfig:
    """Read the configuration of an audit; its paths count from its own folder.

    Parameters
    ----------
    path
        A YAML file.

    Raises
    ------
    InputError
        If a setting or an augmentation is unknown, or a value is not allowed.
    """
    given: Mapping[str, Any] = read_settings(path)
    folder = path.absolute().parent
    if isinstance(given.get("stack"), str):
        given = {**given, "stack": str(folder / given["stack"])}
    dates = given.get("dates")
    if isinstance(dates, list) and all(isinstance(each, str) for each in dates):
        given = {**given, "dates": [str(folder / each) for each in dates]}
    return validate(AugmentationConfig, given, path.name)


def read_stack(config: AugmentationConfig) -> tuple[Tensor, Tensor | None]:
    """Read the dates.

    Parameters
    ----------
    config
        Where they are.

    Returns
    -------
    stack, valid
        ``(T, C, rows, columns)``, and ``(T, 1, rows, columns)`` where there are data; None where
        there are everywhere.

    Raises
    ------
    InputError
        If a file cannot be read, images differ in size or bands, or a number is out of range.
    """
    if config.stack is None:
        stack, valid = _images(config.dates, config.missing)
    else:
        stack, valid = _array(config.stack, config.axes), None
    if config.missing is not None:
        seen = _seen(stack, config.missing)
        valid = seen if valid is None else valid & seen
        stack = stack.where(valid, 0)
    if config.keep is not None:
        if max(config.keep) > len(stack):
            raise InputError(f"keep names date {max(config.keep)}; there are {len(stack)}")
        kept = [number - 1 for number in config.keep]
        stack, valid = stack[kept], None if valid is None else valid[kept]
    if config.colours is not None and max(config.colours) > stack.shape[1]:
        raise InputError(f"colours name band {max(config.colours)}; there are {stack.shape[1]}")
    return stack, valid


def _seen(stack: Tensor, missing: float | str) -> Tensor:
    """Where a date has another value than the one that stands for none; NaN does in any band."""
    if isinstance(missing, str):  # nan
        return stack.isfinite().all(1, keepdim=True)
    return (stack != missing).any(1, keepdim=True)


def _array(path: Path, axes: str) -> Tensor:
    try:
        found = np.load(path, allow_pickle=False)
        numbers = np.asarray(found, np.float32)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path.name}: cannot be read as an array of numbers (.npy)") from error
    if numbers.ndim != len(axes):
        raise InputError(
            f"{path.name}: has {numbers.ndim} axes; a stack has dates, bands, rows and columns"
        )
    return torch.from_numpy(numbers).permute(*(axes.index(axis) for axis in _AXES))


def _images(paths: Sequence[Path], missing: float | str | None) -> tuple[Tensor, Tensor | None]:
    """Dates, and where all of their bands have data by what the files say."""
    options = ReadOptions(channels="all", nan=0.0 if missing == "nan" else None)
    found = [open_image(preflight(path, options)) for path in paths]
    first = found[0]
    for path, image in zip(paths, found, strict=True):
        if image.data.shape != first.data.shape:
            raise InputError(
                f"{path.name}: is {_size(image)} (bands first), the first date {_size(first)}; "
                "dates lie on one grid"
            )
        if not image.grid.lies_on(first.grid):
            raise InputError(
                f"{path.name}: lies {image.grid.apart(first.grid)} from {paths[0].name}; dates "
                "lie on one grid: resample it"
            )
    # Volumes count columns first.
    stack = torch.stack([image.data.float() for image in found]).transpose(2, 3)
    if all(image.valid is None for image in found):
        return stack, None
    everywhere = torch.ones(first.grid.shape, dtype=torch.bool)
    known = [everywhere if image.valid is None else image.valid for image in found]
    return stack, torch.stack(known)[:, None].transpose(2, 3)


def _size(image: Volume) -> str:
    return "x".join(map(str, image.data.shape))
