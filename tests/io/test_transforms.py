import h5py
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import (
    Affine,
    Chain,
    DisplacementField,
    Grid,
    InputError,
    ResourceError,
    VelocityField,
    read_transform,
    write_transform,
)
from regkit.geometry.affines import homogeneous, rotation
from regkit.io.itk_transforms import transform_from_sitk, transform_to_sitk
from regkit.transforms.transform import Transform


@pytest.fixture(scope="session")
def turn() -> Affine:
    return Affine(homogeneous(rotation([0.1, -0.2, 0.15]) * 1.05, [3.0, -4.0, 5.5]))


@pytest.fixture(scope="session")
def flat_bend() -> DisplacementField:
    grid = Grid((12, 9), homogeneous(rotation([0.4]) @ np.diag([-1.2, 0.9]), [5.0, -3.0]))
    noise = torch.randn(2, 12, 9, generator=torch.Generator().manual_seed(1))
    return DisplacementField(noise, grid)


def inside(grid, count=1000):
    """Random world points within the voxel centres of ``grid``."""
    random = torch.rand(count, grid.ndim, generator=torch.Generator().manual_seed(2))
    return grid.to_world(random.double() * (torch.tensor(grid.shape) - 1))


def by_simpleitk(itk, points):
    """Where SimpleITK sends RAS points, by hand."""
    flip = np.array([-1.0, -1.0, 1.0])[: points.shape[1]]
    sent = [itk.TransformPoint(point) for point in (points.numpy() * flip).tolist()]
    return np.array(sent) * flip


MADE = {
    "affine": lambda turn, bend: turn,
    "field": lambda turn, bend: bend,
    "affine of field": lambda turn, bend: turn @ bend,
    "field of affine": lambda turn, bend: bend @ turn,
    "three": lambda turn, bend: bend @ turn @ bend,
    "velocity": lambda turn, bend: VelocityField(bend.u, bend.grid),
}


@pytest.fixture(params=MADE.values(), ids=MADE.keys())
def phi(request, turn, bend):
    return request.param(turn, bend)


@pytest.mark.parametrize("suffix", [".h5", ".hdf5"])
def test_simpleitk_maps_points_alike_and_reading_gives_it_back(phi, suffix, bend, tmp_path):
    path = write_transform(phi, tmp_path / f"a{suffix}")
    points = inside(bend.grid)
    expected = phi(points).numpy()
    assert_allclose(by_simpleitk(sitk.ReadTransform(path), points), expected, atol=1e-3)
    assert_allclose(read_transform(path)(points).numpy(), expected, atol=1e-3)


def test_parts_come_back_in_order(turn, bend, tmp_path):
    found = read_transform(write_transform(turn @ bend, tmp_path / "a.h5"))
    assert isinstance(found, Chain)
    assert [type(link) for link in found.links] == [Affine, DisplacementField]
    assert torch.equal(found.links[1].u, bend.u)
    assert_allclose(found.links[1].grid.affine, bend.grid.affine, atol=1e-9)
    assert_allclose(found.links[0].matrix, turn.matrix, atol=1e-9)


def test_order_of_a_composite_of_simpleitk(tmp_path):
    """``CompositeTransform([a, b])`` maps x to a(b(x))."""
    grow = sitk.ScaleTransform(3, (2.0, 2.0, 2.0))
    shift = sitk.TranslationTransform(3, (10.0, 0.0, 0.0))
    sitk.WriteTransform(sitk.CompositeTransform([grow, shift]), tmp_path / "a.h5")
    found = read_transform(tmp_path / "a.h5")
    assert_allclose(found(torch.zeros(1, 3)).numpy(), [[-20.0, 0, 0]])


def test_hdf5_is_a_composite_even_of_one(turn, tmp_path):
    path = write_transform(turn, tmp_path / "a.h5")
    assert isinstance(sitk.ReadTransform(path), sitk.CompositeTransform)
    assert isinstance(read_transform(path), Affine)


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".mat", ".h5"])
def test_affines(turn, tmp_path, suffix):
    path = write_transform(turn, tmp_path / f"a{suffix}")
    assert_allclose(read_transform(path).matrix, turn.matrix, atol=1e-12)
    points = torch.randn(50, 3).double() * 100
    assert_allclose(by_simpleitk(sitk.ReadTransform(path), points), turn(points).numpy(), atol=1e-9)


