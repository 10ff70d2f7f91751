"""A good pair of a kilobyte or two, and a place for what is bad."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, Labels, Volume, write_transform
from tests.bad_inputs.case import Place


@pytest.fixture
def place():
    """A pair and what belongs to it, where every user may look."""
    root = Path(tempfile.mkdtemp(prefix="regkit-test-"))
    root.chmod(0o755)
    try:
        yield furnished(root)
    finally:
        (root / "out").chmod(0o755)
        shutil.rmtree(root)


@pytest.fixture
def ordinary():
    """Root may read and write what is closed to everyone: be somebody else for a while."""
    with contextlib.ExitStack() as back:
        if os.geteuid() == 0:

            def become() -> None:
                back.callback(os.seteuid, 0)
                importlib.import_module(
                    "regkit.runs.register.job"
                )  # another user may not read Python itself
                os.seteuid(65534)

            yield become
        else:
            yield lambda: None


def furnished(root: Path) -> Place:
    inputs, out = root / "inputs", root / "out"
    inputs.mkdir()
    out.mkdir()
    out.chmod(0o777)
    (out / "mine.txt").write_text("mine")
    axes = torch.meshgrid(*(torch.linspace(-2, 2, n) for n in (16, 18, 20)), indexing="ij")
    data = 100 * torch.exp(-sum(axis**2 for axis in axes)) + 5 * axes[0]
    grid = Grid((16, 18, 20), np.diag([-1.5, 1.2, 2.0, 1.0]))
    return Place(
        inputs,
        out,
        fixed=Volume(data, grid).save(root / "fixed.nii"),
        moving=Volume(data.roll(1, 0), grid).save(root / "moving.nii"),
        labels=Labels((data > 30).to(torch.uint8), grid).save(root / "labels.nii"),
        mask=Labels((data > 10).to(torch.uint8), grid).save(root / "mask.nii"),
        phi=write_transform(Affine.identity(), root / "phi.tfm"),
        table=_table(root / "points.csv"),
    )


def _table(path: Path) -> Path:
    path.write_text("x,y,z\n1,2,3\n")
    return path


@pytest.fixture(autouse=True)
def apart_from_the_user(tmp_path, monkeypatch):
    """No weights of whoever runs the tests, and a working folder of the test's own."""
    monkeypatch.setenv("REGKIT_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("REGKIT_OFFLINE", "1")


@pytest.fixture
def snapshot():
    """Names, kinds and contents of everything below a folder."""

    def take(folder: Path) -> dict[str, object]:
        return {
            str(path.relative_to(folder)): (
                path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else None,
                path.lstat().st_mode,
            )
            for path in sorted(folder.rglob("*"))
        }

    return take
