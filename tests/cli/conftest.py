from dataclasses import dataclass
from pathlib import Path

import pytest

from regkit import warp
from regkit.cli import main

FEW = "linear: {spacings: [4.0], iterations: 5}\nfield: {factors: [2, 1], iterations: [20, 10]}\n"


@dataclass(frozen=True)
class Files:
    """A pair on disk, and settings that make a run short."""

    fixed: Path
    moving: Path
    labels: Path
    fixed_labels: Path
    mask: Path
    few: Path

    def words(self, *more):
        """`register fixed moving` and what follows."""
        return ["register", *map(str, (self.fixed, self.moving, "--config", self.few, *more))]


@pytest.fixture(scope="session")
def files(tmp_path_factory, head, parts, bend):
    folder = tmp_path_factory.mktemp("pair")
    moving, labels = warp(head, bend, onto=head.grid), warp(parts, bend, onto=head.grid)
    few = folder / "few.yaml"
    few.write_text(FEW)
    return Files(
        fixed=head.save(folder / "fixed.nii.gz"),
        moving=moving.reoriented("PIR").save(folder / "moving.nii"),
        labels=labels.save(folder / "lobes.nrrd"),
        fixed_labels=parts.save(folder / "parts.nii.gz"),
        mask=parts.with_data((parts.data > 0).to(parts.data.dtype)).save(folder / "mask.nii.gz"),
        few=few,
    )


@pytest.fixture(scope="session")
def registered(files, tmp_path_factory):
    """The folder of one whole run."""
    out = tmp_path_factory.mktemp("whole") / "out"
    labels = ["--moving-labels", files.labels, "--fixed-labels", files.fixed_labels]
    assert main(files.words("-o", out, "--fixed-mask", files.mask, "--threads", 1, *labels)) == 0
    return out
