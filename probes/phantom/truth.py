"""The volume of every structure at every visit, from the map itself and no voxel of a scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probes.flow import fill_region
from probes.phantom.anatomy import Anatomy
from probes.phantom.course import Course, Scan
from regkit.volume import Labels


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


def known_changes(
    course: Course, labels: Labels, first: Scan, second: Scan, structures: Sequence[int]
) -> dict[int, float]:
    """Return by how many percent the region of each label of a scan changes until another scan.

    The region of a label on the grid of a scan is not quite that of the structure, whose border
    runs through voxels; who measures by labels can find no better than this.

    Parameters
    ----------
    course
        The person.
    labels
        On the grid of ``first``.
    first, second
        Two visits of the course.
    structures
        Labels that occur.
    """
    values = labels.data[0].numpy()
    changes = {}
    for each in structures:
        growth = []
        for points in fill_region(labels.grid, values == each):
            source = course.to_source(first, points)
            growth.append(course.growth(second, source) - course.growth(first, source))
        changes[each] = 100 * (float(np.exp(np.concatenate(growth)).mean()) - 1)
    return changes
