"""How much work each level of the field engine gets, and how fine its field is."""

from __future__ import annotations

import math

from regkit.geometry.grid import Grid
from regkit.losses.similarity import Similarity
from regkit.registration.config import FieldConfig
from regkit.registration.pair import coarser


def bound_iterations(iterations: int, voxels: int, config: FieldConfig) -> int:
    """How many iterations a level of ``voxels`` may take; a level of none stays without."""
    if iterations == 0:
        return 0
    return max(iterations, min(config.iterations[0], config.effort // voxels))


def shorten_after_network(config: FieldConfig, similarity: Similarity) -> FieldConfig:
    """What is left to do after a network, where there is more than one level.

    A tenth of the first level's iterations, which tell whether the images show one anatomy, and a
    quarter of the next one's, or half if it is the last. A third level gets one more, or two
    between contrasts: there they are worth most, for less than what is saved before.
    """
    if len(config.iterations) == 1:
        return config
    first, second, *rest = config.iterations
    if rest and rest[-1]:
        rest[-1] += 2 if similarity.traits.across_contrasts else 1
    left = -(-first // 10), -(-second // (4 if rest else 2)), *rest
    return config.model_copy(update={"iterations": left})


def least_factor(grid: Grid, max_voxels: int) -> int:
    """How many voxels of ``grid`` go into one of the field at least, along an axis."""
    factor = 1
    while math.prod(coarser(grid, factor).shape) > max_voxels:
        factor *= 2
    return factor
