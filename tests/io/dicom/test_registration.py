"""Registration objects of other programs: matrices before and after, and what cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from regkit import InputError, read_transform
from regkit.geometry.affines import homogeneous, rotation
from tests.io.dicom.writer import blank, item

FLIP = np.array([-1.0, -1.0, 1.0])
TURN = homogeneous(rotation([0.1, -0.2, 0.3]), [4.0, -3.0, 2.0])
POST = homogeneous(rotation([-0.2, 0.1, 0.1]) * 1.1, [1.0, 5.0, -2.0])
ROWS = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0]])
POINTS = np.random.default_rng(0).uniform(5, 12, (50, 3))


def matrix_item(matrix):
    return item(
        FrameOfReferenceTransformationMatrixType="AFFINE",
        FrameOfReferenceTransformationMatrix=[f"{v:.9g}" for v in np.ravel(matrix)],
    )


def spatial(path, *matrices):
    data = blank("1.2.840.10008.5.1.4.1.1.66.1", "1.2.3", 1, Modality="REG")
    data.RegistrationSequence = [
        item(MatrixRegistrationSequence=[item(MatrixSequence=[matrix_item(each)])])
        for each in matrices
    ]
    data.save_as(path, enforce_file_format=True)
    return path


def field(dims=(12, 11, 10), vectors=None, **more):
    """Vectors on a turned grid that reaches from -5 to 40 mm."""
    i, j, k = np.indices(dims)
    u = np.stack([0.2 * i, 0.1 * j * k / 10, 0.5 - 0.1 * k], -1).astype("<f4")
    given = u if vectors is None else vectors
    grid = item(
        ImageOrientationPatient=[*ROWS.ravel()], ImagePositionPatient=[12.0, -10.0, -5.0],
        GridDimensions=list(dims), GridResolution=[3.0, 3.5, 4.0],
        VectorGridData=given.transpose(2, 1, 0, 3).tobytes(),
    )  # fmt: skip
    return item(DeformableRegistrationGridSequence=[grid], **more)


def deformable(path, *items):
    data = blank("1.2.840.10008.5.1.4.1.1.66.3", "1.2.3", 1, Modality="REG")
    data.DeformableRegistrationSequence = list(items)
    data.save_as(path, enforce_file_format=True)
    return path


def through(phi, points):
    return phi(torch.from_numpy(points * FLIP)).numpy() * FLIP


@pytest.mark.parametrize("order", [(np.eye(4), TURN), (TURN, np.eye(4)), (TURN,)])
def test_matrices_lead_from_moving_to_fixed(order, tmp_path):
    found = through(read_transform(spatial(tmp_path / "a.dcm", *order)), POINTS)
    assert_allclose(found @ TURN[:3, :3].T + TURN[:3, 3], POINTS, atol=1e-6)


def test_matrices_in_a_row(tmp_path):
    """The first one is applied first."""
    row = item(MatrixSequence=[matrix_item(TURN), matrix_item(POST)])
    data = blank("1.2.840.10008.5.1.4.1.1.66.1", "1.2.3", 1, Modality="REG")
    data.RegistrationSequence = [item(MatrixRegistrationSequence=[row])]
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = through(read_transform(tmp_path / "a.dcm"), POINTS)
    whole = POST @ TURN
    assert_allclose(found @ whole[:3, :3].T + whole[:3, 3], POINTS, atol=1e-6)


def test_nothing_moves(tmp_path):
    phi = read_transform(spatial(tmp_path / "a.dcm", np.eye(4), np.eye(4)))
    assert_allclose(through(phi, POINTS), POINTS)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_vectors_between_matrices(before, after, tmp_path):
    """The source is post(pre(x) + D(x)), where D is that of x; PS3.3 C.20.3.1.1."""
    more = {}
    for asked, matrix, when in ((before, TURN, "Pre"), (after, POST, "Post")):
        if asked:
            more[f"{when}DeformationMatrixRegistrationSequence"] = [matrix_item(matrix)]
    found = through(read_transform(deformable(tmp_path / "a.dcm", field(**more))), POINTS)
    axes = np.array([*ROWS, [0, 0, 1.0]])
    i, j, k = ((POINTS - [12.0, -10.0, -5.0]) @ axes.T / [3.0, 3.5, 4.0]).T
    assert min(map(min, (i, j, k))) > 0
    pre, post = (m if asked else np.eye(4) for asked, m in ((before, TURN), (after, POST)))
    expected = POINTS @ pre[:3, :3].T + pre[:3, 3]
    expected = expected + np.stack([0.2 * i, 0.1 * j * k / 10, 0.5 - 0.1 * k], -1)
    assert_allclose(found, expected @ post[:3, :3].T + post[:3, 3], atol=1e-4)


def test_what_cannot_be_read(tmp_path):
    path = tmp_path / "a.dcm"
    bare = blank("1.2.840.10008.5.1.4.1.1.66.1", "1.2.3", 1)
    bare.RegistrationSequence = [item(MatrixRegistrationSequence=[item(MatrixSequence=[item()])])]
    undefined = np.full((3, 3, 3, 3), np.nan, "<f4")
    for make, told in (
        (lambda: spatial(path, TURN, POST), "brings 2 series to another place"),
        (lambda: spatial(path, np.zeros((4, 4))), "its matrix has last row"),
        (lambda: bare.save_as(path, enforce_file_format=True), "has no FrameOfReferenceTransf"),
        (lambda: deformable(path, field(), field()), "bends 2 series; one can be read"),
        (lambda: deformable(path, field((3, 3, 3), undefined)), "undefined at some of its vectors"),
        (lambda: deformable(path, field((4, 3, 3), undefined)), "324 bytes of vectors and a grid"),
    ):
        make()
        with pytest.raises(InputError, match=f"a.dcm: .*{told}"):
            read_transform(path)


def test_an_image_is_no_registration(scan, tmp_path):
    from tests.io.dicom.writer import write_enhanced

    with pytest.raises(InputError, match=r"a.dcm: is no DICOM registration"):
        read_transform(write_enhanced(tmp_path / "a.dcm", scan))