@pytest.mark.parametrize("suffix", [".tfm", ".mat", ".h5"])
def test_affine_in_2d(tmp_path, suffix):
    turn = Affine(homogeneous(rotation([0.4]), [3.0, -4.0]))
    path = write_transform(turn, tmp_path / f"a{suffix}")
    assert_allclose(read_transform(path).matrix, turn.matrix, atol=1e-12)


@pytest.mark.parametrize("name", ["a.h5", "a.nii", "a.nii.gz"])
def test_field_in_2d(flat_bend, tmp_path, name):
    path = write_transform(flat_bend, tmp_path / name)
    found = read_transform(path)
    points = inside(flat_bend.grid)
    assert_allclose(found(points).numpy(), flat_bend(points).numpy(), atol=1e-3)
    if name == "a.h5":
        itk = sitk.ReadTransform(path)
        assert_allclose(by_simpleitk(itk, points), flat_bend(points).numpy(), atol=1e-3)


@pytest.mark.parametrize("suffix", [".tfm", ".mat", ".h5"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: sitk.Euler3DTransform((5.0, 6.0, 7.0), 0.1, 0.2, 0.3, (1.0, 2.0, 3.0)),
        lambda: sitk.VersorRigid3DTransform((1.0, 0.0, 0.0), 0.3, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
        lambda: sitk.Similarity3DTransform(1.2, (0.0, 1.0, 0.0), 0.3, (1.0, 2.0, 3.0)),
        lambda: sitk.TranslationTransform(3, (1.0, 2.0, 3.0)),
        lambda: sitk.ScaleTransform(3, (1.5, 2.0, 0.5)),
        lambda: sitk.Transform(3, sitk.sitkIdentity),
        lambda: sitk.Euler2DTransform((5.0, 6.0), 0.3, (1.0, 2.0)),
    ],
)
def test_linear_kinds_become_affines(make, suffix, tmp_path):
    sitk.WriteTransform(make(), tmp_path / f"a{suffix}")
    found = read_transform(tmp_path / f"a{suffix}")
    points = torch.randn(20, found.ndim).double() * 100
    assert isinstance(found, Affine)
    assert_allclose(found(points).numpy(), by_simpleitk(make(), points), atol=1e-9)


def test_affine_of_ants(tmp_path):
    """SimpleITK shows a MatrixOffsetTransformBase as a composite of itself, without end."""
    (tmp_path / "a.txt").write_text(
        "#Insight Transform File V1.0\n#Transform 0\n"
        "Transform: MatrixOffsetTransformBase_double_3_3\n"
        "Parameters: 1 0.1 0 0 1 0 0 0 2 10 20 30\nFixedParameters: 1 2 3\n"
    )
    itk = sitk.ReadTransform(tmp_path / "a.txt")
    points = torch.randn(20, 3).double() * 100
    found = read_transform(tmp_path / "a.txt")
    assert_allclose(found(points).numpy(), by_simpleitk(itk, points), atol=1e-9)


def test_real_affines(data):
    paths = sorted((data / "ms_longitudinal").glob("*_to_*.txt"))
    assert paths
    for path in paths:
        points = torch.randn(20, 3).double() * 100
        expected = by_simpleitk(sitk.ReadTransform(path), points)
        assert_allclose(read_transform(path)(points).numpy(), expected, atol=1e-9)


def test_nested_and_empty_composites(turn, bend, tmp_path):
    inner = sitk.ReadTransform(write_transform(turn @ bend, tmp_path / "a.h5"))
    found = transform_from_sitk(sitk.CompositeTransform([transform_to_sitk(turn), inner]), "a")
    points = inside(bend.grid, 50)
    assert_allclose(found(points).numpy(), (turn @ turn @ bend)(points).numpy(), atol=1e-3)
    assert_allclose(transform_from_sitk(sitk.CompositeTransform(2), "a").matrix, np.eye(3))


def test_nested_chains_are_written_flat(turn, bend, tmp_path):
    nested = Chain((turn, Chain((bend, Chain((turn, VelocityField(bend.u, bend.grid)))))))
    points = inside(bend.grid, 50)
    found = read_transform(write_transform(nested, tmp_path / "a.h5"))
    assert_allclose(found(points).numpy(), nested(points).numpy(), atol=1e-3)


def test_existing_files_are_kept(turn, tmp_path):
    path = write_transform(turn, tmp_path / "a.tfm")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"a.tfm: exists"):
        write_transform(turn.inverse(), path)
    assert path.read_bytes() == before
    write_transform(turn.inverse(), path, overwrite=True)
    assert_allclose(read_transform(path).matrix, turn.inverse().matrix, atol=1e-12)


