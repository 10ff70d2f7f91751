"""Bring intensities to [0, 1], by modality."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.volume.volume import Volume

Modality = Literal["auto", "ct", "cbct", "mr", "pet", "optical", "other"]
CT_WINDOW = (-1000.0, 1000.0)  # Hounsfield units: air to dense bone, as uniGradICON takes it
# From the darkest voxel, or from a quantile where a few are far below all others. Few voxels of a
# PET are bright, and those are what matters; cone-beam CT has no scale in Hounsfield units.
_QUANTILES: dict[str, tuple[float | None, float]] = {
    "mr": (None, 0.995),
    "pet": (None, 0.9995),
    "cbct": (0.001, 0.999),
    "optical": (0.001, 0.999),
    "other": (0.001, 0.999),
}
_SAMPLES = 2_000_000


def normalise(volume: Volume, modality: Modality = "auto") -> Volume:
    """Bring the intensities of ``volume`` to [0, 1], in float32.

    CT is clamped to -1000 ... 1000 HU; MR to its minimum and 99.5 % quantile, PET to its minimum
    and 99.95 %; anything else to its 0.1 % and 99.9 % quantiles. Quantiles leave out the voxels at
    the minimum, so that a wide empty margin does not move them. Voxels that are not ``valid`` count
    for nothing and become 0. ``auto`` takes an image with air
    near -1000 for CT, one without negative values for MR, and any other for ``other``. Every
    channel is scaled by itself.

    Raises
    ------
    InputError
        If a channel has no contrast, or no voxel with data.
    """
    known = volume.data_values()
    scaled = volume.data.to(torch.float32, copy=True)
    for number, channel in enumerate(scaled):
        low, high = window(known[number], modality)
        if not high > low:
            where = f"channel {number}: " if volume.channels > 1 else ""
            raise InputError(
                f"{volume.name or 'image'}: {where}all voxels are {low:g}; an image with contrast "
                "is needed"
            )
        channel.sub_(low).div_(high - low).clamp_(0, 1)
    return volume.with_data(
        scaled if volume.valid is None else scaled.masked_fill_(~volume.valid, 0)
    )


def window(data: Tensor, modality: Modality) -> tuple[float, float]:
    """Return the two intensities that :func:`normalise` maps to 0 and 1.

    Parameters
    ----------
    data
        Intensities of one channel, of any shape; of many, a part is looked at.
    modality
        As :func:`normalise` takes it.

    Returns
    -------
    low, high
        Equal where all intensities are.
    """
    if modality == "ct" or (modality == "auto" and is_ct(data)):
        return CT_WINDOW
    values = _thinned(data)
    lowest = values.min()
    tissue = values[values > lowest]
    if len(tissue) == 0:
        return float(lowest), float(lowest)
    if modality == "auto":
        modality = "mr" if lowest >= 0 else "other"
    bottom, top = _QUANTILES[modality]
    high = np.quantile(tissue, top)
    low = lowest if bottom is None else np.quantile(tissue, bottom)
    # An image of two values has tissue of only one.
    return float(low if low < high else lowest), float(high)


def is_ct(data: Tensor) -> bool:
    """Say whether intensities, of any shape, look like CT: more than 2 % of them are those of air.

    Air is what lies between -3100 and -500 HU.
    """
    values = _thinned(data)
    return bool(np.mean((values < -500) & (values > -3100)) > 0.02)


def _thinned(data: Tensor) -> NDArray[Any]:
    values = data.reshape(-1)
    out: NDArray[Any] = values[:: max(1, len(values) // _SAMPLES)].cpu().to(torch.float32).numpy()
    return out
