"""What scanners do to intensities, and what they lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from benchmarks.data import brain
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import Scene
from regkit import Grid, Volume

Artefact = Callable[[Volume], Volume]


def artefacts() -> Iterator[HardPair]:
    """One image as it is, the other spoilt; half the time fixed is the spoilt one."""
    for seed, (name, (whose, spoil)) in enumerate(_CASES.items(), 600):
        image = sources.head() if whose == "head" else sources.person(whose)
        body = sources.body(image) if whose == "head" else brain(image)
        scene = Scene.of(image, body, seed, 4.0 + seed % 3, 5.0 + seed % 4)
        across = spoil in (inverted, negative)
        if seed // 2 % 2:
            yield scene.pair(f"{whose}, {name} (fixed)", fixed=spoil(scene.fixed), across=across)
        else:
            moving = _laid(spoil(_second(scene)), scene)
            yield scene.pair(f"{whose}, {name} (moving)", moving=moving, across=across)


def _second(scene: Scene) -> Volume:
    """The second scan, noise and all, where its scanner saw it."""
    return Volume(scene.moving.data, scene.moving_grid)


def _laid(image: Volume, scene: Scene) -> Volume:
    """``image`` where the body lies after it moved."""
    return Volume(image.data, Grid(image.grid.shape, scene.move @ image.grid.affine))


def bias(image: Volume) -> Volume:
    """A smooth gain from 0.4 to 2.5 across the head."""
    x, y, z = _places(image).unbind(-1)
    return _times(image, torch.exp(0.9 * torch.sin(1.7 * x + 0.9 * y - 0.5) * torch.cos(1.3 * z)))


def coil(image: Volume) -> Volume:
    """A surface coil behind: five to ten times brighter there than in front."""
    return _times(image, torch.exp(-1.1 * _places(image)[..., 1]))


def wrap(image: Volume) -> Volume:
    """A field of view a fifth too small along the second axis: what is outside comes back."""
    length = image.grid.shape[1]
    cut = length // 10
    middle = image.data[:, :, cut : length - cut].clone()
    middle[:, :, -cut:] += image.data[:, :, :cut]
    middle[:, :, :cut] += image.data[:, :, length - cut :]
    shape = list(image.grid.shape)
    shape[1] = middle.shape[2]
    return Volume(middle, image.grid.window((0, cut, 0), shape))


def metal(image: Volume) -> Volume:
    """A void of 50 mm with a bright rim at the front, below."""
    away = (_places(image) - torch.tensor([0.25, 0.65, -0.5], dtype=torch.float64)).norm(dim=-1)
    void = torch.sigmoid((away - 0.28) / 0.01).float()
    rim = torch.exp(-(((away - 0.31) / 0.03) ** 2)).float()
    top = float(np.percentile(image.data.numpy(), 99))
    return image.with_data(image.data * void + 1.5 * top * rim * (image.data > 0.05 * top))


def gamma(power: float) -> Artefact:
    """Intensities to a power, the range kept."""

    def bent(image: Volume) -> Volume:
        top = float(image.data.max())
        return image.with_data(top * (image.data / top).clamp(min=0) ** power)

    return bent


def inverted(image: Volume) -> Volume:
    """Dark where it was bright, inside the body."""
    top = float(np.percentile(image.data.numpy(), 99.5))
    inside = sources.body(image).data > 0
    return image.with_data((1.05 * top - image.data).clamp(min=0) * inside)


def negative(image: Volume) -> Volume:
    """Dark where it was bright, the background too."""
    return image.with_data(float(image.data.max()) - image.data)


_CASES: dict[str, tuple[str, Artefact]] = {
    "bias field": ("head", bias),
    "coil shading": ("head", coil),
    "wrap-around": ("head", wrap),
    "metal void": ("head", metal),
    "gamma 0.4": ("a", gamma(0.4)),
    "gamma 2.5": ("b", gamma(2.5)),
    "inverted": ("a", inverted),
    "negative, background too": ("head", negative),
    "bias field, brain": ("b", bias),
    "coil shading, brain": ("a", coil),
}


def _places(image: Volume) -> Tensor:
    """Where voxels are, -1 to 1 along every axis of the field of view, ``(*shape, 3)``."""
    axes = [torch.linspace(-1, 1, n, dtype=torch.float64) for n in image.grid.shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def _times(image: Volume, gain: Tensor) -> Volume:
    return image.with_data(image.data * gain.float()[None])
