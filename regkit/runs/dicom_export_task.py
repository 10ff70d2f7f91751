"""DicomExportTask: the results of a registration made into DICOM objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.io.dicom_objects.derived import Making, write_object
from regkit.io.dicom_objects.image_series import resampled_series
from regkit.io.dicom_objects.registration import registration_object
from regkit.io.dicom_objects.segmentation import segmentation_object
from regkit.io.dicom_objects.source import DicomSource
from regkit.runs.progress import OnProgress, Progress
from regkit.runs.register.names import stem
from regkit.transforms import Transform
from regkit.volume import Labels, Volume

REGISTRATION = "registration.dcm"


@dataclass(frozen=True, eq=False)
class DicomExportTask:
    """Both series and the results, in memory."""

    fixed: DicomSource
    moving: DicomSource
    warped: Volume
    phi: Transform
    labels: Mapping[Path, Labels]
    making: Making
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> DicomExportOutcome:
        """Make the objects."""
        fixed, moving, making = self.fixed, self.moving, self.making
        objects = {
            f"warped_{number:04}.dcm": each
            for number, each in enumerate(
                resampled_series(self.warped, fixed, moving, making), start=1
            )
        }
        on_progress(Progress("series", 0.5))
        objects[REGISTRATION] = registration_object(
            self.phi, self.warped.grid, fixed, moving, making
        )
        for path, labels in self.labels.items():
            name = segmentation_name(path)
            objects[name] = segmentation_object(labels, fixed, making, name=name)
        return DicomExportOutcome(objects)


@dataclass(frozen=True, eq=False)
class DicomExportOutcome:
    """Objects, by the names of their files."""

    objects: Mapping[str, Any]

    def entries(self, seconds: float) -> dict[str, Any]:
        """Nothing that the objects do not say."""
        return {}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write a file each."""
        for name, data in self.objects.items():
            write_object(data, places[name])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """How many there are, and what they hold."""
        return (
            f"done    {len(self.objects)} DICOM files; they hold the name and the identifiers of "
            "the patient",
        )


def segmentation_name(labels: Path) -> str:
    """Name the file of a segmentation after that of its labels.

    Examples
    --------
    >>> segmentation_name(Path("out/warped_lobes.nii.gz"))
    'seg_lobes.dcm'
    """
    return f"seg_{stem(labels).removeprefix('warped_')}.dcm"
