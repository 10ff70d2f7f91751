"""The volume of every structure at every visit, from the map itself and no voxel of a scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probes.phantom.anatomy import Anatomy
from probes.phantom.course import Course


def known_volumes(
    anatomy: Anatomy, course: Course, structures: Sequence[int] | None = None
) -> dict[str, dict[int, float]]:
    """Integrate the Jacobian determinant of the map over the region of each structure.

    The region is the union of the structure's voxels in the source brain. The determinant is the
    exponential of the divergence along the way of a point (Liouville), which no difference of
    neighbouring voxels approximates; eight Gauss points stand for a voxel.

    Parameters
    ----------
    anatomy
        The source brain.
    course
        The person.
    structures
        Those that are wanted; all if None.

    Returns
    -------
    dict
        By the name of the visit and the value of the structure, in cubic mm.
    """
    wanted = anatomy.structures if structures is None else tuple(structures)
    return {
        visit.name: {each: _volume(anatomy, course, number, each) for each in wanted}
        for number, visit in enumerate(course.visits)
    }


def _volume(anatomy: Anatomy, course: Course, number: int, structure: int) -> float:
    mask, visit = anatomy.mask_of((structure,)), course.visits[number]
    parts = [np.exp(course.growth(visit, points)) for points in anatomy.points_in(mask)]
    return anatomy.volume_of(mask) * float(np.concatenate(parts).mean()) if parts else 0.0
