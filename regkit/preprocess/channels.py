"""Weigh the channels of an image, and make one image of all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from regkit.errors import InputError
from regkit.volume.volume import Volume


def shares_of(channels: int, weights: Sequence[float] | None = None) -> tuple[float, ...]:
    """Return the share of each channel, 1 in all; equal ones if no ``weights`` are given.

    Raises
    ------
    InputError
        If there are not as many weights as channels.

    Examples
    --------
    >>> shares_of(3, (2, 0, 2))
    (0.5, 0.0, 0.5)
    """
    given = (1.0,) * channels if weights is None else tuple(weights)
    if len(given) != channels:
        shown = ",".join(f"{weight:g}" for weight in given)
        raise InputError(
            f"channel_weights {shown} are {len(given)}, and the images have {channels} "
            f"channel{'s' * (channels > 1)}; give one weight a channel"
        )
    total = math.fsum(given)
    return tuple(weight / total for weight in given)


def counted_channels(volume: Volume, shares: Sequence[float]) -> Volume:
    """Return ``volume`` without the channels of share 0; itself where all count."""
    kept = [number for number, share in enumerate(shares) if share > 0]
    return volume if len(kept) == volume.channels else volume.with_data(volume.data[kept])


def mean_channel(volume: Volume, shares: Sequence[float]) -> Volume:
    """Average all channels by their shares into one; ``volume`` itself where it has one.

    Parameters
    ----------
    volume
        Normalised, so that its channels can be added up.
    shares
        One a channel; they sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> both = Volume(torch.tensor([[[0.0, 1.0]], [[1.0, 1.0]]]), np.eye(3))
    >>> mean_channel(both, (0.75, 0.25)).data.tolist()
    [[[0.25, 1.0]]]
    """
    if volume.channels == 1:
        return volume
    weights = volume.data.new_tensor(shares)
    return volume.with_data(torch.einsum("c,c...->...", weights, volume.data)[None])
