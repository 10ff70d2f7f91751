"""Two visits in 3-D: what each arm undoes, and what it leaves."""

import numpy as np
import pytest
import torch
import yaml

from probes.study.arms import ARMS, Registrar
from probes.study.config import read_probe_config
from probes.study.progression import ProbeProgressionJob
from probes.study.progression_config import ProbeProgressionConfig
from regkit import Affine, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.io import save
from regkit.resample import warp
from tests.conftest import structure

OPTIONS = {"preset": "fast"}


@pytest.fixture(scope="module")
def motion(grid):
    """Turned, shifted, and stretched by 12 % along one axis: no rigid motion undoes that."""
    stretch = rotation([0.08, -0.05, 0.1]) @ np.diag([1.12, 1.0, 0.95])
    shift = homogeneous(np.eye(3), [1.5, -1.0, 0.8])
    return Affine(shift @ about(grid.centre, stretch))


@pytest.fixture(scope="module")
def moved(grid, motion):
    return Volume(structure(grid, motion).float(), grid, "moved.nii.gz")


def test_the_arms_of_a_study_come_nearer_one_by_one(tmp_path, head, moved, bend, parts):
    """From a table of NIfTI files to aligned pairs, as `regkit probe progression` makes them."""
    image, _ = moved
    bent = warp(image, bend, onto=image.grid)
    for name, each in (("bl", head), ("m12", bent), ("labels", parts)):
        save(each, tmp_path / f"{name}.nii.gz")
    lines = ["subject,visit,image,labels,grows"]
    lines += [f"p{n},{v},{v}.nii.gz,labels.nii.gz,{n % 2}" for n in range(4) for v in ("bl", "m12")]
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    given = {
        "study": "volumes", "table": "visits.csv", "visits": ["bl", "m12"], "folds": 2,
        "inner_folds": 2, "outcome": {"column": "grows", "positive": 1}, "structures": [5],
        "shape": [20, 22, 18], "crop": True, "crop_margin": 8, "registration": OPTIONS,
        "features": [{"source": "intensity", "pooling": ["roi"]}],
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(given))
    config = read_probe_config(tmp_path / "study.yaml", ProbeProgressionConfig)
    survey = ProbeProgressionJob(config, tmp_path / "out").look()
    task, registrar = survey.open(), Registrar(config.registration, None)
    assert config.arms == ARMS
    apart = {}
    for arm in ARMS:
        first, second = task.aligned(survey.pairs[0], arm, registrar).images
        assert first.shape == second.shape == (20, 22, 18)
        assert torch.isfinite(second.data).all()
        apart[arm] = float((first.data - second.data).abs().mean())
    assert apart["unaligned"] > 1.3 * apart["rigid"]
    assert apart["rigid"] > 1.1 * apart["affine"]
    assert apart["affine"] > 1.2 * apart["deformable"]
