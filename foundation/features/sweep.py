"""Find out which layer and timestep of a backbone find corresponding places, by known truth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from regkit.errors import InputError
from regkit.features import Extractor

_STAGE = re.compile(
    r"(unet\.)?((down|up|input|output)_blocks\.\d+|mid_block|middle_block|layers?\.\d+|blocks\.\d+)"
)
_BATCH = 256


@dataclass(frozen=True)
class Correspondence:
    """Two images ``(1, 1, H, W)`` in [0, 1] and places that belong together.

    ``places (n, 2)`` of fixed (row and column) lie at ``truth (n, 2)`` in moving, which is
    searched within ``reach`` pixels of ``places``.
    """

    fixed: Tensor
    moving: Tensor
    places: Tensor
    truth: Tensor
    reach: int


@dataclass(frozen=True)
class Cell:
    """The mean error of the best matches in pixels, and the share of them within two pixels."""

    layer: str
    timestep: int | None
    error: float
    within: float


def sweep(
    extractor: Extractor,
    pair: Correspondence,
    layers: Sequence[str],
    timesteps: Sequence[int | None],
    generator: torch.Generator,
) -> list[Cell]:
    """Match every place by its features, for every layer at every timestep.

    A match is the pixel of moving whose features have the smallest angle to those of the place,
    after the mean of the image is taken away. Maps are enlarged to the size of the images.

    Parameters
    ----------
    extractor
        A network of slices with named layers.
    pair
        Two images with places whose truth is known.
    layers
        Names of the layers to try.
    timesteps
        Those to try; None stands for the extractor's own, or for a network that has none.
    generator
        Draws the noise of the images, fixed's and moving's apart.

    Returns
    -------
    list of Cell
        One for each layer at each timestep, one timestep after the other.

    Raises
    ------
    InputError
        If the extractor has no such layers or timesteps, or takes volumes.
    """
    cells = []
    for timestep in timesteps:
        one = at(extractor, layers, timestep)
        # Noise of its own for each: what both share would match itself, where nothing moved.
        noises = [one.draw(pair.fixed, generator) for _ in range(2)]
        with torch.no_grad():
            maps = zip(one(pair.fixed, noises[0]), one(pair.moving, noises[1]), strict=True)
            for layer, (fixed, moving) in zip(layers, maps, strict=True):
                off = matching_errors(_unit(fixed, pair.fixed), _unit(moving, pair.moving), pair)
                share = float((off <= 2).float().mean())
                cells.append(Cell(layer, timestep, float(off.mean()), share))
    return cells


def at(extractor: Extractor, layers: Sequence[str], timestep: int | None) -> Extractor:
    """Return the same network with other layers and another timestep.

    Parameters
    ----------
    extractor
        It stays as it is.
    layers
        Names of the layers whose maps are wanted.
    timestep
        The new timestep; None: it is left as it was.

    Raises
    ------
    InputError
        If it takes no slices, or its layers or timestep cannot be chosen.
    """
    changed: dict[str, Any] = {"layers": tuple(layers)}
    if timestep is not None:
        changed["timestep"] = timestep
    known = set(getattr(extractor, "__dataclass_fields__", ()))
    if extractor.ndim != 2 or not changed.keys() <= known:
        raise InputError(
            f"features:{extractor.name}: cannot be swept; a sweep takes a network of slices with "
            "named layers (and, for --timesteps, with timesteps)"
        )
    setting: Any = extractor  # a dataclass, as has been checked
    found: Extractor = replace(setting, **changed)
    return found


def stage_names(extractor: Extractor) -> list[str]:
    """List the larger blocks of an extractor's network, by name.

    Raises
    ------
    InputError
        If none has a name that is known.
    """
    network = getattr(extractor, "network", getattr(extractor, "parts", nn.Identity()))
    found = [name for name, _ in network.named_modules() if _STAGE.fullmatch(name)]
    if not found:
        raise InputError(f"features:{extractor.name}: name its layers with --layers")
    return found


def matching_errors(fixed: Tensor, moving: Tensor, pair: Correspondence) -> Tensor:
    """Return how far, in pixels, the best match of every place is from its truth, ``(n,)``.

    Parameters
    ----------
    fixed, moving
        Unit features ``(C, H, W)``, their likeness being the product.
    pair
        Its ``n`` places; a match is sought within ``pair.reach`` pixels of each along either axis.
    """
    rows, columns = (
        torch.arange(n, device=fixed.device, dtype=torch.float32) for n in moving.shape[1:]
    )
    off = []
    for some, truth in zip(
        *(torch.split(x, _BATCH) for x in (pair.places, pair.truth)), strict=True
    ):
        wanted = fixed[:, some[:, 0], some[:, 1]]
        likeness = torch.einsum("cn,chw->nhw", wanted, moving)
        far = (rows[None, :, None] - some[:, 0, None, None]).abs() > pair.reach
        far = far | ((columns[None, None] - some[:, 1, None, None]).abs() > pair.reach)
        best = likeness.masked_fill(far, -torch.inf).flatten(1).argmax(1)
        match = torch.stack([best // moving.shape[2], best % moving.shape[2]], dim=1)
        off.append((match - truth).square().sum(1).sqrt())
    return torch.cat(off)


def _unit(maps: Tensor, image: Tensor) -> Tensor:
    large = functional.interpolate(maps, tuple(image.shape[2:]), mode="bilinear")[0]
    return functional.normalize(large - large.mean((1, 2), keepdim=True), dim=0)
