"""Subjects on their grids."""

import errno
import os

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.resample import resample
from regkit.training import subjects
from regkit.training.prepared import PreparedArrays
from regkit.training.subjects import subjects_of
from regkit.training.table import SourceRow


@pytest.fixture
def rows(tmp_path):
    """Two people in one world, the second 10 mm further to the right."""
    grid = rk.Grid((40, 40, 40), np.diag([4.0, 4.0, 4.0, 1.0]))
    points = grid.world_points()
    made = []
    for name, right in (("one", 70.0), ("two", 80.0)):
        far = (points - torch.tensor([right, 80.0, 80.0])).norm(dim=-1)
        path = tmp_path / f"{name}.nii.gz"
        rk.Volume(100 * (far < 40).float(), grid).save(path)
        made.append(SourceRow(path, "t1", name))
    return made


@pytest.fixture
def kept(tmp_path):
    """A folder for what the network sees."""
    return PreparedArrays(tmp_path / "kept")


def _middle(subject):
    """Of its body, along R, as a share of the grid."""
    body = subject.image("t1")[0, 0].float().sum(dim=(1, 2))
    return float((body * torch.linspace(0, 1, len(body))).sum() / body.sum())


def test_each_lies_in_the_box_of_its_own_body(rows, kept):
    one, two = subjects_of(rows, 32, "mr", kept)
    assert one.grid != two.grid
    assert _middle(two) == pytest.approx(_middle(one), abs=0.02)


def test_what_an_affine_aligned_lies_in_one_box(rows, kept):
    one, two = subjects_of(rows, 32, "mr", kept, aligned=True)
    assert one.grid == two.grid
    step = one.grid.spacing[0] * 31
    assert _middle(two) - _middle(one) == pytest.approx(10 / step, abs=0.02)


def test_an_image_is_prepared_once_and_anew_when_its_file_changes(rows, kept, monkeypatch):
    first = subjects_of(rows, 16, "mr", kept)[0].image("t1").clone()
    reads = []
    read = subjects.read
    monkeypatch.setattr(subjects, "read", lambda path: reads.append(path) or read(path))
    again, other = subjects_of(rows, 16, "mr", kept)
    assert torch.equal(again.image("t1"), first)
    assert not reads
    again.image("t1").zero_()  # of this process alone
    assert torch.equal(again.image("t1"), first)
    rk.read(rows[1].image).save(rows[0].image, overwrite=True)
    changed = subjects_of(rows, 16, "mr", kept)[0]
    assert torch.equal(changed.image("t1"), other.image("t1"))
    assert subjects_of(rows, 24, "mr", kept)[0].image("t1").shape == (1, 1, 24, 24, 24)


def test_labels_and_masks_keep_their_values(rows, kept):
    image = rk.read(rows[0].image)
    path = rows[0].image.with_name("labels.nii.gz")
    rk.Labels((image.data > 50).to(torch.int32) * 4003, image.grid).save(path)
    row = SourceRow(rows[0].image, "t1", "one", labels=path, mask=path)
    subject = subjects_of([row], 24, "mr", kept)[0]
    assert set(subject.labels.unique().tolist()) == {0, 4003}
    assert torch.equal(subject.labels, subject.mask)
    assert subjects_of(rows, 24, "mr", kept)[0].mask is None


def test_a_mirror_image_is_a_subject_of_its_own(rows, kept):
    image = rk.read(rows[0].image)
    skewed = image.with_data(image.data * torch.linspace(0.2, 1, 40).reshape(1, 40, 1, 1))
    skewed.save(rows[0].image, overwrite=True)
    one, mirrored, *others = subjects_of(rows, 32, "mr", kept, mirrored=True)
    assert [each.mirrored for each in (one, mirrored, *others)] == [False, True, False, True]
    assert mirrored.name == one.name
    assert mirrored.grid == one.grid
    there, flipped = mirrored.image("t1").float(), one.image("t1").float().flip(2)
    assert torch.allclose(there, flipped, atol=2e-3)
    assert not torch.allclose(there, flipped.flip(2), atol=0.1)
    again = resample(mirrored.volume("t1"), mirrored.grid).data[None]
    assert torch.allclose(there, again, atol=2e-3)


def test_mirrored_labels_would_be_called_by_the_wrong_names(rows, kept):
    # Voxels between whose centres no point of the network's grid lies half way: no ties of nearest.
    image = resample(rk.read(rows[0].image), rk.Grid((43, 43, 43), np.diag([3.7, 3.7, 3.7, 1.0])))
    path = rows[0].image.with_name("labels.nii.gz")
    rk.Labels((image.data > 50).to(torch.uint8), image.grid).save(path)
    row = SourceRow(rows[0].image, "t1", "one", labels=path, mask=path)
    one, mirrored = subjects_of([row], 24, "mr", kept, mirrored=True)
    assert mirrored.labels is None
    assert torch.equal(mirrored.mask, one.mask.flip(2))


def test_what_was_damaged_is_said(rows, kept):
    subject = subjects_of(rows, 16, "mr", kept)[0]
    subject.image("t1")
    for path in kept.folder.iterdir():
        path.write_bytes(b"no")
    with pytest.raises(rk.InputError, match=r"\.npy: was damaged; delete it"):
        subject.image("t1")


def test_voxels_that_lie_beside_their_header_are_looked_at_too(kept, tmp_path):
    header, voxels = tmp_path / "a.mhd", tmp_path / "a.raw"
    header.write_text("ElementDataFile = a.raw")
    voxels.write_bytes(b"1")
    os.utime(voxels, ns=(1, 1))
    assert float(kept(["x", header], lambda: torch.tensor([1.0]))) == 1
    os.utime(voxels, ns=(2, 2))
    assert float(kept(["x", header], lambda: torch.tensor([2.0]))) == 2
    os.utime(voxels, ns=(1, 1))
    assert float(kept(["x", header], lambda: torch.tensor([3.0]))) == 1


def test_a_full_disk_is_no_bug(kept, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(rk.ResourceError):
        kept(["x"], lambda: torch.ones(3))
    assert not list(kept.folder.iterdir())
