"""PreparedSeries: images as a network sees them, and the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from denoise.config import DenoiseConfig
from denoise.foreground import foreground_mask, slices_last
from denoise.noise import Gaussian, neighbour_correlation
from denoise.noise.repeats import are_repeats, blur_of, noise_of_repeats
from denoise.noise.selection import select_noise_model
from denoise.scaling import Scaling, scaling_of
from regkit.errors import InputError
from regkit.registration.check import as_mask
from regkit.volume import Labels, Volume

_CORRELATED, _REPEATS = 0.15, 3
# Frames that differ by more than so many sigma are no repeats of each other.
_UNLIKE = 5.0
# Voxels whose sides differ by less than this share are square.
_SQUARE = 0.05


@dataclass(frozen=True, eq=False)
class PreparedSeries:
    """Frames on the scale of the network, three axes each, slices last.

    ``blur`` is that of the noise along those axes, where frames have told it.
    """

    images: list[Tensor]
    masks: list[Tensor]
    scaling: Scaling
    order: tuple[int, ...]
    spacing: tuple[float, ...]
    correlation: tuple[float, ...]
    notes: tuple[str, ...]
    blur: tuple[float, ...] = ()

    @property
    def square(self) -> bool:
        """Whether the first two axes may be exchanged."""
        return abs(self.spacing[0] / self.spacing[1] - 1) < _SQUARE

    def to_network(self, array: Tensor) -> Tensor:
        """``(*spatial)`` of the file to three axes, slices last."""
        return (array if array.ndim == 3 else array[..., None]).permute(self.order)

    def mean(self) -> PreparedSeries:
        """One frame in place of all: their mean, whose noise is less."""
        mean, count = torch.stack(self.images).mean(0), len(self.images)
        scaling = replace(self.scaling, noise=self.scaling.noise / math.sqrt(count))
        note = f"{count} frames were taken for repeats of one scene."
        return replace(
            self, images=[mean], masks=self.masks[:1], scaling=scaling, notes=(*self.notes, note)
        )

    def from_network(self, array: Tensor, ndim: int) -> Tensor:
        """Three axes to ``(*spatial)`` of the file."""
        out = array.permute([self.order.index(axis) for axis in range(3)])
        return out if ndim == 3 else out[..., 0]


def prepare_series(
    frames: Sequence[Volume], config: DenoiseConfig, mask: Labels | None, sigma: Volume | None
) -> PreparedSeries:
    """Estimate the noise of frames, and bring them to the scale of the network.

    Three frames or more tell additive noise, and how it is correlated, by their differences; else
    it is estimated from the first one.

    Parameters
    ----------
    frames
        The images, of one channel, on one grid.
    config
        Which noise, and its standard deviation if it is known.
    mask
        Where noise is estimated, on their grid; all but a background of one value if None.
    sigma
        A map of the noise's standard deviation, in intensities, on their grid, or None.

    Raises
    ------
    InputError
        If an image has several channels, or a map is not on their grid.
    """
    first = frames[0]
    mask = check_maps(first, mask, sigma)
    images = [frame.data[0].float().cpu() for frame in frames]
    inside = None if mask is None else mask.data[0].cpu() > 0
    masks = [foreground_mask(image) if inside is None else inside for image in images]
    level = None if sigma is None else sigma.data[0].float().cpu()
    model = select_noise_model(images[0], masks[0], config, level)
    correlation, told = neighbour_correlation(images[0], masks[0]), False
    if len(images) >= _REPEATS and isinstance(model, Gaussian):
        seen, along = noise_of_repeats(images, masks[0])
        alike = seen < _UNLIKE * model.level
        if told := alike and are_repeats(images, masks[0], seen, along):
            correlation = along
            model = model if config.sigma or sigma else Gaussian(seen or model.sigma)
    scaling = scaling_of(images, masks, model)
    spacing = (*first.grid.spacing, 1.0)[:3]
    order = slices_last(spacing, (*first.grid.shape, 1)[:3])
    blur = blur_of((*correlation, 0.0)[:3])
    work = PreparedSeries(
        [], [], scaling, order, tuple(spacing[a] for a in order), correlation,
        _notes(correlation, told), tuple(blur[a] for a in order) if told else (),
    )  # fmt: skip
    return replace(
        work,
        images=[work.to_network(scaling(image)).contiguous() for image in images],
        masks=[work.to_network(each).contiguous() for each in masks],
    )


def check_maps(image: Volume, mask: Labels | None, sigma: Volume | None) -> Labels | None:
    """Refuse maps that lie elsewhere than their image.

    Parameters
    ----------
    image
        One channel.
    mask, sigma
        Where it counts, and the standard deviation of its noise; each on its grid.

    Returns
    -------
    Labels
        The mask as 0 and 1.

    Raises
    ------
    InputError
        If that is so, the mask holds no voxel, sigma is not above 0 everywhere, or the image has
        several channels.
    """
    name = image.name or "image"
    if image.channels != 1:
        raise InputError(f"{name}: has {image.channels} channels; denoise one at a time")
    inside = as_mask(mask, image)
    if sigma is not None:
        _check_sigma(sigma, image)
    return inside


def _check_sigma(sigma: Volume, image: Volume) -> None:
    name = sigma.name or "sigma"
    if not sigma.grid.lies_on(image.grid):
        raise InputError(
            f"{name}: lies on {sigma.grid}, its image {image.name!r} on {image.grid}, "
            f"{sigma.grid.apart(image.grid)}; resample the map onto the image"
        )
    if not bool((sigma.data > 0).all()):
        raise InputError(f"{name}: a map of sigma must be above 0 everywhere")


def _notes(correlation: Sequence[float], told: bool) -> tuple[str, ...]:
    along = [f"{value:.2f} along axis {n}" for n, value in enumerate(correlation)
             if value > _CORRELATED]  # fmt: skip
    if not along:
        return ()
    advice = (
        "the frames tell how, and --method recorrupted takes it into account."
        if told
        else "it was interpolated or filtered, and part of its noise will stay. Denoise before "
        "resampling."
    )
    found = f"The noise of neighbouring voxels is correlated ({', '.join(along)}): {advice}"
    return (found,)
