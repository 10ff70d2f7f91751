"""Scenes on the earth: how far regkit and others are off a known truth.

`python -m benchmarks.scenes --write` makes `benchmarks/scenes.md`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import regkit as rk
from benchmarks.geo_peers import geo_peers
from benchmarks.machine import describe
from benchmarks.scene_cases import SceneCase, moved_headers, scene_cases
from benchmarks.scene_peers import PEERS, OneBand, Peer, one_band
from benchmarks.table import Table
from regkit.registration.scenes import GeoScene, SceneConfig, register_scenes
from regkit.registration.scenes.config import Kind, Sensor

Way = Callable[[Tensor], Tensor]
_PAGE = Path(__file__).with_name("scenes.md")
_EVERY = 3  # pixels between places that are judged


def regkit_way(case: SceneCase, kind: Kind) -> Way:
    """What regkit finds by its defaults, for a kind of transform."""
    sensor: Sensor = "sar" if case.radar else "auto"
    config = SceneConfig(transform=kind, moving_modality=sensor)
    return register_scenes(case.fixed, case.moving, config=config).transform


def errors(way: Way, case: SceneCase) -> np.ndarray:
    """How far a map is off the truth, in pixels of the reference, where both have data.

    Where it does not say where a place lies, it is not judged.
    """
    grid, m = case.fixed.grid, case.margin
    inner = [np.arange(m, n - m, _EVERY, dtype=np.float64) for n in grid.shape]
    index = torch.from_numpy(np.stack(np.meshgrid(*inner, indexing="ij"), -1).reshape(-1, 2))
    points = grid.to_world(index)
    goal = case.truth(points)
    seen = _data_at(case.fixed, points) & _data_at(case.moving, goal)
    apart = case.moving.grid.to_index(way(points[seen])) - case.moving.grid.to_index(goal[seen])
    across = case.moving.grid.spacing[0] / grid.spacing[0]
    found: np.ndarray = apart.norm(dim=-1).numpy() * across
    told: np.ndarray = found[np.isfinite(found)]
    return told


def _data_at(scene: GeoScene, points: Tensor) -> Tensor:
    index = scene.grid.to_index(points).round().long()
    size = torch.tensor(scene.grid.shape)
    inside = ((index >= 0) & (index < size)).all(-1)
    valid = scene.bands[0].valid
    if valid is None:
        return inside
    at = index.clamp(min=torch.zeros(2, dtype=torch.long), max=size - 1)
    return inside & valid[at[:, 0], at[:, 1]]


def known_table() -> Table:
    """Every pair of a known truth, by every program."""
    rows = list[dict[str, Any]]()
    for case in scene_cases():
        pair = one_band(case.fixed, case.moving, bends=case.bends, radar=case.radar)
        told: Kind = "deformable" if case.bends else "translation"
        first = len(rows)
        kinds: tuple[tuple[Kind, str], ...] = (("local", "regkit"), (told, f"regkit {told}"))
        for kind, name in kinds:
            rows.append(_row(case, name, partial(regkit_way, case, kind)))
        rows += [_row(case, name, partial(peer, pair)) for name, peer in _peers().items()]
        print(Table("", _COLUMNS, rows[first:]).markdown(), flush=True)
    return Table("Known truth, pixels of the reference", _COLUMNS, rows)


_COLUMNS = {"pair": "", "program": "", "median": ".4f", "p95": ".4f", "seconds": ".1f", "said": ""}


def _row(case: SceneCase, program: str, run: Callable[[], Way]) -> dict[str, Any]:
    begin = time.process_time()
    row: dict[str, Any] = {"pair": case.name, "program": program}
    try:
        off = errors(run(), case)
    except rk.InputError as error:
        return row | {"said": str(error)[:80]}
    except Exception as error:
        return row | {"said": f"{type(error).__name__}"}
    seconds = time.process_time() - begin
    return row | {"median": float(np.median(off)), "p95": float(np.quantile(off, 0.95)),
                  "seconds": seconds}  # fmt: skip


def sensors_table() -> Table:
    """Landsat 30 m and Sentinel-2 10 m: there and back, and a header that is moved."""
    rows, first = [], dict[str, Tensor]()
    runs: dict[str, Callable[[GeoScene, GeoScene], Way]] = {
        "regkit": lambda a, b: register_scenes(a, b).transform
    }
    for name, peer in _peers().items():
        runs[name] = partial(_by_peer, peer)
    for moved, sentinel, landsat, step in moved_headers():
        for name, run in runs.items():
            there, back = _tried(run, sentinel, landsat), _tried(run, landsat, sentinel)
            points = _some_points(sentinel)
            row: dict[str, Any] = {"header moved by": moved, "program": name}
            if there is not None and back is not None:
                gap = (back(there(points)) - points).norm(dim=-1) / sentinel.grid.spacing[0]
                row["there and back"] = float(gap.nanmedian())
                way = there(points) - points - step
                first.setdefault(name, way)
                off = (way - first[name]).norm(dim=-1) / sentinel.grid.spacing[0]
                row["off the known move"] = float(off.nanmedian())
            rows.append(row)
        print(rows[-len(runs) :], flush=True)
    columns = {"header moved by": "", "program": "", "there and back": ".3f",
               "off the known move": ".3f"}  # fmt: skip
    return Table("Landsat 30 m and Sentinel-2 10 m, pixels of 10 m (median)", columns, rows, (
        "There and back: Sentinel-2 to Landsat and Landsat to Sentinel-2, composed. Off the known "
        "move: the result less that of the header that was not moved, less the move; by "
        "construction 0 in the first rows.",
    ))  # fmt: skip


def _peers() -> dict[str, Peer]:
    """Those for scenes first."""
    return {**geo_peers(), **PEERS}


def _by_peer(peer: Callable[[OneBand], Way], fixed: GeoScene, moving: GeoScene) -> Way:
    return peer(one_band(fixed, moving, bends=False, radar=False))


def _tried(
    run: Callable[[GeoScene, GeoScene], Way], fixed: GeoScene, moving: GeoScene
) -> Way | None:
    try:
        return run(fixed, moving)
    except Exception:
        return None


def _some_points(scene: GeoScene) -> Tensor:
    grid = scene.grid
    axes = [torch.linspace(60, n - 61, 20, dtype=torch.float64) for n in grid.shape]
    return grid.to_world(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2))


_HEAD = """# Scenes on the earth

