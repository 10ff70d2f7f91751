"""`python -m benchmarks.template`: regkit's template of a group beside that of ANTsPy.

Both begin from the same files, in processes of their own of two threads in all (regkit: two
workers of one), and end at templates of the same voxel size. Sharpness is measured in the body of
each template, after its intensities there are scaled so that their 1st and 99th percentiles lie 1
apart: the mean length of the gradient per mm, and the variance of the Laplacian per mm2.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

import regkit as rk
from benchmarks.data import as_float, data_folder
from benchmarks.machine import describe
from benchmarks.measure import Cost, ProcessFailedError, measured
from benchmarks.methods import REGKIT
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from regkit.preprocess.foreground import foreground
from regkit.preprocess.intensity import normalise
from regkit.resample import resample

_GROUPS = {
    "brains": ("brain_t1/a_t1", "brain_t1/b_t1", "ms_multicontrast/t1"),
    "MS heads": (
        "ms_longitudinal/study1_T1W", "ms_longitudinal/study2_T1W", "ms_second_patient/study1_T1W",
    ),
}  # fmt: skip
_COLUMNS = {
    "group": "", "method": "", "gradient per mm": ".4f", "variance of Laplacian": ".5f",
    "wall s": ".0f", "CPU s": ".0f", "peak GB of a process": ".2f", "÷ ANTs": ".2f",
}  # fmt: skip
_WORKERS = ("--workers", "2", "--threads", "1", "--quiet", "--overwrite")
_RUNS = {
    "regkit, preset default": ("regkit", ()),
    "regkit, preset fast": ("regkit", ("--option", "preset=fast")),
    "ants.build_template": ("ants", ("0.75",)),
    "regkit, preset default, not sharpened": ("regkit", ("--sharpening", "0")),
    "ants.build_template, not sharpened": ("ants", ("none",)),
}
_PEER = "ants.build_template"
_PEER_WORD = "--ants"


def main(words: Sequence[str] | None = None) -> int:
    """Print one table; with ``--ants``, be the process of the peer."""
    given = sys.argv[1:] if words is None else list(words)
    if given[:1] == [_PEER_WORD]:
        ants_template(Path(given[1]), given[2], [Path(each) for each in given[3:]])
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.template", description=__doc__)
    parser.add_argument("--voxel", type=float, default=2.0, metavar="MM", help="of all images")
    parser.add_argument("--only", choices=list(_GROUPS), help="one group")
    parser.add_argument("--methods", nargs="+", choices=list(_RUNS), default=list(_RUNS))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the templates there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    asked = parser.parse_args(given)
    print(machine_text(describe()), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        groups = [asked.only] if asked.only else list(_GROUPS)
        rows = [row for name in groups for row in _race(name, asked, folder)]
    table = Table(f"Templates at {asked.voxel:g} mm", _COLUMNS, rows)
    print(f"\n{table.markdown()}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(table.as_dict(), indent=2))
    return 0


def ants_template(out: Path, blending: str, images: Sequence[Path]) -> None:
    """Build a template by ANTsPy with its defaults, and write it.

    Parameters
    ----------
    out
        The file.
    blending
        Its ``blending_weight``, or ``none`` for a template that is not sharpened.
    images
        The group.
    """
    ants = importlib.import_module("ants")
    weight = None if blending == "none" else float(blending)
    group = [ants.image_read(str(path)) for path in images]
    ants.image_write(ants.build_template(image_list=group, blending_weight=weight), str(out))


def sharpness(template: rk.Volume) -> tuple[float, float]:
    """Mean gradient per mm and variance of the Laplacian per mm2, inside the body.

    Intensities are scaled so that the 1st and the 99th percentile in the body lie 1 apart.

    Examples
    --------
    >>> ramp = np.zeros((12, 12, 12), np.float32) + np.arange(12, dtype=np.float32)
    >>> slope, bent = sharpness(rk.Volume(ramp, np.eye(4)))
    >>> 0 < slope < 0.2, bent < 1e-6
    (True, True)
    """
    inside = foreground(normalise(template)).data[0].numpy() > 0
    data = template.data[0].double().numpy()
    low, high = np.quantile(data[inside], [0.01, 0.99])
    scaled = (data - low) / (high - low)
    slopes = np.gradient(scaled, *template.spacing)
    length = np.sqrt(sum(each**2 for each in slopes))
    steps = [np.array([1.0, -2.0, 1.0]) / size**2 for size in template.spacing]
    curved = sum(ndimage.correlate1d(scaled, step, axis) for axis, step in enumerate(steps))
    return float(length[inside].mean()), float(np.var(np.asarray(curved)[inside]))


def _race(group: str, asked: argparse.Namespace, folder: Path) -> list[Row]:
    voxel = float(asked.voxel)
    images = [_resampled(name, voxel, folder / group) for name in _GROUPS[group]]
    costs: dict[str, Cost] = {}
    rows: list[Row] = []
    for method, (kind, options) in _RUNS.items():
        if method not in asked.methods or (kind == "ants" and find_spec("ants") is None):
            continue
        out = folder / group / method.replace(" ", "_")
        out.mkdir(exist_ok=True)
        try:
            costs[method] = measured(_words(kind, options, out, images, voxel), out / "log.txt")
        except ProcessFailedError as error:
            rows.append({"group": group, "method": f"{method}: failed: {error}"})
            continue
        rows.append(_row(group, method, costs[method], out / "template.nii.gz"))
        print(rows[-1], flush=True)
    peer = costs.get(_PEER)
    return [
        {**row, "÷ ANTs": costs[str(row["method"])].wall / peer.wall}
        if peer and row["method"] in costs
        else row
        for row in rows
    ]


def _words(
    kind: str, options: Sequence[str], out: Path, images: Sequence[Path], voxel: float
) -> list[str]:
    files = [str(path) for path in images]
    if kind == "ants":
        peer = [sys.executable, "-m", "benchmarks.template", _PEER_WORD]
        return [*peer, str(out / "template.nii.gz"), *options, *files]
    size = ["--voxel", f"{voxel:g}", "-o", str(out)]
    return [*REGKIT, "template", *files, *size, *_WORKERS, *options]


def _row(group: str, method: str, cost: Cost, path: Path) -> Row:
    gradient, laplacian = sharpness(rk.read(path).load())
    return {
        "group": group, "method": method, "gradient per mm": gradient,
        "variance of Laplacian": laplacian, "wall s": cost.wall, "CPU s": cost.cpu,
        "peak GB of a process": cost.peak,
    }  # fmt: skip


def _resampled(name: str, voxel: float, folder: Path) -> Path:
    """An image in cubes of one size and in [0, 1], as both programs are to read it.

    ANTsPy averages intensities as they are: of these brains one has forty times those of the
    others, and its template would be that one image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = as_float(rk.read(data_folder() / f"{name}.nii.gz").load())
    path = folder / f"{name.replace('/', '_')}.nii.gz"
    normalise(resample(image, image.grid.with_spacing(voxel))).save(path, overwrite=True)
    return path


if __name__ == "__main__":
    sys.exit(main())
