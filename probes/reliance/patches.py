"""Suppressors of shape: patches of an image change places, or turn where they are.

No voxel is interpolated. Where a size is no multiple of the patch, the image is continued by its
mirror image, so that there is no margin of untouched voxels.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from math import ceil, prod

import torch
from torch import Generator, Tensor

from probes.images.batch import Batch
from regkit.errors import InputError

Turn = tuple[tuple[int, ...], tuple[int, ...]]
_SMALLEST = 2  # voxels of an edge: smaller patches have no content


def patch_edge(shape: tuple[int, ...], count: float) -> int:
    """Return the voxels of the edge of a patch, of which ``count`` lie along the shorter side.

    Patches have whole voxels: where none has that many, the edge that comes nearest to it is taken.

    Parameters
    ----------
    shape
        The size of an image.
    count
        How many there are along its shorter side.

    Raises
    ------
    InputError
        If patches would have less than two voxels an edge, or there would be one alone.

    Examples
    --------
    >>> patch_edge((224, 224), 16), patch_edge((224, 300), 6)
    (14, 38)
    """
    shorter = min(shape)
    if count < 2 or shorter < _SMALLEST * count:
        size = "x".join(map(str, shape))
        raise InputError(
            f"{count:g} patches along the shorter side of an image of {size} have an edge of "
            f"{shorter / count:.2g}; give 2 to {shorter // _SMALLEST} patches, or larger images"
        )
    edges = {int(shorter // count), ceil(shorter / count)}
    return min(edges, key=lambda edge: (abs(ceil(shorter / edge) - count), -shorter % edge))


def shuffle_patches(batch: Batch, count: float, generator: Generator) -> Batch:
    """Let every patch take the place of another one.

    Parameters
    ----------
    batch
        Images, with what lies on them.
    count
        Patches along the shorter side.
    generator
        Draws an order for each image, in which no patch keeps its place.

    Raises
    ------
    InputError
        As :func:`patch_edge`.

    References
    ----------
    Burgert et al. 2025, "ImageNet-trained CNNs are not biased towards texture".
    """
    edge = patch_edge(batch.shape, count)
    order = derangements(len(batch.images), _number(batch.shape, edge), generator)

    def move(images: Tensor) -> Tensor:
        return _assembled(_shuffled(_patches(images, edge), order), edge, batch.shape)

    return batch.moved(move)


def turn_patches(batch: Batch, count: float, generator: Generator) -> Batch:
    """Turn every patch where it is, by a rotation that is never none.

    Parameters
    ----------
    batch
        Images, with what lies on them.
    count
        Patches along the shorter side.
    generator
        Draws one of the 3 rotations of a square, or of the 23 of a cube, for each patch.

    Raises
    ------
    InputError
        As :func:`patch_edge`.
    """
    edge = patch_edge(batch.shape, count)
    ndim = len(batch.shape)
    size = (len(batch.images), _number(batch.shape, edge))
    drawn = torch.randint(len(rotations(ndim)), size, generator=generator)

    def move(images: Tensor) -> Tensor:
        patches = _patches(images, edge)
        turned = torch.empty_like(patches)
        for number, turn in enumerate(rotations(ndim)):
            where = drawn == number
            turned[where] = _turned(patches[where], turn)
        return _assembled(turned, edge, batch.shape)

    return batch.moved(move)


def draw_seams(batch: Batch, count: float, generator: Generator) -> Batch:
    """Give patches the outermost voxels of other ones, and leave what is inside where it is.

    The control of :func:`shuffle_patches`: the same seams, at the same places, without its order.

    Parameters
    ----------
    batch
        Images.
    count
        Patches along the shorter side.
    generator
        Draws the order, as :func:`shuffle_patches` does.

    Raises
    ------
    InputError
        As :func:`patch_edge`.
    """
    edge = patch_edge(batch.shape, count)
    patches = _patches(batch.images, edge)
    order = derangements(len(patches), patches.shape[1], generator)
    line = torch.zeros(edge, dtype=torch.bool)
    line[[0, -1]] = True
    ring = torch.stack(torch.meshgrid(*[line] * len(batch.shape), indexing="ij")).any(0)
    if batch.valid is not None:
        ring = ring & _shuffled(_patches(batch.valid, edge), order)
    mixed = torch.where(ring, _shuffled(patches, order), patches)
    return batch.showing(_assembled(mixed, edge, batch.shape))


def derangements(count: int, of: int, generator: Generator) -> Tensor:
    """Draw orders in which nothing keeps its place, all of them equally likely.

    Parameters
    ----------
    count
        How many orders.
    of
        How many things, two at least.
    generator
        Draws them.

    Returns
    -------
    Tensor
        ``(count, of)``.

    Raises
    ------
    InputError
        If there is one thing alone.

    Examples
    --------
    >>> derangements(1, 2, Generator()).tolist()
    [[1, 0]]
    """
    if of < 2:
        raise InputError(f"{of} thing cannot change its place; two are needed")
    order = torch.rand(count, of, generator=generator).argsort(1)
    while bool((again := (order == torch.arange(of)).any(1)).any()):
        order[again] = torch.rand(int(again.sum()), of, generator=generator).argsort(1)
    return order


@cache
def rotations(ndim: int) -> tuple[Turn, ...]:
    """Return the rotations of a square or a cube onto itself, but for the identity.

    Parameters
    ----------
    ndim
        2 or 3.

    Returns
    -------
    tuple
        Of each: the axis that every axis is taken from, and the axes that are reversed afterwards.

    Examples
    --------
    >>> len(rotations(2)), len(rotations(3))
    (3, 23)
    """
    axes = tuple(range(ndim))
    return tuple(
        (order, tuple(axis for axis in axes if signs[axis]))
        for order in permutations(axes)
        for signs in product((False, True), repeat=ndim)
        if (_crossings(order) + sum(signs)) % 2 == 0 and (order, any(signs)) != (axes, False)
    )


def _crossings(order: tuple[int, ...]) -> int:
    return sum(a > b for n, a in enumerate(order) for b in order[n + 1 :])


def _turned(patches: Tensor, turn: Turn) -> Tensor:
    """Patches ``(N, C, *edges)``, turned."""
    order, reversed_axes = turn
    moved = patches.permute(0, 1, *(2 + axis for axis in order))
    return moved.flip([2 + axis for axis in reversed_axes])


def _shuffled(patches: Tensor, order: Tensor) -> Tensor:
    return patches[torch.arange(len(patches))[:, None], order]


def _number(shape: tuple[int, ...], edge: int) -> int:
    return prod(-(-n // edge) for n in shape)


def _patches(images: Tensor, edge: int) -> Tensor:
    """Images ``(B, C, *spatial)`` cut into patches ``(B, P, C, *edges)``."""
    shape = images.shape[2:]
    for axis, size in enumerate(shape, start=2):
        images = images.index_select(axis, mirror_places(size, *_margins(size, edge)))
    counts = [size // edge for size in images.shape[2:]]
    split = images.reshape(*images.shape[:2], *(n for count in counts for n in (count, edge)))
    axes = range(len(shape))
    order = (0, *(2 + 2 * a for a in axes), 1, *(3 + 2 * a for a in axes))
    return split.permute(order).reshape(len(images), -1, images.shape[1], *[edge] * len(shape))


def _assembled(patches: Tensor, edge: int, shape: tuple[int, ...]) -> Tensor:
    """Undo :func:`_patches`."""
    counts = [-(-size // edge) for size in shape]
    ndim = len(shape)
    split = patches.reshape(len(patches), *counts, *patches.shape[2:])
    order = (0, 1 + ndim, *(n for a in range(ndim) for n in (1 + a, 2 + ndim + a)))
    whole = split.permute(order).reshape(
        len(patches), patches.shape[2], *(count * edge for count in counts)
    )
    for axis, size in enumerate(shape, start=2):
        whole = whole.narrow(axis, _margins(size, edge)[0], size)
    return whole


def _margins(size: int, edge: int) -> tuple[int, int]:
    more = -size % edge
    return more // 2, more - more // 2


def mirror_places(size: int, before: int, after: int) -> Tensor:
    """Return the places of an axis continued by its mirror image, whose edge is not repeated.

    Parameters
    ----------
    size
        Of the axis.
    before, after
        How many places are added.

    Examples
    --------
    >>> mirror_places(3, 2, 2).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    period = max(2 * size - 2, 1)
    places = torch.arange(-before, size + after) % period
    return torch.minimum(places, period - places) if size > 1 else torch.zeros_like(places)
