import numpy as np
import torch

from regkit import Affine, DisplacementField
from regkit.geometry.affines import homogeneous, rotation
from regkit.registration.canonical import canonical, lift_volume
from regkit.registration.planar import (
    drop_field,
    drop_grid,
    drop_matrix,
    lift_matrix,
    lift_transform,
)


def test_matrices_come_back_as_they_went():
    flat = homogeneous(rotation([0.4]) * 1.1, [3.0, -2.0])
    whole = lift_matrix(flat)
    np.testing.assert_array_equal(drop_matrix(whole), flat)
    np.testing.assert_array_equal(whole[2], [0, 0, 1, 0])


def test_a_lifted_image_lies_where_the_plane_did(plane):
    whole = lift_volume(plane)
    assert whole.grid.shape == (1, *plane.grid.shape)
    points = whole.grid.world_points()[0]
    torch.testing.assert_close(points[..., :2], plane.grid.world_points())
    assert (points[..., 2] == 0).all()
    assert torch.equal(whole.data[:, 0], plane.data)
    back = drop_grid(whole.grid)
    assert back.shape == plane.grid.shape
    np.testing.assert_allclose(back.affine, plane.grid.affine)


def test_canonical_images_have_three_axes(plane, head):
    assert canonical(plane).grid.shape[0] == 1
    assert canonical(head).grid.orientation == "RAS"
    assert canonical(head).name == head.name


def test_lifted_transforms_keep_the_third_coordinate(plane):
    generator = torch.Generator().manual_seed(0)
    flat = Affine(homogeneous(rotation([0.2]), [1.0, 2.0]))
    points = torch.rand(10, 3, generator=generator).double()
    out = lift_transform(flat)(points)
    torch.testing.assert_close(out[:, :2], flat(points[:, :2]))
    assert torch.equal(out[:, 2], points[:, 2])


def test_a_field_of_one_slice_is_a_field_of_the_plane(plane):
    whole = canonical(plane).grid
    generator = torch.Generator().manual_seed(0)
    u = torch.rand(3, *whole.shape, generator=generator)
    flat = drop_field(DisplacementField(u, whole))
    points = whole.world_points()
    moved = DisplacementField(u, whole)(points)
    torch.testing.assert_close(flat(points[0, ..., :2]), moved[0, ..., :2])
