"""Cost against size: a smooth synthetic pair from 1 to 134 million voxels."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import regkit as rk
from benchmarks.machine import available_memory
from benchmarks.measure import ProcessFailedError
from benchmarks.methods import DEFAULT
from benchmarks.session import Session, say
from benchmarks.table import Row, Table

SIDES = (100, 126, 160, 200, 252, 318, 400, 512)
FIELD_OF_VIEW_MM = 200.0
_COLUMNS = {
    "shape": "",
    "million voxels": ".1f",
    "wall s": ".1f",
    "CPU s": ".1f",
    "peak GB": ".2f",
    "s per million": ".2f",
    "GB per million": ".3f",
}


def size_case(session: Session) -> list[Table]:
    """The whole command, default preset, on growing images of one field of view."""
    session.warm_up("lncc2")
    rows: list[Row] = []
    for side in SIDES:
        if rows and (why := _too_large(side, rows[-1])):
            say(f"skipped {side}³: {why}")
            break
        rows.append(_row(session, side))
    notes = ("One run each; uncompressed NIfTI in, everything written as always.",)
    return [Table("Cost against size (default preset)", _COLUMNS, rows, notes)]


def _too_large(side: int, last: Row) -> str | None:
    if "GB per million" not in last:
        return "a smaller pair failed"
    need = float(last["GB per million"]) * side**3 / 1e6
    have = available_memory() / 1e9
    return f"about {need:.0f} GB needed, {have:.0f} GB free" if need > 0.9 * have else None


def _row(session: Session, side: int) -> Row:
    say(f"{side}³")
    first = {"shape": f"{side}³", "million voxels": side**3 / 1e6}
    with tempfile.TemporaryDirectory(dir=session.folder) as name:
        out = Path(name)
        fixed, moving = (_image(side, moved).save(out / f"{moved}.nii") for moved in (0, 1))
        try:
            cost = DEFAULT.run(fixed, moving, out, device=session.device)
        except ProcessFailedError as error:
            return {**first, "wall s": f"failed: {error}"}
    per = {"s per million": cost.wall / side**3 * 1e6, "GB per million": cost.peak / side**3 * 1e6}
    return {**first, "wall s": cost.wall, "CPU s": cost.cpu, "peak GB": cost.peak, **per}


def _image(side: int, moved: int) -> rk.Volume:
    """A ball of smooth texture, the same at every size; bent by some millimetres if ``moved``."""
    step = FIELD_OF_VIEW_MM / side
    start = (step - FIELD_OF_VIEW_MM) / 2
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = start
    grid = rk.Grid((side,) * 3, affine)
    data = torch.empty(grid.shape, dtype=torch.float32)
    for rows in grid.slabs():
        points = grid.world_points(rows)
        data[rows] = _texture(points + moved * 4.0 * torch.sin(points.roll(1, -1) / 25))
    return rk.Volume(data, grid, f"ball{side}")


def _texture(points: Tensor) -> Tensor:
    waves = sum(torch.sin(points.roll(k, -1) / (4 + 3 * k)).prod(-1) for k in range(3))
    ball = torch.sigmoid((75 - points.norm(dim=-1)) / 2)
    return (1000 * ball * (1 + 0.3 * waves)).float()
