"""Train the last step of a network on boxes of a fine grid, while the other steps rest.

What moves far is seen at coarse resolution, and the whole of it is needed; what is left is near,
so that a step at full resolution can learn it from any box, at the cost of that box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from regkit.errors import InputError
from regkit.kernels.sampling import warp_unit
from regkit.networks.normalised import NormalisedRegistration, local_normalize
from regkit.networks.steps import Registration, SteppedMap, TwoStep
from regkit.training.pairs import Example, Sample

_MARGIN = 12  # a share of the box that is not judged: what lies beyond it is not known there
PatchBox = tuple[slice, ...]
Place = tuple[int, PatchBox]  # of the example of that number


def map_patches(
    network: nn.Module,
    examples: Sequence[Example],
    size: int,
    count: int,
    generator: torch.Generator,
) -> tuple[SteppedMap, list[Example]]:
    """Register random boxes of every example with the network's last step.

    The steps before it see the whole images, without gradients.

    Parameters
    ----------
    network
        A network of two steps or more.
    examples
        Pairs on one grid.
    size
        Voxels of the boxes along every axis.
    count
        How many boxes an example has.
    generator
        Draws the boxes around voxels of fixed that count; of the CPU.

    Returns
    -------
    phi, examples
        The maps, in shares of the boxes: first those of all boxes from moving to fixed, then those
        the other way, of which only the last step has gradients; and the examples cropped to the
        boxes.

    Raises
    ------
    InputError
        If the network has one step only, or boxes are larger than its grid.
    """
    moving = torch.cat([each.moving.seen for each in examples])
    fixed = torch.cat([each.fixed.seen for each in examples])
    shape = moving.shape[2:]
    if size > min(shape):
        raise InputError(f"patch {size} is larger than the grid of {min(shape)} voxels an axis")
    places = [
        (n, _box(each, size, generator)) for n, each in enumerate(examples) for _ in range(count)
    ]
    both = [*places, *((len(examples) + n, box) for n, box in places)]
    first, last, moving, fixed = _apart(network, moving, fixed)
    sources, targets = torch.cat([moving, fixed]), torch.cat([fixed, moving])
    with torch.no_grad():
        found = first(sources, targets)
        with torch.autocast(moving.device.type, enabled=False):
            coarse = found.displacement(shape)
            sources = warp_unit(sources, coarse)
    ratio = (shape[0] - 1) / (size - 1)
    near: SteppedMap = last(_cut(sources, both), _cut(targets, both))
    steps = (_cut(coarse, both), *near.steps)
    return (
        replace(near, steps=tuple(step.float() * ratio for step in steps)),
        [_cropped(examples[n], box, ratio) for n, box in places],
    )


def _apart(
    network: nn.Module, moving: Tensor, fixed: Tensor
) -> tuple[Registration, Registration, Tensor, Tensor]:
    """Take a network apart: all steps but the last, the last, and the images as both see them."""
    if isinstance(network, NormalisedRegistration):
        radius = int(network.window) // 2
        return _apart(network.net, local_normalize(moving, radius), local_normalize(fixed, radius))
    if not isinstance(network, TwoStep):
        raise InputError("patch: a network of one step has no others that could rest")
    return network.netPhi, network.netPsi, moving, fixed


def _box(example: Example, size: int, generator: torch.Generator) -> PatchBox:
    """Draw a box around a random voxel that counts, as far as the grid goes."""
    weight = example.fixed.weight[0, 0]
    inside = torch.nonzero(weight > 0)
    if not len(inside):
        inside = torch.nonzero(torch.ones_like(weight))
    at = inside[int(torch.randint(len(inside), (), generator=generator))].tolist()
    starts = [min(max(i - size // 2, 0), n - size) for i, n in zip(at, weight.shape, strict=True)]
    return tuple(slice(start, start + size) for start in starts)


def _cut(x: Tensor, places: Sequence[Place]) -> Tensor:
    return torch.cat([x[n : n + 1, :, *box] for n, box in places])


def _cropped(example: Example, box: PatchBox, ratio: float) -> Example:
    def cropped(side: Sample) -> Sample:
        return Sample(
            side.seen[:, :, *box],
            side.compared[:, :, *box],
            _inner(side.weight[:, :, *box]),
            side.u[:, :, *box] * ratio,
            None if side.labels is None else side.labels[:, :, *box],
        )

    between = example.between
    if between is not None:
        between = between[0][:, :, *box] * ratio, between[1][:, :, *box] * ratio
    return replace(
        example, moving=cropped(example.moving), fixed=cropped(example.fixed), between=between
    )


def _inner(weight: Tensor) -> Tensor:
    edge = weight.shape[-1] // _MARGIN
    out = torch.zeros_like(weight)
    inner = (slice(None), slice(None), *[slice(edge, -edge or None)] * (weight.ndim - 2))
    out[inner] = weight[inner]
    return out
