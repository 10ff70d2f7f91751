"""SeriesJob: what the motion correction of a series is going to do, before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.io import ReadOptions, check_holds
from regkit.io.gradients import GradientTable, read_gradients
from regkit.io.options import AS_STORED
from regkit.io.series import FrameFiles
from regkit.io.sizes import product
from regkit.registration.series import MotionConfig
from regkit.registration.series.reference import check_count, check_frames
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.series.names import CORRECTED, SeriesFolder, series_names
from regkit.runs.series.task import SeriesTask
from regkit.settings import validate

_FEW = 64 << 20
# A frame as it is read, normalised and smoothed, the reference in voxels of half the size with its
# features, two sums in float64 for each of two averages, and a frame that is written.
_PER_VOXEL = 300
_FIELD = 36  # bytes a voxel of a field and its inverse, which are kept for every frame


@dataclass(frozen=True)
class SeriesJob:
    """One series: what `regkit series` runs.

    Parameters
    ----------
    series
        The 4-D file.
    count
        How many frames it has.
    folder
        Where the results go.
    config
        All settings.
    bvec, bval
        Gradient table, if there is one.
    reading
        How the series is read.
    overwrite
        Replace results that are there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "series"

    series: Path
    count: int
    folder: Path
    config: MotionConfig
    bvec: Path | None = None
    bval: Path | None = None
    reading: ReadOptions = AS_STORED
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> SeriesFolder:
        """One folder, the record last."""
        names = series_names(
            self.count, self.config.transform, bvec=self.bvec is not None,
            bval=self.bval is not None,
        )  # fmt: skip
        return SeriesFolder(self.folder, names, self.overwrite)

    def inputs(self) -> tuple[InputFile, ...]:
        """The series, and its gradient table."""
        given = (("series", self.series), ("bvec", self.bvec), ("bval", self.bval))
        return tuple(InputFile(role, path, self.full_paths) for role, path in given if path)

    def settings(self) -> dict[str, Any]:
        """Settings as they were given, and how the series is read."""
        return {"asked": self.config.model_dump(mode="json"), "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """The settings, and how many frames there are."""
        return {"frames": self.count, "config": self.config.model_dump(mode="json")}

    def check(self) -> None:
        """Refuse weightings without directions, and a reference that the series does not have.

        Raises
        ------
        InputError
            If either is the case.
        """
        if self.bval is not None and self.bvec is None:
            raise InputError("--bval goes with --bvec: weightings alone need not be turned")
        check_count(self.series.name, self.count, self.config.reference)

    def look(self) -> SeriesSurvey:
        """Read the header of the series, and its gradient table."""
        frames = FrameFiles.of(self.series, self.reading)
        check_count(frames.header.name, len(frames), self.config.reference)
        check_holds(self.folder / CORRECTED, frames.header.grid.straightened())
        table = None
        if self.bvec is not None:
            table = read_gradients(self.bvec, self.bval, len(frames))
        return SeriesSurvey(self, frames, table)


@dataclass(frozen=True)
class SeriesSurvey:
    """The header of a series, and its gradient table."""

    job: SeriesJob
    frames: FrameFiles
    table: GradientTable | None

    def needs(self) -> Needs:
        """Memory and disk, by the header alone."""
        header = self.frames.header
        voxels = product(header.grid.shape)
        fields = _FIELD * len(self.frames) if self.job.config.transform == "deformable" else 0
        return Needs(
            _FEW + (_PER_VOXEL + fields) * voxels,
            voxels * len(self.frames) // 2,
            f"{header.name} ({'x'.join(map(str, header.grid.shape))}, {len(self.frames)} frames)",
            "use larger voxels, or --transform rigid",
        )

    def open(self) -> SeriesTask:
        """Read every frame once, to see whether it can be used."""
        check_frames(self.frames, self.job.config.reference)
        return SeriesTask(self.frames, self.job.config, self.table)


def make_series_job(
    series: Path,
    folder: Path,
    *,
    options: Mapping[str, Any],
    reading: ReadOptions = AS_STORED,
    **others: Any,
) -> SeriesJob:
    """Settle the settings of a motion correction, reading the header of the series alone.

    Parameters
    ----------
    series
        The 4-D file.
    folder
        Where the results go.
    options
        Fields of :class:`regkit.registration.series.MotionConfig`; those that are None are not set.
    reading
        How the series is read.
    others
        Further fields of :class:`SeriesJob`.

    Raises
    ------
    InputError
        If a setting is not allowed, or the header cannot be trusted.
    """
    given = {name: value for name, value in options.items() if value is not None}
    config = validate(MotionConfig, given, "option")
    count = len(FrameFiles.of(series, reading))
    return SeriesJob(series, count, folder, config, reading=reading, **others)
