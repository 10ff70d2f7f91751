"""Methods: which network and which objective a name stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from denoise.config import DenoiseConfig
from denoise.learning.blind import Blind
from denoise.learning.masked import MaskedVoxels, Places
from denoise.learning.neighbours import Neighbours
from denoise.learning.objective import Objective
from denoise.learning.recorruption import Recorruption
from denoise.networks.blindspot import BlindShape, BlindSpot
from denoise.networks.rotated import RotatedBlindSpot, RotatedShape
from denoise.networks.slices import Slices
from denoise.networks.unet import ResidualUNet, Shape

BEST = "recorrupted"
_MASKS: dict[str, Places] = {"noise2void": "random", "noise2self": "grid"}
_BESIDE = {"2": 0, "2.5": 2, "3": 0}
_FEWEST_SLICES = 8
# Slices further apart than this, in units of the other axes, are not pooled together.
_THICK = 1.7


@dataclass(frozen=True, eq=False)
class Method:
    """A network and what it is trained for, with what tiles need to know of it.

    ``reach`` and ``multiple`` are of the three axes of a volume; see
    :func:`denoise.tiles.map_tiles`. ``start`` tells what the network had seen before it met an
    image; empty where that was nothing.
    """

    name: str
    network: nn.Module
    objective: Objective
    reach: tuple[int, ...]
    multiple: tuple[int, ...]
    start: str = ""


def make_method(
    config: DenoiseConfig,
    shape: Sequence[int],
    spacing: Sequence[float],
    blur: tuple[float, ...] = (),
) -> Method:
    """Make the untrained network and the objective that ``config`` asks for.

    Parameters
    ----------
    config
        Which method, and the size of its network.
    shape
        Voxels of a volume like those it is for, slices along the last axis.
    spacing
        Distances of its voxels, in any unit; slices that lie far apart are not pooled.
    blur
        Standard deviations, in voxels, of the Gaussian that correlated noise is like, which
        ``recorrupted`` can take into account.

    Examples
    --------
    >>> from denoise.config import make_denoise_config
    >>> make_method(make_denoise_config(), (64, 64, 20), (1.0, 1.0, 4.0)).multiple
    (4, 4, 1)
    """
    name = BEST if config.method == "auto" else config.method
    dimensions = dimensions_of(config, shape)
    if name == "blindspot":
        network, reach, multiple = _blind(config, dimensions)
        return Method(name, network, Blind(), reach, multiple)
    network, reach, multiple = _unet(config, dimensions, spacing)
    if name == "noise2self":
        reach = tuple(r + 1 + h for r, h in zip(reach, config.hidden, strict=True))
    return Method(name, network, objective_of(name, config, blur), reach, multiple)


def objective_of(name: str, config: DenoiseConfig, blur: tuple[float, ...] = ()) -> Objective:
    """Return what the U-Net of a method is trained for.

    Parameters
    ----------
    name
        The method, one of those with a U-Net.
    config
        What is hidden around a masked voxel, and how strongly noise is added.
    blur
        Standard deviations, in voxels, of the Gaussian that correlated noise is like; only
        ``recorrupted`` uses it.

    Examples
    --------
    >>> from denoise.config import make_denoise_config
    >>> objective_of("noise2self", make_denoise_config()).places
    'grid'
    """
    if name == "neighbours":
        return Neighbours()
    if name in _MASKS:
        return MaskedVoxels(_MASKS[name], config.hidden)
    return Recorruption(config.strength, blur)


def dimensions_of(config: DenoiseConfig, shape: Sequence[int]) -> str:
    """Choose ``"2"``, ``"2.5"`` or ``"3"``: what was asked for, or what the slices allow."""
    if config.dimensions != "auto":
        return config.dimensions if shape[2] > _BESIDE[config.dimensions] else "2"
    if shape[2] >= _FEWEST_SLICES:
        return "3"
    return "2.5" if shape[2] > _BESIDE["2.5"] else "2"


def _unet(
    config: DenoiseConfig, dimensions: str, spacing: Sequence[float]
) -> tuple[nn.Module, tuple[int, ...], tuple[int, ...]]:
    levels = len(config.widths) - 1
    if dimensions == "3":
        through = 1 if spacing[2] > _THICK * min(spacing[:2]) else 2
        shape = Shape(config.widths, ((2, 2, through),) * levels)
        return ResidualUNet(shape), shape.reach, shape.multiple
    k = _BESIDE[dimensions]
    shape = Shape(config.widths, ((2, 2),) * levels, inputs=2 * k + 1, centre=k)
    return Slices(ResidualUNet(shape), k), (*shape.reach, k), (*shape.multiple, 1)


def _blind(
    config: DenoiseConfig, dimensions: str
) -> tuple[nn.Module, tuple[int, ...], tuple[int, ...]]:
    width, k = config.widths[1], _BESIDE[dimensions]
    if config.network == "rotated":
        k = _BESIDE["2.5"] if dimensions == "3" else k
        turned = RotatedShape(config.widths, inputs=2 * k + 1, centre=k)
        return Slices(RotatedBlindSpot(turned), k), (*turned.reach, k), (*turned.multiple, 1)
    if dimensions == "3":
        whole = BlindShape(3, width, hidden=config.hidden)
        return BlindSpot(whole), whole.reach, (1, 1, 1)
    flat = BlindShape(2, width, inputs=2 * k + 1, centre=k, hidden=config.hidden[:2])
    return Slices(BlindSpot(flat), k), (*flat.reach, k), (1, 1, 1)
