"""Scribbles: the places along lines that were drawn by hand."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from foundation.prompts import PointPrompt, Prompts
from regkit.geometry import Grid
from regkit.volume import Points

_STEPS = 2  # places a voxel


def line_index(line: PointPrompt, grid: Grid) -> Tensor:
    """Return places ``(N, d)`` along a line, at least two a voxel, as index coordinates.

    Parameters
    ----------
    line
        Its corners, one after the other.
    grid
        Of the image.
    """
    corners = grid.to_index(line.points.xyz)
    parts = [corners[:1]]
    for a, b in pairwise(corners):
        shares = torch.linspace(0, 1, int(_STEPS * float(torch.dist(a, b))) + 2)[:, None]
        parts.append(torch.lerp(a, b, shares.to(a.dtype)))
    return torch.cat(parts)


def scribbles_as_points(prompts: Prompts, grid: Grid) -> Prompts:
    """Return prompts in which the places along scribbles are points of their sign.

    Parameters
    ----------
    prompts
        Those with scribbles hold nothing else; others are returned as they are.
    grid
        Of the image.
    """
    if not prompts.scribbles:
        return prompts
    lines = [grid.to_world(line_index(line, grid)) for line in prompts.scribbles]
    signs = [
        torch.as_tensor(line.positive)[:1].expand(len(places))
        for line, places in zip(prompts.scribbles, lines, strict=True)
    ]
    return Prompts(points=PointPrompt(Points(torch.cat(lines)), torch.cat(signs)))
