"""Scenes larger than memory: one 16-bit band of 20 000 x 20 000, its truth, time and memory.

`python -m benchmarks.large_scenes` makes the pair in a temporary folder, registers it by the
command in a process of its own, and warps the scene by `rio warp` beside it; with --write it makes
`benchmarks/large_scenes.md`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import regkit as rk
from benchmarks.data import data_folder
from benchmarks.machine import describe
from benchmarks.spline_truth import spline_at, spline_of
from benchmarks.table import Table
from regkit.errors import require
from regkit.io import read_transform

Floats = NDArray[np.float64]
_PAGE = Path(__file__).with_name("large_scenes.md")
_STRIP = 256  # rows that are made at once
_NOISE = 20.0  # grey values, of about 4000
_CORNER = (300000.0, 6260000.0)
_SHIFT = np.array([-12.4, 8.7])


def back(index: Floats, size: int) -> Floats:
    """Where the reference shows what the scene shows at ``index (..., 2)``, in pixels of both.

    Parameters
    ----------
    index
        Columns and rows.
    size
        Of the scene, along both axes.
    """
    x, y = index[..., 0] / size, index[..., 1] / size
    i = 3 * np.sin(19 * x + 1) * np.cos(13 * y) + 2 * y
    j = 3 * np.cos(16 * x) * np.sin(17 * y + 2) - 2 * x
    moved: Floats = index + _SHIFT + np.stack([i, j], -1)
    return moved


def forth(index: Floats, size: int) -> Floats:
    """The inverse of :func:`back`, by a fixed point."""
    found = index.copy()
    for _ in range(30):
        found = index - (back(found, size) - found)
    return found


@dataclass(frozen=True, eq=False)
class Ground:
    """Red of a real Sentinel-2 scene at two magnifications, mirrored without end."""

    spline: NDArray[np.float32]

    @classmethod
    def real(cls) -> Ground:
        """Of the data folder."""
        path = data_folder() / "satellite" / "sentinel2_b432_10m.tif"
        return cls(spline_of(rk.read(path, channels=(0,)).data.float().numpy()))

    def at(self, index: Floats) -> NDArray[np.float32]:
        """Values at ``(..., 2)``."""
        turned = index @ np.array([[0.11, 0.05], [-0.05, 0.11]]) + 300.5
        fine, wide = (spline_at(self.spline, each)[0] for each in (0.8 * index, turned))
        values: NDArray[np.float32] = 12 * fine + 6 * wide + 300
        return values


def make_scene(path: Path, size: int, *, moved: bool) -> None:
    """Write the reference, or the scene, strip by strip.

    Parameters
    ----------
    path
        The GeoTIFF: tiled, deflated, without overviews.
    size
        Pixels along both axes.
    moved
        Whether it is the scene.
    """
    rasterio = require("rasterio", extra="geo")
    ground, noise = Ground.real(), np.random.default_rng(int(moved))
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=1, dtype="uint16", nodata=0,
        crs="EPSG:32735", transform=rasterio.Affine(10, 0, _CORNER[0], 0, -10, _CORNER[1]),
        tiled=True, blockxsize=512, blockysize=512, compress="deflate", predictor=2, zlevel=1,
    ) as dataset:  # fmt: skip
        for top in range(0, size, _STRIP):
            rows = np.arange(top, min(top + _STRIP, size), dtype=np.float64)
            index = np.stack(np.meshgrid(np.arange(size, dtype=np.float64), rows), -1)
            values = ground.at(back(index, size) if moved else index)
            gain, offset = (1.2, 50.0) if moved else (1.0, 0.0)
            seen = gain * values + offset + noise.normal(0, _NOISE, values.shape)
            window = rasterio.windows.Window(0, top, size, len(rows))
            dataset.write(seen.round().clip(1, 65535).astype(np.uint16), 1, window=window)


def measured(words: list[str]) -> dict[str, Any]:
    """Run a command: seconds, wall and of processors, and its largest memory in GB."""
    begin = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(words)} failed")
    return {
        "seconds": time.perf_counter() - begin,
        "processor": usage.ru_utime + usage.ru_stime,
        "GB": usage.ru_maxrss * 1024 / 1e9,
    }


def errors(run: Path, size: int) -> Floats:
    """How far the map of a run is off the truth, in pixels, on a grid of places."""
    phi = read_transform(run / "transform.h5")
    line = np.linspace(100, size - 101, 60)
    index = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    pixel = np.array([10.0, -10.0])
    corner = np.array(_CORNER) + pixel / 2
    found = (phi(torch.from_numpy(index * pixel + corner)).numpy() - corner) / pixel
    off: Floats = np.linalg.norm(found - forth(index, size), axis=-1)
    return off


def run_table(folder: Path, size: int) -> Table:
    """Make the pair, register it, and warp it by rio beside."""
    fixed, moving = folder / "reference.tif", folder / "scene.tif"
    folder.mkdir(parents=True, exist_ok=True)
    for path, moved in ((fixed, False), (moving, True)):
        if not path.exists():
            make_scene(path, size, moved=moved)
    to_cog = ("--format", "COG", "--co", "COMPRESS=DEFLATE")
    rows = [
        {"program": "rio warp", **_rio(moving, folder / "rio.tif")},
        {"program": "rio warp, to COG", **_rio(moving, folder / "cog.tif", *to_cog)},
    ]
    out = folder / "out"
    main_of = "import sys; from regkit.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", main_of, "register", str(fixed), str(moving), "-o", str(out)]
    last = {"program": "regkit register", **measured([*words, "--overwrite", "-q"])}
    off = errors(out, size)
    last |= {"median": float(np.median(off)), "p95": float(np.quantile(off, 0.95))}
    columns = {"program": "", "seconds": ".0f", "processor": ".0f", "GB": ".2f", "median": ".3f",
               "p95": ".3f"}  # fmt: skip
    return Table(
        f"{size} x {size}, one band of 16 bits (pixels of 10 m)", columns, [*rows, last],
        ("Seconds: wall, then of processors. GB: peak of the process. Median and p95: how far the "
         "map is off the truth, in pixels. rio warp has nothing to find: it reads, warps by a "
         "shift of its bounds, bilinear, with two threads, and writes.",),
    )  # fmt: skip


def _rio(scene: Path, target: Path, *more: str) -> dict[str, Any]:
    target.unlink(missing_ok=True)
    left, top = _CORNER[0] + 3, _CORNER[1] - 4
    rasterio = require("rasterio", extra="geo")
    with rasterio.open(scene) as dataset:
        right, bottom = left + 10 * dataset.width, top - 10 * dataset.height
    rio = "from rasterio.rio.main import main_group; main_group()"
    words = ["warp", str(scene), str(target), "--dst-crs", "EPSG:32735", "--resampling",
             "bilinear", "--threads", "2", "--res", "10", "--bounds",
             *(str(v) for v in (left, bottom, right, top)), *more]  # fmt: skip
    return measured([sys.executable, "-c", rio, *words])


def main() -> None:
    """Print the table; with --write make the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew benchmarks/large_scenes.md")
    parser.add_argument("--size", type=int, default=20000, help="pixels along both axes")
    parser.add_argument("--folder", type=Path, help="where the pair is kept; made if not there")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as made:
        table = run_table(asked.folder or Path(made), asked.size)
    machine = "\n".join(f"- {name}: {value}" for name, value in describe().items())
    text = "\n\n".join(["# Scenes larger than memory", machine, table.markdown()])
    print(text)
    if asked.write:
        _PAGE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
