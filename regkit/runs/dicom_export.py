"""DicomExportJob: what a registration found, as objects that a PACS takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, open_labels, read_header, read_transform
from regkit.io.dicom_objects.derived import Making
from regkit.io.dicom_objects.source import check_one_patient, open_source
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.sizes import product
from regkit.report.versions import versions
from regkit.runs.dicom_export_task import REGISTRATION, DicomExportTask, segmentation_name
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.origin import origin_of, transform_from, warped_by
from regkit.runs.outputs import RECORD, Folder
from regkit.runs.record import read_record, reading_of

_MOMENT = "%Y-%m-%dT%H:%M:%S"
_NEAR = 1e-3


@dataclass(frozen=True)
class DicomExportJob:
    """The results of one registration of two DICOM series, as DICOM.

    Parameters
    ----------
    fixed, moving
        What was registered, as it was given then.
    warped, transform
        The results.
    labels
        Warped label maps, if there are any.
    slices
        How many the warped image has.
    folder
        Where the objects go.
    names
        What the values of each label map are called.
    reading
        How the two images were read.
    moment
        When the objects are made: year to second, as ISO 8601 has it.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "dicom-export"

    fixed: Path
    moving: Path
    warped: Path
    transform: Path
    labels: tuple[Path, ...]
    slices: int
    folder: Path
    names: Mapping[str, Mapping[str, str]]
    reading: ReadOptions
    moment: str
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """A file a slice, the registration, a file a label map, and the record."""
        slices = [f"warped_{number:04}.dcm" for number in range(1, self.slices + 1)]
        names = (*slices, REGISTRATION, *map(segmentation_name, self.labels), RECORD)
        return Folder(self.folder, names, self.overwrite)

    def inputs(self) -> list[InputFile]:
        """Both series and the results."""
        given = [("fixed", self.fixed), ("moving", self.moving), ("warped", self.warped)]
        given += [("transform", self.transform), *(("labels", path) for path in self.labels)]
        return [InputFile(role, path, self.full_paths) for role, path in given]

    def settings(self) -> dict[str, Any]:
        """How the images were read, the names of labels, and the moment."""
        asked = {"moment": self.moment, "slices": self.slices, "names": self.names}
        return {"asked": asked, "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def check(self) -> None:
        """Refuse images that are not those of the registration.

        Raises
        ------
        InputError
            If the record beside the transform has other ones.
        """
        origin = origin_of(self.transform)
        for role in ("fixed", "moving"):
            path: Path = getattr(self, role)
            if origin is not None and sha256(path) != origin.images.get(role):
                raise InputError(
                    f"{display_name(path)}: is not the {role} image of this registration, or not "
                    "as it was given then; give the same file or folder"
                )

    def look(self) -> DicomExportSurvey:
        """Read the headers of both series and of the warped image."""
        paths = (self.fixed, self.moving)
        fixed, moving = (_one_frame(path, self.reading) for path in paths)
        return DicomExportSurvey(self, fixed, moving, read_header(self.warped))


def _one_frame(path: Path, reading: ReadOptions) -> Header:
    header = read_header(path, reading)
    frame = reading.frame if header.frames > 1 else None
    return header.of(frame=frame, channel=None)


@dataclass(frozen=True)
class DicomExportSurvey:
    """The headers of both series and of the warped image."""

    job: DicomExportJob
    fixed: Header
    moving: Header
    warped: Header

    def needs(self) -> Needs:
        """Memory and disk, by the headers alone."""
        voxels = product(self.warped.grid.shape)
        return Needs(40 * voxels, 14 * voxels, of=self.warped.name)

    def open(self) -> DicomExportTask:
        """Read everything, and see that all is of one patient.

        Raises
        ------
        InputError
            If an input cannot be used.
        """
        job = self.job
        fixed, moving = open_source(self.fixed), open_source(self.moving)
        check_one_patient(fixed, moving)
        labels = {
            path: open_labels(path).with_names(_as_names(job.names.get(path.name, {})))
            for path in job.labels
        }
        warped, phi = open_image(job.warped), read_transform(job.transform)
        digest = " ".join(sha256(each.path) for each in job.inputs())
        moment = datetime.strptime(job.moment, _MOMENT)
        making = Making(moment, digest, versions()["regkit"])
        return DicomExportTask(fixed, moving, warped, phi, labels, making)


def _as_names(names: Mapping[str, str]) -> dict[int, str]:
    """Names by value; JSON has words for keys."""
    return {int(value): name for value, name in names.items()}


def make_dicom_export(
    run: Path,
    fixed: Path,
    moving: Path,
    folder: Path,
    *,
    overwrite: bool = False,
    full_paths: bool = False,
) -> DicomExportJob:
    """Settle what is exported of the folder of a registration.

    Parameters
    ----------
    run
        What `regkit register` wrote.
    fixed, moving
        What was registered, as it was given then.
    folder
        Where the objects go.
    overwrite
        Replace what is there.
    full_paths
        Show the folders of the inputs wherever their names are shown.

    Raises
    ------
    InputError
        If the folder is not that of a whole registration.
    """
    transform, warped = transform_from(run, "fixed"), warped_by(run)
    record = read_record(run / RECORD)
    labels = tuple(
        run / name for name in record["outputs"]
        if Path(name).name == name and name.startswith("warped_")
    )  # fmt: skip
    names = record.get("label_names")
    return DicomExportJob(
        fixed, moving, warped, transform, labels, read_header(warped).grid.shape[-1], folder,
        names if isinstance(names, dict) else {}, reading_of(record),
        datetime.now().strftime(_MOMENT),
        overwrite, full_paths,
    )  # fmt: skip


def dicom_export_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> DicomExportJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its inputs or settings are not those of such a job.
    """
    found = {each.role: each.path for each in inputs if each.role != "labels"}
    asked = record["asked"]
    if set(found) != {"fixed", "moving", "warped", "transform"} or set(asked) != {
        "moment", "slices", "names"
    }:  # fmt: skip
        raise InputError("the record must name two series and what was found; it is damaged")
    labels = tuple(each.path for each in inputs if each.role == "labels")
    return DicomExportJob(
        found["fixed"], found["moving"], found["warped"], found["transform"], labels,
        int(asked["slices"]), folder, asked["names"], reading_of(record), str(asked["moment"]),
        full_paths=any(each.full_path for each in inputs),
    )  # fmt: skip
