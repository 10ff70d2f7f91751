import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import (
    DisplacementField,
    Grid,
    InputError,
    VelocityField,
    read,
    read_transform,
    write_transform,
)
from regkit.geometry.affines import homogeneous, rotation

OBLIQUE = homogeneous(rotation([0.2, -0.15, 0.3]) @ np.diag([-1.3, 1.1, 1.9]), [21, -13.5, 4.25])


def refused(path, *words):
    with pytest.raises(InputError) as caught:
        read_transform(path)
    for word in (path.name, *words):
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_round_trip(bend, tmp_path, name):
    found = read_transform(write_transform(bend, tmp_path / name))
    assert isinstance(found, DisplacementField)
    assert torch.equal(found.u, bend.u)
    assert_allclose(found.grid.affine, bend.grid.affine, atol=1e-5)


def test_simpleitk_reads_it_as_a_field(bend, tmp_path):
    """What antsApplyTransforms and SimpleITK do with a warp: the vectors are LPS."""
    image = sitk.ReadImage(write_transform(bend, tmp_path / "a.nii.gz"), sitk.sitkVectorFloat64)
    itk = sitk.DisplacementFieldTransform(image)
    random = torch.rand(1000, 3, generator=torch.Generator().manual_seed(0)).double()
    points = bend.grid.to_world(1 + random * (torch.tensor(bend.grid.shape) - 3))
    flip = np.array([-1.0, -1.0, 1.0])
    sent = [itk.TransformPoint(point) for point in (points.numpy() * flip).tolist()]
    assert_allclose(np.array(sent) * flip, bend(points).numpy(), atol=1e-3)


def test_a_field_of_simpleitk(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((5, 6, 7, 3))
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetSpacing((1.0, 2.0, 3.0))
    sitk.WriteImage(image, tmp_path / "a.nii.gz")
    found = read_transform(tmp_path / "a.nii.gz")
    assert_allclose(found.u[:, 4, 3, 2].numpy(), vectors[2, 3, 4] * [-1, -1, 1], rtol=1e-6)


def test_intent_1006_is_ras_as_in_itk(forge):
    data = np.random.default_rng(0).standard_normal((8, 9, 10, 1, 3)).astype(np.float32)
    path = forge("a.nii", data, intent_code=1006)
    itk = sitk.ReadImage(path).GetPixel((3, 4, 5))
    found = read_transform(path).u[:, 3, 4, 5].numpy()
    assert_allclose(found, data[3, 4, 5, 0])
    assert_allclose(found * [-1, -1, 1], itk)


def test_velocity_is_written_as_its_displacement(bend, tmp_path):
    velocity = VelocityField(bend.u, bend.grid)
    found = read_transform(write_transform(velocity, tmp_path / "a.nii"))
    assert torch.equal(found.u, velocity.displacement.u)


def test_header(bend, tmp_path):
    header = nib.load(write_transform(bend, tmp_path / "a.nii")).header
    assert header["intent_code"] == 1007
    assert tuple(header["dim"][:6]) == (5, *bend.grid.shape, 1, 3)


def test_same_bytes_twice(bend, tmp_path):
    first = write_transform(bend, tmp_path / "a.nii.gz").read_bytes()
    assert write_transform(bend, tmp_path / "b.nii.gz").read_bytes() == first


def test_images_and_other_shapes(forge):
    refused(forge("a.nii"), "is not a displacement field", "intent code is 0")
    vectors = np.zeros((8, 9, 10, 3), np.float32)
    refused(forge("a.nii", vectors, intent_code=1007), "dimensions 8x9x10x3")
    flat = np.zeros((8, 9, 10, 1, 2), np.float32)
    refused(forge("a.nii", flat, intent_code=1007), "2 components on a 3-D grid")
    whole = np.zeros((8, 9, 10, 1, 3), np.int16)
    refused(forge("a.nii", whole, intent_code=1007), "unscaled float32")


def test_cut_or_another_format(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"ab")
    refused(tmp_path / "a.nii", "not a NIfTI file")
    (tmp_path / "a.nii").write_bytes(b"NRRD0004\n")
    refused(tmp_path / "a.nii", "the content is NRRD")


def test_sheared_grid(bend, tmp_path):
    sheared = np.array(bend.grid.affine)
    sheared[:3, 0] += 0.2 * sheared[:3, 1]
    field = DisplacementField(bend.u, Grid(bend.grid.shape, sheared))
    with pytest.raises(InputError, match="displacement field: the affine is sheared"):
        write_transform(field, tmp_path / "a.nii")
    found = read_transform(write_transform(field, tmp_path / "a.h5"))
    assert_allclose(found.grid.affine, sheared, atol=1e-9)


def test_nan_and_disagreement(forge):
    data = np.zeros((8, 9, 10, 1, 3), np.float32)
    refused(forge("a.nii", data, intent_code=1007, qoffset_x=50.0), "disagree by 50.0 mm")
    data[0, 0, 0] = np.nan
    refused(forge("b.nii", data, intent_code=1007), "3 of 2160 displacements are NaN")
    huge = np.full((8, 9, 10, 1, 3), 1e60)
    refused(forge("c.nii", huge, intent_code=1007), "2160 of 2160 displacements are NaN")


def test_damaged(bend, tmp_path):
    path = write_transform(bend, tmp_path / "a.nii.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    refused(path, "damaged")


def vectors(forge, name, values, **fields):
    """A field as NIfTI; ``values (8, 9, 10, 3)``, on an oblique, left-handed grid."""
    data = values[:, :, :, None].astype(np.float32)
    return forge(name, data, affine=OBLIQUE, intent_code=1007, **fields)


def test_fields_of_niftyreg_and_spm(forge):
    """All send x to x + (1, 2, 3) in RAS+; ITK takes the positions for a hundred millimetres."""
    grid = Grid((8, 9, 10), OBLIQUE)
    positions = (grid.world_points() + torch.tensor([1.0, 2.0, 3.0])).numpy()
    shift = np.broadcast_to([1.0, 2.0, 3.0], positions.shape)
    for path in (
        vectors(forge, "def.nii", positions, intent_name=b"NREG_TRANS", intent_p1=0),
        vectors(forge, "disp.nii.gz", shift, intent_name=b"NREG_TRANS", intent_p1=1),
        vectors(forge, "y_a.nii", positions, intent_name=b"Mapping"),
    ):
        u = read_transform(path).u
        assert_allclose(u.numpy(), np.moveaxis(shift, -1, 0), atol=1e-4)
    itk = read_transform(vectors(forge, "itk.nii", shift))
    assert_allclose(itk.u[:, 3, 4, 5], [-1, -2, 3])


@pytest.mark.parametrize("kind", [3, 4, 9, 0.5])
def test_niftyreg_transforms_that_are_not_dense(forge, kind):
    values = np.zeros((8, 9, 10, 3))
    path = vectors(forge, "cpp.nii", values, intent_name=b"NREG_TRANS", intent_p1=kind)
    refused(path, "of NiftyReg", "reg_transform")
    with pytest.raises(InputError, match=r"cpp.nii: holds .* of NiftyReg .*, not an image"):
        read(path)


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (2008, ("FNIRT coefficients (cosines)",)),
        (2009, ("FNIRT coefficients (quadratic splines)",)),
        (2016, ("TOPUP coefficients", "a shift in Hz, not in mm", "applytopup")),
        (2017, ("TOPUP coefficients",)),
        (2018, ("a TOPUP field",)),
    ],
)
def test_warps_of_fsl(forge, intent, words):
    path = forge("a.nii", np.zeros((8, 9, 10, 3), np.float32), intent_code=intent)
    refused(path, *words)


