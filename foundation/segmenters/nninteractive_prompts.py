"""Prompts in the world as nnInteractive takes them: by the indices of its image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from foundation.prompts import Box, PointPrompt
from foundation.segmenters.lines import line_index
from foundation.segmenters.on_grid import index_of, mask_on
from foundation.segmenters.segmenter import (
    UnsupportedPromptError,
)
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.volume import Volume


def index_box(box: Box, grid: Grid) -> list[list[int]]:
    """Return the voxels of a box as half-open ranges of index, one for each axis.

    Parameters
    ----------
    box
        In the world of the grid. One that is flat is one voxel thick, along the index axis that
        points most along its flat side; where the grid is oblique, the others hold all of it.
    grid
        Of the image.

    Raises
    ------
    InputError
        If it lies outside the image.
    """
    corners = grid.to_index(torch.from_numpy(box.corners()))
    low, high = corners.amin(0), corners.amax(0)
    first, last = low.ceil().long(), high.floor().long() + 1
    middle = ((low + high) / 2).round().long()
    directions = np.abs(grid.affine[:-1, :-1] / grid.spacing)
    flat = [int(np.argmax(directions[axis])) for axis, side in enumerate(box.size) if side == 0]
    for axis in {*flat, *torch.nonzero(last <= first).flatten().tolist()}:
        first[axis], last[axis] = middle[axis], middle[axis] + 1
    first, last = first.clamp(min=0), torch.minimum(last, torch.tensor(grid.shape))
    if bool((last <= first).any()):
        raise InputError(f"box {box.lower} to {box.upper} lies outside the image; give another")
    return [[int(a), int(b)] for a, b in zip(first, last, strict=True)]


def drawn_scribble(
    line: PointPrompt, grid: Grid, thickness: list[int] | tuple[int, ...]
) -> tuple[NDArray[np.uint8], bool]:
    """Draw a line through points.

    Parameters
    ----------
    line
        Its points, one after the other, all of one sign.
    grid
        Of the image.
    thickness
        In voxels, along each axis.

    Returns
    -------
    drawn, positive
        ``grid.shape``, 1 on the line, and its sign.

    Raises
    ------
    InputError
        If nothing of it lies in the image.
    UnsupportedPromptError
        If its points have both signs.
    """
    signs = torch.as_tensor(line.positive)
    if bool(signs.any()) != bool(signs.all()):
        raise UnsupportedPromptError("a scribble has points of both signs; give two scribbles")
    index = line_index(line, grid).round().long()
    index = index[((index >= 0) & (index < torch.tensor(grid.shape))).all(1)]
    if not len(index):
        raise InputError("a scribble lies outside the image; give one that is in it")
    drawn = np.zeros(grid.shape, bool)
    drawn[tuple(index.T.numpy())] = True
    thick = ndimage.binary_dilation(drawn, np.ones([int(n) for n in thickness], bool))
    return np.asarray(thick, np.uint8), bool(signs.all())


def mask_array(mask: Volume, grid: Grid, model: str) -> NDArray[np.uint8]:
    """Return a mask on the grid of the image, ``(i, j, k)`` of 0 and 1.

    Parameters
    ----------
    mask
        In the world of the image.
    grid
        That of the image.
    model
        What messages call the model.

    Raises
    ------
    InputError
        If nothing of the mask lies on the image.
    """
    inside = (mask_on(mask, grid)[0] > 0.5).numpy().astype(np.uint8)
    if not inside.any():
        raise InputError(f"{model}: the mask holds no voxel of the image; give one that does")
    return np.asarray(inside)


def clicks_of(points: PointPrompt | None, grid: Grid) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Give the voxel of each point, and whether it lies inside the structure.

    Raises
    ------
    InputError
        If a point lies outside the image.
    """
    if points is None:
        return
    for place, index, sign in zip(
        points.points.xyz,
        index_of(points.points, grid),
        torch.as_tensor(points.positive),
        strict=True,
    ):
        if not bool(grid.contains(place)):
            raise InputError(f"point {place.tolist()} lies outside the image; give one that is in")
        yield tuple(index.tolist()), bool(sign)
