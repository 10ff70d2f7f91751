"""What a folder of DICOM files holds, series by series, for people who choose one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.io.formats.dicom.files import dicom_errors
from regkit.io.formats.dicom.images import describe_series
from regkit.io.formats.dicom.opened import series_header
from regkit.io.formats.dicom.series import DicomSeries, series_in
from regkit.io.names import display_name
from regkit.io.options import ReadOptions


def list_series(path: Path, options: ReadOptions) -> list[dict[str, Any]]:
    """Describe the series of a folder: number, description, modality, size, spacing, frames, time.

    One that cannot be read has a ``problem`` instead of a size.

    Parameters
    ----------
    path
        A folder, a DICOMDIR or a file.
    options
        What the user allows.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    with dicom_errors(display_name(path)):
        return [_facts(path, series, options) for series in series_in(path)]


def _facts(path: Path, series: DicomSeries, options: ReadOptions) -> dict[str, Any]:
    about = describe_series(series)
    try:
        with dicom_errors(display_name(path)):
            header = series_header(path, series, options)
    except InputError as error:
        return {
            **about,
            "files": len(series.files),
            "problem": str(error).removeprefix(f"{display_name(path)}: "),
        }
    return {
        **header.about,
        "files": len(series.files),
        "shape": list(header.grid.shape),
        "frames": header.frames,
        "spacing": [float(f"{s:.7g}") for s in header.grid.spacing],
        "orientation": header.grid.orientation,
    }
