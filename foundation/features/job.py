"""SweepJob: find out, as a job, which layer and timestep of a backbone to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from foundation.features.heatmap import sweep_csv, sweep_page
from foundation.features.known_pair import known_pair
from foundation.features.sweep import Cell, Correspondence, stage_names, sweep
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.features import Extractor, files_of, open_extractor
from regkit.io import open_image, read_header
from regkit.io.header import Header
from regkit.registration.config import make_config
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.runs.register.memory import feature_memory


@dataclass(frozen=True)
class SweepJob:
    """A run of `regkit features sweep`.

    Parameters
    ----------
    backbone
        ``NAME`` or ``NAME=PATH``, as in ``features:NAME``.
    fixed, moving
        Images on one grid; without ``moving``, fixed is matched with itself.
    folder
        Where the heat map and the table go.
    layers
        None for every block of the network.
    timesteps
        None among them for a network that has none.
    index
        The slice of a volume along its last axis; None for the middle one.
    places, seed
        How many places are matched, and the seed of the bend, the places and the noise.
    overwrite
        Replace what is there.
    """

    kind: ClassVar[str] = "sweep"

    backbone: str
    fixed: Path
    moving: Path | None
    folder: Path
    layers: tuple[str, ...] | None = None
    timesteps: tuple[int | None, ...] = (0,)
    index: int | None = None
    places: int = 400
    seed: int = 0
    overwrite: bool = False

    @property
    def outputs(self) -> Folder:
        """The folder of the table, the heat map, and the record."""
        return Folder(self.folder, ("sweep.csv", "sweep.html", RECORD), self.overwrite)

    def inputs(self) -> list[InputFile]:
        """List the images."""
        given = [("fixed", self.fixed), ("moving", self.moving)]
        return [InputFile(role, path) for role, path in given if path is not None]

    def settings(self) -> dict[str, Any]:
        """Return what is swept, and the SHA-256 of the backbone's files."""
        files = files_of(self.backbone)
        found = [{"file": path.name, "sha256": sha256(path)} for path in files]
        return {"asked": self.plan(), "backbones": found}

    def plan(self) -> dict[str, Any]:
        """Return the settings of the sweep, without the images."""
        names = ("backbone", "layers", "timesteps", "index", "places", "seed")
        return {name: getattr(self, name) for name in names}

    def check(self) -> None:
        """Do nothing: no setting can be wrong before files are looked at."""

    def look(self) -> SweepSurvey:
        """Read the headers of the images."""
        return SweepSurvey(self, [read_header(each.path) for each in self.inputs()])

    def restored(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> SweepOutcome:
        """Return what a finished run has found, which is in its record."""
        try:
            return SweepOutcome(self, [Cell(**each) for each in record["cells"]])
        except (KeyError, TypeError) as error:
            raise InputError(
                f"the record does not name its cells ({error}); it is damaged"
            ) from error


@dataclass(frozen=True)
class SweepSurvey:
    """A sweep whose images have been looked at."""

    job: SweepJob
    headers: Sequence[Header]

    def needs(self) -> Needs:
        """Estimate the memory that features of one slice take."""
        name = f"features:{self.job.backbone}"
        shape = self.headers[0].grid.shape
        memory = feature_memory(make_config(similarity=name), shape[:2])
        return Needs(memory, of=self.headers[0].name, helps="use images of fewer pixels")

    def open(self) -> SweepTask:
        """Open the backbone and the images, and bend moving."""
        job = self.job
        extractor = open_extractor(job.backbone, job.layers)
        layers = job.layers or tuple(stage_names(extractor))
        generator = torch.Generator().manual_seed(job.seed)
        images = [open_image(each.of(frame=None, channel=None)) for each in self.headers]
        pair = known_pair(images[0], images[-1], job.index, job.places, generator)
        return SweepTask(job, extractor, pair, layers, generator)


@dataclass(frozen=True, eq=False)
class SweepTask:
    """A backbone and a pair with known truth."""

    job: SweepJob
    extractor: Extractor
    pair: Correspondence
    layers: Sequence[str]
    generator: torch.Generator
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> SweepOutcome:
        """Match by every layer at every timestep, one timestep after the other."""
        cells: list[Cell] = []
        for number, timestep in enumerate(self.job.timesteps, start=1):
            cells += sweep(self.extractor, self.pair, self.layers, [timestep], self.generator)
            on_progress(Progress("sweep", number / len(self.job.timesteps)))
        return SweepOutcome(self.job, cells)


@dataclass(frozen=True)
class SweepOutcome:
    """The errors of every layer at every timestep."""

    job: SweepJob
    cells: Sequence[Cell]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the best cell, and all of them, for the record."""
        best = min(self.cells, key=lambda cell: cell.error)
        return {"best": asdict(best), "cells": [asdict(cell) for cell in self.cells]}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the table."""
        places["sweep.csv"].write_text(sweep_csv(self.cells), encoding="utf-8")

    def page(self) -> Page:
        """Make the report: the heat map and the table."""
        return sweep_page(f"{self.job.backbone} on {self.job.fixed.name}", self.cells)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return no lines; the command says which cell is best."""
        return ()


def sweep_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> SweepJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        The images that it names, by role: ``fixed``, and ``moving`` where there was one.

    Raises
    ------
    InputError
        If its settings or inputs are not those of a sweep.
    """
    asked = {name: _as_tuple(value) for name, value in record["asked"].items()}
    paths = {each.role: each.path for each in inputs}
    if "fixed" not in paths or not set(paths) <= {"fixed", "moving"}:
        raise InputError("the record must name a fixed image; it is damaged")
    try:
        return SweepJob(**{"moving": None, **paths, **asked, "folder": folder})
    except TypeError as error:
        raise InputError(f"the record asks for what is no setting of a sweep: {error}") from error


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