class Strange(Transform):
    ndim = 3

    def map(self, points):
        return points

    def inverse(self):
        return self


def test_what_does_not_fit_a_format(turn, bend, tmp_path):
    with pytest.raises(InputError, match=r"\.tfm holds an Affine, not a DisplacementField"):
        write_transform(bend, tmp_path / "a.tfm")
    with pytest.raises(InputError, match=r"\.nii holds a displacement field, not a Affine"):
        write_transform(turn, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"a.foo: .foo is not a transform format; writable: .h5"):
        write_transform(turn, tmp_path / "a.foo")
    with pytest.raises(InputError, match="no extension is not a transform format; readable"):
        read_transform(tmp_path / "a")
    with pytest.raises(InputError, match="a Strange cannot be written"):
        write_transform(Strange(), tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


def test_singular_matrix(tmp_path):
    (tmp_path / "a.tfm").write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        "Parameters: 1 0 0 0 1 0 0 0 0 1 2 3\nFixedParameters: 0 0 0\n"
    )
    with pytest.raises(InputError, match=r"a.tfm: affine transform is singular"):
        read_transform(tmp_path / "a.tfm")


def test_matrix_beyond_all_measure(tmp_path):
    (tmp_path / "a.tfm").write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        "Parameters: 1e200 0 0 0 1 0 0 0 1 1 2 3\nFixedParameters: 0 0 0\n"
    )
    with pytest.raises(InputError, match=r"a.tfm: its matrix has values"):
        read_transform(tmp_path / "a.tfm")


def test_field_with_nan(bend, tmp_path):
    path = write_transform(bend, tmp_path / "a.h5")
    sitk.WriteTransform(sitk.ReadTransform(path), path)  # which makes it float64
    with h5py.File(path, "r+") as file:
        file["TransformGroup/1/TransformParameters"][5] = np.nan
        file["TransformGroup/1/TransformParameters"][6] = 1e60
    with pytest.raises(InputError, match=r"a.h5: 2 of \d+ displacements are NaN"):
        read_transform(path)


def test_field_on_a_singular_grid(bend, tmp_path):
    path = write_transform(bend, tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["TransformGroup/1/TransformFixedParameters"][6:9] = 0
    with pytest.raises(InputError, match=r"a.h5: "):
        read_transform(path)


def test_another_affine_than_written_is_noticed(turn, tmp_path, monkeypatch):
    from regkit.io import itk_files

    monkeypatch.setattr(itk_files, "transform_to_sitk", lambda _: transform_to_sitk(turn.inverse()))
    with pytest.raises(ResourceError, match="reads back differently"):
        write_transform(turn, tmp_path / "a.tfm")
    assert not list(tmp_path.iterdir())


def test_another_kind_than_written_is_noticed(turn, bend, tmp_path, monkeypatch):
    from regkit.io import itk_files

    monkeypatch.setattr(itk_files, "read_itk_transform", lambda _: bend)
    with pytest.raises(ResourceError, match="reads back differently"):
        write_transform(turn, tmp_path / "a.tfm")


def test_no_permission(turn, tmp_path, monkeypatch):
    path = write_transform(turn, tmp_path / "a.tfm")

    def closed(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", closed)
    with pytest.raises(InputError, match=r"a.tfm: no permission"):
        read_transform(path)
