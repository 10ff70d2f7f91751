"""Images that have nothing in common: there is nothing right to find."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy import ndimage

import regkit as rk
from benchmarks.data import as_float, data_folder
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import noisy
from regkit import Grid, Volume


def strangers() -> Iterator[HardPair]:
    """Chest and brain, pelvis and brain, a shape, noise: what passes here passes silently."""
    a, chest, pelvis = sources.person("a"), sources.chest("0004"), _pelvis()
    adrenal = _adrenal()
    for name, fixed, moving in (
        ("chest to brain", a, chest),
        ("brain to chest", sources.chest("0006"), a),
        ("noise to brain", a, _noise(a.grid, 0.0)),
        ("brain to noise", _noise(a.grid, 0.0), sources.person("b")),
        ("smooth noise to head", sources.head(), _noise(sources.head().grid, 3.0)),
        ("smooth noise to smooth noise", _noise(a.grid, 3.0), _noise(a.grid, 3.0, seed=1)),
        ("adrenal shape to brain", a, adrenal),
        ("brain to adrenal shape", adrenal, sources.patient("T2")),
        ("pelvis to head", sources.head(), pelvis),
        ("chest to pelvis", pelvis, chest),
        ("spheres to brain", a, _spheres(a.grid)),
        ("chest to head", sources.head(), sources.chest("0006")),
    ):
        yield HardPair(name, fixed, moving, transform="affine")


def _pelvis() -> Volume:
    series = data_folder() / "dce_prostate" / "late_20_frames.nii.gz"
    return as_float(rk.read(series, frame=0)).reoriented("RAS")


def _adrenal() -> Volume:
    """One shape of AdrenalMNIST3D, in cubes of 1 mm."""
    with np.load(data_folder() / "adrenalmnist3d_64.npz") as shapes:
        data = shapes["val_images"][0].astype(np.float32)
    return noisy(Volume(torch.from_numpy(100 * (data > 0)), Grid(data.shape, np.eye(4))), 0)


def _noise(grid: Grid, sigma: float, *, seed: int = 0) -> Volume:
    """White noise smoothed over ``sigma`` voxels, 0 to 100."""
    drawn = np.random.default_rng(seed).normal(size=grid.shape)
    smooth = ndimage.gaussian_filter(drawn, sigma) if sigma else drawn
    values = (smooth - smooth.min()) / np.ptp(smooth)
    return Volume(torch.from_numpy((100 * values).astype(np.float32)), grid, "noise")


def _spheres(grid: Grid) -> Volume:
    """Twelve bright spheres in a dark box."""
    rng = np.random.default_rng(5)
    data = torch.zeros(grid.shape, dtype=torch.float64)
    points = grid.world_points()
    for _ in range(12):
        middle = grid.to_world(torch.tensor(rng.uniform(0.15, 0.85, 3) * grid.shape))
        away = (points - middle).norm(dim=-1)
        data += rng.uniform(40, 100) * torch.sigmoid((rng.uniform(8, 18) - away) / 1.0)
    return noisy(Volume(data.float(), grid, "spheres"), 6)
