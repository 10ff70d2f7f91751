"""Prompts of a volume, as prompts of its slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from foundation.prompts import Box, PointPrompt, Prompts
from foundation.segmenters.on_grid import mask_on
from foundation.segmenters.segmenter import UnsupportedPromptError
from foundation.segmenters.slices.slice_model import SlicePrompts
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.volume import Volume


@dataclass(frozen=True, eq=False)
class SlicedPrompts:
    """What each slice is told.

    Parameters
    ----------
    of
        By the number of the slice.
    keys
        Those slices that can be segmented by what they are told.
    reach
        The slices that may hold something.
    propagate
        Whether the result is to go on from slice to slice.
    """

    of: Mapping[int, SlicePrompts]
    keys: tuple[int, ...]
    reach: range
    propagate: bool = True

    def paths(self, key: int) -> Iterator[range]:
        """Ways from a key to both sides, as far as reach and other keys allow; ``key`` is first.

        Parameters
        ----------
        key
            One of ``keys``.
        """
        if not self.propagate:
            yield range(key, key + 1)
            return
        low = max([self.reach.start - 1, *(n for n in self.keys if n < key)])
        high = min([self.reach.stop, *(n for n in self.keys if n > key)])
        yield range(key, min(low, key - 1), -1)
        yield range(key, max(high, key + 1))

    def where_largest(self) -> SlicedPrompts:
        """Of neighbouring slices that a mask shows, keep that which holds most of it.

        The result is to go on from there. What is told by points or a box stays as it is.
        """
        masks = {n: told.mask for n, told in self.of.items() if told.mask is not None}
        if not masks:
            return self
        keys = tuple(_largest(run, masks) for run in _runs(list(masks)))
        return replace(self, of={n: self.of[n] for n in keys}, keys=keys, propagate=True)


def prompts_in_slices(prompts: Prompts, grid: Grid, model: str) -> SlicedPrompts:
    """Say what each slice of a volume is told, from one kind of prompt.

    Parameters
    ----------
    prompts
        A mask, boxes or points.
    grid
        Whose last axis counts slices.
    model
        What messages call the segmenter.

    Raises
    ------
    UnsupportedPromptError
        If no point is inside.
    InputError
        If nothing of the prompt lies in the image.
    """
    if prompts.mask is not None:
        return _of_mask(prompts.mask, grid, model)
    if prompts.points is not None:
        return _of_points(prompts.points, grid, model)
    return _of_boxes(prompts.boxes, grid, model)


def _of_mask(mask: Volume, grid: Grid, model: str) -> SlicedPrompts:
    """A mask in single slices, as one draws it, goes on from each; otherwise it says it all."""
    data = mask_on(mask, grid)[0].clamp(0, 1)
    keys = torch.nonzero((data > 0.5).any(0).any(0)).flatten().tolist()
    if not keys:
        raise InputError(f"{model}: the mask holds no voxel of the image; give one that does")
    of = {n: SlicePrompts(mask=data[..., n]) for n in keys}
    if len(_runs(keys)) == len(keys):
        return SlicedPrompts(of, tuple(keys), range(grid.shape[2]))
    return SlicedPrompts(of, tuple(keys), range(keys[0], keys[-1] + 1), propagate=False)


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Numbers that follow one another, together."""
    runs = [[numbers[0]]]
    for before, after in pairwise(numbers):
        if after > before + 1:
            runs.append([])
        runs[-1].append(after)
    return runs


def _largest(run: list[int], masks: Mapping[int, Tensor]) -> int:
    """The slice of a run whose mask is largest, of equals the middle one."""
    middle = (run[0] + run[-1]) / 2
    return max(run, key=lambda number: (float(masks[number].sum()), -abs(number - middle)))


def _of_points(points: PointPrompt, grid: Grid, model: str) -> SlicedPrompts:
    inside = grid.contains(points.points.xyz)
    if not bool(inside.all()):
        first = points.points.xyz[~inside][0].tolist()
        raise InputError(f"point {first} lies outside the image; give one that is in it")
    signs, index = torch.as_tensor(points.positive), grid.to_index(points.points.xyz)
    if not bool(signs.any()):
        raise UnsupportedPromptError(f"{model} needs a point inside the structure; give one")
    numbers = index[:, 2].round().long()
    of = {
        n: SlicePrompts(index[numbers == n, :2].float(), signs[numbers == n])
        for n in numbers.unique().tolist()
    }
    return SlicedPrompts(of, tuple(numbers[signs].unique().tolist()), range(grid.shape[2]))


def _of_boxes(boxes: tuple[Box, ...], grid: Grid, model: str) -> SlicedPrompts:
    """A box that has an extent across the slices reaches as far; a flat one is where it begins."""
    if len(boxes) != 1:
        raise UnsupportedPromptError(f"{model} takes one box, not {len(boxes)}")
    corners = grid.to_index(torch.from_numpy(boxes[0].corners()))
    low, high = corners.amin(0), corners.amax(0)
    number = int(((low + high) / 2)[2].round())
    pixels = torch.stack([low[:2], high[:2]]).float()
    size = torch.tensor(grid.shape)
    if number not in range(grid.shape[2]) or bool((high < -0.5).any() | (low > size - 0.5).any()):
        raise InputError(f"{model}: the box lies outside the image; give one that is in it")
    reach = range(grid.shape[2])
    if min(boxes[0].size) > 0:
        reach = range(max(0, int(low[2].ceil())), min(grid.shape[2], int(high[2].floor()) + 1))
    return SlicedPrompts({number: SlicePrompts(box=_within(pixels, grid))}, (number,), reach)


def _within(box: Tensor, grid: Grid) -> Tensor:
    top = torch.tensor(grid.shape[:2]).float() - 1
    return torch.minimum(box.clamp(min=0), top)
