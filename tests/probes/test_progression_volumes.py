"""Two visits in 3-D: what each arm undoes, and what it leaves."""

import numpy as np
import pytest
import torch
import yaml

from probes.study.arms import ARMS, Registrar
from probes.study.config import read_probe_config
from probes.study.progression import ProbeProgressionJob
from probes.study.progression_config import ProbeProgressionConfig
from regkit import Affine, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.io import save
from regkit.kernels.smoothing import gaussian
from regkit.resample import warp
from tests.conftest import structure

OPTIONS = {"preset": "fast"}
BODY = 20.0  # the ellipsoid of ``structure`` is 40 inside


@pytest.fixture(scope="module")
def textured(grid):
    """``head`` on a finer grid, with tissue in it: of smooth blobs alone a scale is hardly seen."""
    fine = grid.with_shape((36, 42, 30))
    drawn = torch.randn(1, *fine.shape, generator=torch.Generator().manual_seed(2))
    texture = gaussian(drawn, 2.0)[0]
    body = structure(fine)
    return Volume((body + 25 * texture / texture.std() * (body / 40).clamp(0, 1)).float(), fine)


@pytest.fixture(scope="module")
def motion(grid):
    """Turned, shifted, and stretched by a fifth along one axis: no rigid motion undoes that."""
    stretch = rotation([0.08, -0.05, 0.1]) @ np.diag([1.2, 1.0, 0.9])
    shift = homogeneous(np.eye(3), [1.5, -1.0, 0.8])
    return Affine(shift @ about(grid.centre, stretch))


@pytest.fixture(scope="module")
def inside(textured):
    return textured.grid.world_points()[structure(textured.grid) > BODY]


def test_an_affine_is_undone_by_the_affine_arm_and_no_rigid_one(textured, motion, inside):
    moved = warp(textured, motion.inverse(), onto=textured.grid)
    registrar = Registrar(OPTIONS, None)
    left = {
        arm: float(
            (registrar.find(arm, textured, moved)(inside) - motion(inside)).norm(dim=-1).mean()
        )
        for arm in ("unaligned", "rigid", "affine")
    }
    assert left["affine"] < 0.7 * left["rigid"]
    assert left["rigid"] < 0.7 * left["unaligned"]


def test_a_bend_is_undone_by_the_deformable_arm_alone(textured, bend, inside):
    bent = warp(textured, bend, onto=textured.grid)
    registrar = Registrar(OPTIONS, None)
    left = {
        arm: float((bend(registrar.find(arm, textured, bent)(inside)) - inside).norm(dim=-1).mean())
        for arm in ("affine", "deformable")
    }
    assert left["deformable"] < 0.5 * left["affine"]
    assert registrar.verdicts == {"affine": ["pass"], "deformable": ["pass"]}


def test_the_arms_of_a_study_bring_visits_together(tmp_path, textured, motion, bend):
    """From a table of NIfTI files to aligned pairs, as `regkit probe progression` makes them."""
    moved = warp(textured, motion.inverse(), onto=textured.grid)
    labels = Labels((structure(textured.grid) > BODY).to(torch.uint8)[None], textured.grid)
    after = warp(moved, bend, onto=moved.grid)
    save(labels, tmp_path / "labels.nii.gz")
    lines = ["subject,visit,image,labels,grows"]
    for n in range(8):  # everybody has images of their own
        for visit, each in (("bl", textured), ("m12", after)):
            name = f"{visit}_{n}.nii.gz"
            save(each.with_data(each.data * (1 + n / 100)), tmp_path / name)
            lines.append(f"p{n},{visit},{name},labels.nii.gz,{n % 2}")
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    given = {
        "study": "volumes", "table": "visits.csv", "visits": ["bl", "m12"], "folds": 2,
        "inner_folds": 2, "outcome": {"column": "grows", "positive": 1}, "structures": [1],
        "shape": [24, 26, 22], "crop": True, "crop_margin": 4, "registration": OPTIONS,
        "features": [{"source": "intensity", "pooling": ["roi"]}],
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(given))
    config = read_probe_config(tmp_path / "study.yaml", ProbeProgressionConfig)
    assert config.arms == ARMS
    survey = ProbeProgressionJob(config, tmp_path / "out").look()
    task, registrar, apart = survey.open(), Registrar(config.registration, None), {}
    for arm in ARMS:
        first, second = task.aligned(survey.pairs[0], arm, registrar).images
        assert first.shape == second.shape == (24, 26, 22)
        apart[arm] = float((first.data - second.data).square().mean().sqrt())
    assert apart["unaligned"] > 1.2 * apart["rigid"]
    assert apart["unaligned"] > 1.2 * apart["affine"]
    assert apart["deformable"] < 0.7 * min(apart["rigid"], apart["affine"])
