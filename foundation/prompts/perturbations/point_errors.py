"""Points beside the place that was meant, and points of the wrong sign."""

from __future__ import annotations

import numpy as np
import torch

from foundation.prompts.perturbations.direction import random_direction
from foundation.prompts.perturbations.perturbation import PointsOutcome
from foundation.prompts.prompts import PointPrompt
from regkit.volume import Points


def misplace_points(
    points: PointPrompt, magnitude: float, generator: np.random.Generator
) -> PointsOutcome:
    """Move each point by ``magnitude`` in a direction of its own.

    Parameters
    ----------
    points
        In the world.
    magnitude
        In world units. What is realised is the mean distance of the points from where they were.
    generator
        Draws the directions, any with the same chance.
    """
    xyz = points.points.xyz
    ways = np.stack([random_direction(generator, xyz.shape[1]) for _ in xyz])
    moved = xyz + magnitude * torch.from_numpy(ways)
    realised = float((moved - xyz).norm(dim=1).mean())
    return PointsOutcome(PointPrompt(Points(moved, points.points.names), points.positive), realised)


def mislabel_points(
    points: PointPrompt, magnitude: float, generator: np.random.Generator
) -> PointsOutcome:
    """Give a share of the points the other sign.

    Parameters
    ----------
    points
        In the world.
    magnitude
        The share, from 0 to 1. What is realised is the share of the points changed: the nearest
        that their number allows.
    generator
        Draws which.
    """
    signs = torch.as_tensor(points.positive, dtype=torch.bool).clone()
    count = round(magnitude * len(signs))
    chosen = torch.from_numpy(generator.permutation(len(signs))[:count])
    signs[chosen] = ~signs[chosen]
    return PointsOutcome(PointPrompt(points.points, signs), count / len(signs))
