"""ImageJob: what jobs on images and models share with each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from probes.images.places import (
    check_places,
    data_of,
    data_size,
    image_inputs,
    models_of,
    record_settings,
    recorded_settings,
)
from probes.images.samples import ImageSamples
from regkit.runs import RECORD, Folder, InputFile, Needs
from regkit.settings import Settings

IMAGE_REPORT = "report.html"
_SCALED = 5  # standard deviations


@dataclass(frozen=True)
class ImageJob(ABC):
    """A job on images and models: its files, settings and checks. A kind of its own opens it.

    Parameters
    ----------
    config
        Settings with ``data`` and ``models`` or ``encoders``.
    folder
        Where the results and the report go.
    overwrite, full_paths
        As in every job.
    """

    settings_kind: ClassVar[type[Settings]]
    times: ClassVar[int] = 6
    """How often the data sets are in memory: as stored, as numbers, on the scale of a model."""

    config: Settings
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    @abstractmethod
    def results(self) -> Sequence[str]:
        """The names of the files with results, apart from the report and the record."""

    @property
    def outputs(self) -> Folder:
        """The results, the report and the record."""
        return Folder(self.folder, (*self.results, IMAGE_REPORT, RECORD), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List every file of the data sets, and the weights."""
        return image_inputs(self.config, self.full_paths)

    def settings(self) -> dict[str, Any]:
        """Return the settings with the names of files, but not their folders."""
        return {"asked": record_settings(self.config)}

    def plan(self) -> dict[str, Any]:
        """Return the same."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse files that are not there."""
        check_places(data_of(self.config), models_of(self.config))

    def look(self) -> Self:
        """Return itself: what data sets hold is known when they are read."""
        return self

    def needs(self) -> Needs:
        """Estimate the memory of the data sets from their files."""
        size = self.times * data_size(data_of(self.config))
        return Needs(size, of="the data", helps="give it a limit or a size")

    @classmethod
    def again(cls, record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> Self:
        """Make the job that a record came from, with another folder.

        Parameters
        ----------
        record
            What the command wrote; its ``asked`` holds the settings.
        inputs
            The files of data sets and weights, where they are now.
        folder
            Where the new job writes.

        Raises
        ------
        InputError
            If its settings or inputs are not those of such a job.
        """
        files = [each.path for each in inputs]
        config = recorded_settings(cls.settings_kind, record["asked"], files)
        return cls(config, folder, full_paths=any(each.full_path for each in inputs))


def unscaled_models(config: Settings, samples: ImageSamples) -> tuple[str, ...]:
    """Say which networks of timm see values as they are stored, far from those they learn from.

    They have no layer that scales images; other models may have one.

    Parameters
    ----------
    config
        Of a job.
    samples
        Its data set.
    """
    largest = float(samples.images.max())
    if largest <= _SCALED:
        return ()
    return tuple(
        f"model {model.name} has no mean and std and sees values up to {largest:g} as they are "
        f"stored; networks of timm mostly learn from -{_SCALED} to {_SCALED}: give mean and std, "
        "in the units of the images"
        for model in models_of(config)
        if model.source.startswith("timm:") and model.mean is None and model.std is None
    )


def describe_samples(samples: ImageSamples, name: str = "") -> str:
    """Say in a line what was read.

    Parameters
    ----------
    samples
        A data set.
    name
        Of it, where there are several.
    """
    size = "x".join(map(str, samples.images.shape[2:]))
    bands = samples.images.shape[1]
    return f"data    {name and name + ': '}{len(samples)} images of {size}, {bands} bands"
