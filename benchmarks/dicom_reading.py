"""`python -m benchmarks.dicom_reading [SLICES]`: seconds to read a CT series, beside SimpleITK's.

A series of slices of 512x512 pixels is written into a folder that is taken away again, uncompressed
and as JPEG-LS. Both programs find its files, sort them and read all voxels; regkit checks the
geometry of every slice besides. Each program is warm: the first of three readings does not count.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from regkit import read

sitk: Any = import_module("SimpleITK")
pydicom: Any = import_module("pydicom")

_CT = "1.2.840.10008.5.1.4.1.1.2"
_SYNTAXES = {"uncompressed": "1.2.840.10008.1.2.1", "JPEG-LS": "1.2.840.10008.1.2.4.80"}
_SIZE, _SLICES, _TIMES = 512, 300, 3
_COLUMNS = {
    "series": "", "regkit, s": ".2f", "regkit, CPU s": ".2f", "SimpleITK, s": ".2f",
    "SimpleITK, CPU s": ".2f",
}  # fmt: skip


def main() -> int:
    """Print one table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _SLICES
    print(machine_text(describe()), flush=True)
    rows: list[Row] = []
    for name, syntax in _SYNTAXES.items():
        with tempfile.TemporaryDirectory(prefix="regkit-dicom-") as folder:
            _write(Path(folder), count, syntax)
            values = (
                name,
                *_seconds(lambda: _by_regkit(folder)),
                *_seconds(lambda: _by_itk(folder)),
            )
            rows.append(dict(zip(_COLUMNS, values, strict=True)))
    notes = ("Two readings after the first; the faster one of each.",)
    print(f"\n{Table(f'Reading {count} slices', _COLUMNS, rows, notes).markdown()}")
    return 0


def _seconds(read_it: Callable[[], object]) -> tuple[float, float]:
    walls, cpus = [], []
    for _ in range(_TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        read_it()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls[1:]), min(cpus[1:])


def _by_regkit(folder: str) -> object:
    return read(folder).load()


def _by_itk(folder: str) -> object:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return reader.Execute()


def _write(folder: Path, count: int, syntax: str) -> None:
    y, x = np.mgrid[:_SIZE, :_SIZE]
    noise = np.random.default_rng(0).integers(0, 30, (_SIZE, _SIZE))
    series = pydicom.uid.generate_uid()
    for number in range(count):
        body = np.hypot(x - _SIZE / 2, y - _SIZE / 2) < 180 + 40 * np.sin(number / 20)
        data = _slice(series, number, (1000 * body + noise).astype(np.uint16))
        if syntax != _SYNTAXES["uncompressed"]:
            data.compress(syntax, generate_instance_uid=False)
        data.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)


def _slice(series: str, number: int, stored: Any) -> Any:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = _CT, _SYNTAXES["uncompressed"]
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    values = {
        "SOPClassUID": _CT, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "SeriesInstanceUID": series, "Modality": "CT", "InstanceNumber": number + 1,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [-200, -200, number], "PixelSpacing": [0.78, 0.78],
        "SliceThickness": 1, "Rows": _SIZE, "Columns": _SIZE, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 12,
        "HighBit": 11, "PixelRepresentation": 0, "RescaleSlope": 1, "RescaleIntercept": -1024,
        "PixelData": stored.tobytes(),
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


if __name__ == "__main__":
    sys.exit(main())
