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
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, preflight
from regkit.io.settings import read_settings
from regkit.settings import Settings, validate

_AXES = "tcyx"


class AugmentationConfig(Settings):
    """A stack of dates of one place, and the augmentations that are to be judged.

    ``stack`` is one array (.npy) whose axes ``axes`` names in their order: t (dates), c (bands), y,
    x; or ``dates`` are images, one a date. ``keep`` takes some of the dates, from 1. ``colours``
    are the numbers of red, green and blue among the bands, from 1. ``missing`` is the value of
    pixels without data.
    """

    study: str = Field(min_length=1, max_length=80)
    stack: Path | None = None
    axes: str = _AXES
    dates: tuple[Path, ...] = ()
    keep: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    colours: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    augmentations: tuple[str, ...] = tuple(BAND_AUGMENTATIONS)
    missing: float | None = None
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
    stack = _images(config.dates) if config.stack is None else _array(config.stack, config.axes)
    if config.keep is not None:
        if max(config.keep) > len(stack):
            raise InputError(f"keep names date {max(config.keep)}; there are {len(stack)}")
        stack = stack[[number - 1 for number in config.keep]]
    if config.colours is not None and max(config.colours) > stack.shape[1]:
        raise InputError(f"colours name band {max(config.colours)}; there are {stack.shape[1]}")
    if config.missing is None:
        return stack, None
    return stack, (stack != config.missing).any(1, keepdim=True)


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


def _images(paths: Sequence[Path]) -> Tensor:
    found = [
        open_image(preflight(path, ReadOptions(channels="all"))).data.float() for path in paths
    ]
    for path, image in zip(paths, found, strict=True):
        if image.shape != found[0].shape:
            raise InputError(
                f"{path.name}: is {'x'.join(map(str, image.shape))} (bands first), the first date "
                f"{'x'.join(map(str, found[0].shape))}; dates lie on one grid"
            )
    return torch.stack(found).transpose(2, 3)  # volumes count columns first
