"""The real images: where they lie, and what is read from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

import regkit as rk

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_folder() -> Path:
    """``../shared/data`` from the project's root, or where ``REGKIT_DATA`` says.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    folder = Path(os.environ.get("REGKIT_DATA") or _BESIDE)
    if not folder.is_dir():
        raise rk.InputError(f"{folder.name}: no such folder; set REGKIT_DATA to the real images")
    return folder


@dataclass(frozen=True)
class PairFiles:
    """Two images with labels, and which labels are scored (all, if empty)."""

    name: str
    fixed: Path
    moving: Path
    fixed_labels: Path
    moving_labels: Path
    scored: tuple[int, ...] = ()


def brain_pairs() -> list[PairFiles]:
    """``brain_t1``, both ways."""
    folder = data_folder() / "brain_t1"
    scored = tuple(int(word) for word in (folder / "score_labels.txt").read_text().split())
    return [
        _pair(folder, "b→a", "a", "b", ("t1", "labels"), scored),
        _pair(folder, "a→b", "b", "a", ("t1", "labels"), scored),
    ]


def chest_pairs() -> list[PairFiles]:
    """``chest_mr``, both ways."""
    folder = data_folder() / "chest_mr"
    return [
        _pair(folder, "0006→0004", "0004", "0006", ("mr", "lobes")),
        _pair(folder, "0004→0006", "0006", "0004", ("mr", "lobes")),
    ]


def _pair(
    folder: Path,
    name: str,
    fixed: str,
    moving: str,
    kinds: tuple[str, str],
    scored: tuple[int, ...] = (),
) -> PairFiles:
    image, labels = (f"_{kind}.nii.gz" for kind in kinds)
    return PairFiles(
        name,
        folder / f"{fixed}{image}",
        folder / f"{moving}{image}",
        folder / f"{fixed}{labels}",
        folder / f"{moving}{labels}",
        scored,
    )


def contrasts() -> dict[str, rk.Volume]:
    """T1, T2 and FLAIR of one person, in one space (``ms_multicontrast``)."""
    folder = data_folder() / "ms_multicontrast"
    files = {"T1": "t1", "T2": "t2", "FLAIR": "flair"}
    return {name: as_float(rk.read(folder / f"{stem}.nii.gz")) for name, stem in files.items()}


def as_float(volume: rk.Volume) -> rk.Volume:
    """``volume`` in float32, so that resampling it rounds nothing."""
    return volume.with_data(volume.data.to(torch.float32))


def background(volume: rk.Volume) -> float:
    """The value around a brain that was cut out: that of the first corner."""
    return float(volume.data.flatten()[0])


def shown(volume: rk.Volume) -> rk.Labels:
    """1 where a brain whose surroundings were set to one value differs from that value."""
    apart = (volume.data[0].double() - background(volume)).abs()
    # Interpolation leaves the surroundings constant only up to rounding.
    inside = apart > 1e-4 * float(apart.max())
    return rk.Labels(inside.to(torch.uint8), volume.grid, "brain")


def brain(volume: rk.Volume) -> rk.Labels:
    """:func:`shown`, its holes filled."""
    inside = shown(volume)
    filled = ndimage.binary_fill_holes(inside.data[0].numpy())
    return inside.with_data(torch.from_numpy(filled.astype(np.uint8)))


def points_in(mask: rk.Labels, count: int = 4000) -> Tensor:
    """About ``count`` world points ``(n, 3)``, evenly taken from the voxels of ``mask``."""
    index = torch.nonzero(mask.data[0] > 0).double()
    return mask.grid.to_world(index[:: max(1, len(index) // count)])
