"""Names of the files that a motion correction leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regkit.runs.outputs import RECORD, Folder

CORRECTED, MEAN, TSNR = "corrected.nii.gz", "mean.nii.gz", "tsnr.nii.gz"
# BIDS calls no table of this kind *_motion.tsv: that is a recording of markers, without a header.
CONFOUNDS, COLUMNS = "desc-confounds_timeseries.tsv", "desc-confounds_timeseries.json"
BVEC, BVAL = "corrected.bvec", "corrected.bval"
SERIES_REPORT = "report.html"
_MAIN = {CORRECTED, MEAN, CONFOUNDS, BVEC, SERIES_REPORT, RECORD}


def frame_transform_name(number: int, kind: str) -> str:
    """Name the transform of a frame, from points of the reference to points of the frame.

    Examples
    --------
    >>> frame_transform_name(7, "rigid")
    'transforms/0007.tfm'
    """
    return f"transforms/{number:04d}{'.h5' if kind == 'deformable' else '.tfm'}"


def series_names(count: int, kind: str, *, bvec: bool, bval: bool) -> tuple[str, ...]:
    """List the files of a corrected series, the record last.

    Parameters
    ----------
    count
        How many frames it has.
    kind
        Of its transforms.
    bvec, bval
        Whether there are directions and weightings.
    """
    table = [name for name, there in ((BVEC, bvec), (BVAL, bval)) if there]
    transforms = [frame_transform_name(number, kind) for number in range(count)]
    return (
        CORRECTED, MEAN, TSNR, CONFOUNDS, COLUMNS, *table, *transforms, SERIES_REPORT, RECORD
    )  # fmt: skip


@dataclass(frozen=True)
class SeriesFolder(Folder):
    """A folder of results, of which a command does not print a line for every frame."""

    def results(self) -> list[Path]:
        """All but the transforms and what stands beside another file."""
        return [path for name, path in self.places().items() if name in _MAIN]
