"""What an analysis of redundancy is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from probes.images.models import ModelSettings
from probes.images.places import locate_data, locate_source
from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from regkit.errors import InputError
from regkit.io.settings import read_settings
from regkit.settings import Settings, validate


class RedundancyConfig(Settings):
    """A data set with one class an image, and encoders whose width is cut.

    ``encoders`` are networks without classifier: ``timm:NAME=FILE`` or ``python=MODULE:FUNCTION``.
    ``learnt`` is the share of subjects that probes learn from, ``widths`` are shares of channels.
    """

    study: str = Field(min_length=1, max_length=80)
    data: DataSettings
    encoders: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
    widths: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (
        0.75, 0.5, 0.25, 0.125,
    )  # fmt: skip
    learnt: float = Field(default=0.6, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    resamples: int = Field(default=1000, ge=100, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)


def read_redundancy(path: Path) -> RedundancyConfig:
    """Read the configuration of an analysis; its paths count from its own folder.

    Parameters
    ----------
    path
        A YAML file.

    Raises
    ------
    InputError
        If a setting is unknown, or a value is not allowed.
    """
    given: dict[str, Any] = read_settings(path)
    folder = path.absolute().parent
    given = {**given, "data": locate_data(given.get("data"), folder)}
    encoders = given.get("encoders")
    if isinstance(encoders, list):
        given = {**given, "encoders": [locate_source(each, folder) for each in encoders]}
    return validate(RedundancyConfig, given, path.name)


def learnt_side(samples: ImageSamples, share: float, seed: int) -> NDArray[np.bool_]:
    """Choose which images probes are fitted on: whole subjects, the same share of each class.

    Parameters
    ----------
    samples
        With one class an image.
    share
        Of the subjects.
    seed
        Of the choice.

    Returns
    -------
    array
        ``(N,)``.

    Raises
    ------
    InputError
        If a class has one subject alone.
    """
    if samples.truth is None or samples.truth.ndim != 1:
        raise InputError("redundancy is probed by one class an image; the data set has others")
    names = list(samples.subjects or map(str, range(len(samples))))
    first = {name: samples.truth[n] for n, name in reversed(list(enumerate(names)))}
    generator, chosen = np.random.default_rng(seed), set[str]()
    for value in np.unique(samples.truth):
        own = sorted(name for name, of in first.items() if of == value)
        if len(own) < 2:
            raise InputError(f"class {value:g} has one subject alone; probes need one on each side")
        count = min(max(1, round(share * len(own))), len(own) - 1)
        chosen |= {own[n] for n in generator.permutation(len(own))[:count]}
    return np.array([name in chosen for name in names])
