"""A longitudinal phantom: real brains that atrophy by a change of volume that is known."""

from probes.phantom.anatomy import Anatomy
from probes.phantom.atrophy import FREESURFER_GROUPS, AtrophyRates, atrophy_velocity
from probes.phantom.course import Course, Scan, random_course
from probes.phantom.scanner import acquire, acquire_labels
from probes.phantom.tree import write_phantom
from probes.phantom.truth import known_changes, known_volumes

__all__ = [
    "FREESURFER_GROUPS",
    "Anatomy",
    "AtrophyRates",
    "Course",
    "Scan",
    "acquire",
    "acquire_labels",
    "atrophy_velocity",
    "known_changes",
    "known_volumes",
    "random_course",
    "write_phantom",
]
