"""Memory and disk that a denoising takes."""

from __future__ import annotations

from collections.abc import Sequence

from denoise.config import DenoiseConfig
from regkit.io.sizes import product

# Fitted to the resident peaks of whole runs on one thread of a CPU, beyond the imports: 440 MB for
# 64x64x64 voxels and 945 for 128x128x128 by default; 247 for the first one with widths of 2 and 4,
# with which 256x256x64 took 580 and four frames of 128x128x64 512.
_START = 215_000_000
_PER_VOXEL = 65  # of every frame
_LEARNING, _APPLYING = 118, 20  # of a channel, in a voxel of a patch and of a box
_BOX = 1 << 21  # the most voxels that a network is shown at once, as in `denoise.tiles`
_REPORT = 1 << 20


def denoising_memory(shape: Sequence[int], frames: int, config: DenoiseConfig) -> int:
    """Estimate the peak bytes of a denoising, beyond the program and without a GPU's own memory.

    Parameters
    ----------
    shape
        Of one frame.
    frames
        How many are denoised together.
    config
        All settings.

    Examples
    --------
    >>> from denoise.config import make_denoise_config
    >>> round(denoising_memory((128, 128, 128), 1, make_denoise_config()) / 1e6)
    1022
    """
    voxels, channels = product(shape), _channels(config)
    out = _START + _PER_VOXEL * frames * voxels
    if config.device.startswith("cuda"):
        return out
    patch = min(voxels, config.patch**3) * config.batch
    return out + channels * max(_LEARNING * patch, _APPLYING * min(voxels, _BOX))


def _channels(config: DenoiseConfig) -> int:
    """Of the finest level of the network."""
    return config.widths[1] if config.method == "blindspot" else config.widths[0]


def denoising_space(shape: Sequence[int], frames: int, images: int) -> int:
    """Estimate the bytes that ``images`` outputs take at least: noise hardly compresses.

    Parameters
    ----------
    shape, frames
        As above.
    images
        How many of the outputs are images.
    """
    return _REPORT + product(shape) * frames * images