`python -m benchmarks.scenes --write` makes this page. The pairs are parts of real scenes
(Sentinel-2, 10 m; five Sentinel-2 scenes of 13 bands; Landsat 8, 30 m) moved by a known map through
a cubic spline, with another gain and noise; pseudo-SAR has a remap that is not monotone and gamma
speckle of four looks. regkit runs by its defaults (`local`), told only that a scene is SAR, and
once more with the kind of transform that the truth has; peers get the first band of each, placed on
the reference by the headers, and that kind too: a translation, or where it bends an affine (OpenCV)
or a B-spline (SimpleITK, by correlation within one contrast and by Mattes mutual information with
SAR). scikit-image knows translations only. coregix (edges in elastix: a translation, then a rigid
transform) and GeFolki (dense flow of ranks) are programs for scenes; they run by their defaults,
GeFolki by those of its demonstrations, where `pip install --no-deps coregix gefolki loguru` has
installed them (`benchmarks/geo_peers.py` says why no other does). Seconds are processor time.

Read it with care: the pairs are made with the same cubic spline by which regkit matches, which no
real sensor does, so that thousandths of a pixel are flattering. The two rows of coarse pixels are
made without interpolation: the means of blocks of 3 x 3 pixels of 10 m, which begin elsewhere in
the scene, by thirds of a pixel of 30 m. How SAR is matched was chosen on two other parts of the
same Sentinel-2 scene, with the same remap and other ground; one global remap is what mutual
information and regkit's prediction both assume; and each row is one run.
"""


def main() -> None:
    """Print the tables; with --write make the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew benchmarks/scenes.md")
    write = parser.parse_args().write
    tables = [known_table(), sensors_table()]
    machine = "\n".join(f"- {name}: {value}" for name, value in describe().items())
    text = "\n\n".join([_HEAD, machine, *(each.markdown() for each in tables)])
    print(text)
    if write:
        _PAGE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
