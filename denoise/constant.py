"""An image of one value: there is nothing to denoise in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from denoise.config import DenoiseConfig
from denoise.noise import Gaussian
from denoise.result import DenoiseResult
from denoise.scaling import Scaling
from regkit.volume import Volume

# Nothing is divided by it but differences of the one value, which are 0.
_NO_NOISE = 1e-12


def is_constant(frames: Sequence[Volume]) -> bool:
    """Tell whether all voxels of all frames have one value.

    Examples
    --------
    >>> import numpy as np
    >>> from regkit import Grid
    >>> image = Volume(torch.ones(4, 4), Grid((4, 4), np.eye(3)))
    >>> is_constant([image, image]), is_constant([image, image.with_data(2 * image.data)])
    (True, False)
    """
    first = frames[0].data.flatten()[0]
    return all(bool((frame.data == first).all()) for frame in frames)


def keep_constant(frame: Volume, config: DenoiseConfig) -> DenoiseResult:
    """Return a constant image as it is, with a note that says so."""
    value = float(frame.data.flatten()[0])
    note = f"All voxels are {value:g}: there is nothing to denoise, so nothing was changed."
    everywhere = torch.ones(frame.grid.shape, dtype=torch.bool)
    nothing = frame.with_data(torch.zeros_like(frame.data, dtype=torch.float32))
    scaling = Scaling(Gaussian(_NO_NOISE), 0.0, 1.0, 0.0)
    correlation = (0.0,) * frame.ndim
    return DenoiseResult(
        frame, frame, everywhere, scaling, nothing, correlation, config, "none", notes=(note,)
    )
