"""Boxes whose corners are off, and boxes in a wrong slice."""

from __future__ import annotations

import numpy as np

from foundation.prompts.box import Box
from foundation.prompts.perturbations.perturbation import BoxOutcome


def jitter_box(box: Box, magnitude: float, generator: np.random.Generator) -> BoxOutcome:
    """Move each side of a box on its own, by up to ``magnitude`` in or out.

    A side without extent stays where it is, so that the box of a slice remains one of that slice.

    Parameters
    ----------
    box
        In the world.
    magnitude
        In world units: shifts are uniform from minus to plus it. What is realised is the largest.
    generator
        Draws the shifts.
    """
    free = np.array(box.size) > 0
    shifts = generator.uniform(-magnitude, magnitude, (2, len(free))) * free
    moved = box.moved(shifts[0].tolist(), shifts[1].tolist())
    return BoxOutcome(moved, float(np.abs(shifts).max()))


def wrong_slice(box: Box, magnitude: float, generator: np.random.Generator) -> BoxOutcome:
    """Move the box of a slice across it by ``magnitude``, to one side or the other.

    Parameters
    ----------
    box
        In the world, without extent along one axis or more; it moves along the first of these.
    magnitude
        In world units. What is realised is how far its centre moved.
    generator
        Draws the side.
    """
    way = np.zeros(len(box.size))
    way[int(np.argmin(box.size))] = magnitude * generator.choice([-1.0, 1.0])
    moved = box.moved(way.tolist(), way.tolist())
    return BoxOutcome(moved, float(np.linalg.norm(np.subtract(moved.centre, box.centre))))
