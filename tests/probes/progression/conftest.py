"""A made-up brain, oblique, anisotropic and left-handed, that is followed for a year."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from probes.phantom import Anatomy, AtrophyRates, acquire, acquire_labels, random_course
from regkit import Grid, Labels, Volume
from regkit.geometry.affines import homogeneous, rotation

GROUPS = {"ventricle": (1,)}


@pytest.fixture(scope="session")
def anatomy():
    """Tissue with some texture around a dark ventricle of about 3 ml; labels 1 and 2."""
    linear = rotation([0.1, -0.15, 0.2]) @ np.diag([-1.2, 1.2, 1.5])
    grid = Grid((52, 56, 44), homogeneous(linear, [31.0, -33.5, -30.0]))
    points = grid.world_points().numpy() - grid.centre
    draw = np.random.default_rng(0)
    texture = gaussian_filter(draw.standard_normal(grid.shape), 1.5)
    tissue = ((points / [24, 26, 25]) ** 2).sum(axis=-1) < 1
    ventricle = ((points / [7, 12, 8]) ** 2).sum(axis=-1) < 1
    clean = tissue * (80 + 60 * texture) * (1 - 0.8 * ventricle)
    image = gaussian_filter(clean.clip(min=0), 0.6).astype(np.float32)
    labels = (2 * tissue - ventricle).astype(np.uint8)
    return Anatomy(
        Volume(torch.from_numpy(image), grid, "brain.nii.gz"),
        Labels(torch.from_numpy(labels), grid, "labels.nii.gz"),
        {1: "ventricle", 2: "tissue"},
    )


def followed(anatomy, rate, **options):
    """A person with this change of the ventricle, both scans, and the labels of both."""
    rates = AtrophyRates(GROUPS, {"ventricle": rate}, rest=-rate / 20)
    course = random_course(anatomy, "01", rates, shape=1.0, shift=2.0, turn=3.0, **options)
    scans = [acquire(anatomy, course, visit) for visit in course.visits]
    return course, scans, [acquire_labels(anatomy, course, visit) for visit in course.visits]


@pytest.fixture(scope="session")
def grown(anatomy):
    """A ventricle that grows by 5 %, other noise and gain at the second visit."""
    return followed(anatomy, 5.0, seed=1, noise=(0.02, 0.03))