@pytest.mark.parametrize(
    "said",
    [{"intent_code": 2007}, *({"intent_code": 1007, "intent_name": b"NREG_TRANS", "intent_p1": n}
                              for n in (2, 5, 6))],
)  # fmt: skip
def test_warps_that_are_no_images_but_are_read(forge, said):
    """An image reader says what the file is, and the reader of ITK's fields too."""
    path = forge("a.nii", np.zeros((8, 9, 10, 1, 3), np.float32), **said)
    with pytest.raises(InputError, match=r"a.nii: holds .*, not an image; .*convert-transform"):
        read(path)
    with pytest.raises(InputError, match=r"a.nii: holds .*; .*convert-transform"):
        read_transform(path, program="itk")


def test_a_field_in_micrometres(forge):
    values = np.zeros((8, 9, 10, 3))
    refused(vectors(forge, "a.nii", values, xyzt_units=3), "not in millimetres")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_fields_of_itk_in_its_own_formats(bend, tmp_path, name, compressed):
    path = write_transform(bend, tmp_path / "a.nii")
    image = sitk.ReadImage(path, sitk.sitkVectorFloat64)
    sitk.WriteImage(image, tmp_path / name, compressed)
    found = read_transform(tmp_path / name)
    assert_allclose(found.u, bend.u, atol=1e-6)
    assert_allclose(found.grid.affine, bend.grid.affine, atol=1e-4)
    with pytest.raises(InputError, match=r"not a transform format; writable: .h5"):
        write_transform(bend, tmp_path / "b.mha")


def test_vectors_that_may_be_meant_otherwise(bend, tmp_path):
    path = write_transform(bend, tmp_path / "a.nii")
    sitk.WriteImage(sitk.ReadImage(path, sitk.sitkVectorFloat64), tmp_path / "a.nrrd")
    whole = (tmp_path / "a.nrrd").read_bytes()
    for old, new in (
        (b"sizes: ", b"measurement frame: (0,1,0) (1,0,0) (0,0,1)\nsizes: "),
        (b"space: left-posterior", b"space: right-anterior"),
        (b"sizes: ", b'space units: "um" "um" "um"\nsizes: '),
    ):
        (tmp_path / "a.nrrd").write_bytes(whole.replace(old, new, 1))
        refused(tmp_path / "a.nrrd", "another frame or unit")
    same = b"measurement frame: (1,0,0) (0,1,0) (0,0,1)\nsizes: "
    (tmp_path / "a.nrrd").write_bytes(whole.replace(b"sizes: ", same, 1))
    assert_allclose(read_transform(tmp_path / "a.nrrd").u, bend.u, atol=1e-6)


def test_an_image_is_no_field(head, tmp_path):
    refused(head.save(tmp_path / "a.mha"), "is not a displacement field: it has 1 channels")
