import numpy as np
import pytest
import torch
import yaml

from foundation.studies.cells import StudyCell
from foundation.studies.config import read_study
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.robustness.study import finish_robustness, plan_robustness
from regkit import Grid, Labels, Volume
from regkit.cohort import WorkWay, run_cohort, work
from regkit.cohort.kept import RecentCache
from regkit.geometry.affines import homogeneous, rotation

# Oblique, anisotropic and left-handed.
AFFINE = homogeneous(rotation([0.2, -0.15, 0.3]) @ np.diag([-1.2, 1.1, 2.4]), [20, -30, -25])
SHAPE = (40, 44, 24)


def ball(grid, centre, radius):
    points = grid.world_points() - grid.to_world(torch.tensor(centre, dtype=torch.float64))
    return points.norm(dim=-1) <= radius


@pytest.fixture(scope="session")
def grid():
    return Grid(SHAPE, AFFINE)


@pytest.fixture(scope="session")
def cases(tmp_path_factory, grid):
    """Two subjects with a large and a small ball each; one lies at the edge of the image."""
    folder = tmp_path_factory.mktemp("cases")
    found = []
    for number, name in enumerate(("one", "two")):
        large = ball(grid, (18 + number, 20, 11), 11.0)
        small = ball(grid, (32, 36, 19 - number), 5.0) & ~large
        labels = Labels(large.to(torch.uint8)[None] + 2 * small.to(torch.uint8)[None], grid)
        noise = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(number))
        Volume(100.0 * (labels.data > 0) + noise, grid).save(folder / f"{name}.nii.gz")
        labels.save(folder / f"{name}_labels.nii.gz")
        found.append({"name": name, "image": f"{name}.nii.gz", "labels": f"{name}_labels.nii.gz"})
    return folder, found


@pytest.fixture
def robustness(cases):
    """Write a configuration, with changes, and read it."""
    folder, found = cases

    def make(**changes):
        given = {
            "study": "test", "models": ["echo"], "cases": found, "labels": {"large": 1, "small": 2},
            "perturbations": [
                {"name": "dilate", "magnitudes": [2, 4]},
                {"name": "erode", "magnitudes": [2, 8]},
                {"name": "shift", "magnitudes": [3]},
            ],
            "resamples": 200,
        }  # fmt: skip
        file = folder / "study.yaml"
        file.write_text(yaml.safe_dump({**given, **changes}))
        return file, read_study(file, RobustnessConfig)

    return make


@pytest.fixture
def carry_out():
    """Run a plan in this process."""

    def run(plan):
        way, kept = WorkWay(plan.kind, plan.folder, 1), RecentCache()
        return run_cohort(plan, (work(n, each, way, kept) for n, each in enumerate(plan.pairs)))

    return run


@pytest.fixture
def run_robustness(robustness, carry_out):
    def run(folder, resume=False, **changes):
        file, config = robustness(**changes)
        plan = plan_robustness(file, config, folder, resume=resume)
        done = carry_out(plan)
        return done, finish_robustness(config, plan)

    return run


@pytest.fixture
def cell():
    def make(**changes):
        given = {
            "study": "s", "model": "m", "weights": "", "case": "c", "subject": "p", "domain": "",
            "label": "l", "prompt": "mask", "perturbation": "none", "magnitude": 0.0, "unit": "",
            "seed": 0, "status": "done", "dice": 0.5,
        }  # fmt: skip
        return StudyCell(**{**given, **changes})

    return make
