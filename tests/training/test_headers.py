"""Files are looked at before the first step."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import InputError
from regkit.training.headers import check_headers
from regkit.training.table import SourceRow


@pytest.fixture
def file(tmp_path):
    """Call with a name and where along R it begins, for a small volume."""

    def make(name, right=0.0, shape=(8, 9, 10)):
        affine = np.eye(len(shape) + 1)
        affine[0, -1] = right
        path = tmp_path / f"{name}.nii.gz"
        rk.Labels(torch.ones(1, *shape, dtype=torch.uint8), rk.Grid(shape, affine)).save(path)
        return path

    return make


def test_what_lies_together_passes(file):
    image, other, labels = file("t1"), file("t2", 3), file("part", 4, (3, 3, 3))
    check_headers([SourceRow(image, "t1", "a", labels, labels), SourceRow(other, "t2", "a")])


def test_what_lies_elsewhere_is_refused(file):
    image, far = file("t1"), file("far", 200)
    for rows in (
        [SourceRow(image, "t1", "a", labels=far)],
        [SourceRow(image, "t1", "a", mask=far)],
        [SourceRow(image, "t1", "a"), SourceRow(far, "t2", "a")],
    ):
        with pytest.raises(
            InputError, match=r"far.nii.gz: its middle \(204, 4, 4\) lies outside t1"
        ):
            check_headers(rows)
    two = [SourceRow(image, "t1", "a"), SourceRow(far, "t1", "b")]
    check_headers(two)
    with pytest.raises(InputError, match="with which it is to share a world"):
        check_headers(two, aligned=True)


def test_what_cannot_be_trained_on_is_refused(file, tmp_path):
    with pytest.raises(InputError, match="is 2-D; training takes volumes"):
        check_headers([SourceRow(file("flat", shape=(8, 8)), "t1", "a")])
    (tmp_path / "cut.nii").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"cut\.nii"):
        check_headers([SourceRow(tmp_path / "cut.nii", "t1", "a")])
