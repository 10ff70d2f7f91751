"""Images of other libraries, both ways, on an oblique, anisotropic, left-handed grid."""

import sys
import warnings

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch

import regkit as rk
from regkit import Affine, Grid, InputError, Labels, Volume, World, interchange
from regkit.geometry.affines import homogeneous, rotation

INDEX = (5, 11, 3)
KINDS = [np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def array(request, head):
    return (head.data[0].numpy() + 3).astype(request.param)


def _metatensor():
    reason = "MONAI is not installed; CI installs no extra for it"
    return pytest.importorskip("monai.data.meta_tensor", reason=reason).MetaTensor


def _ants():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ants", reason="antspyx is not installed: regkit[bench]")


def assert_same(found, array, grid):
    assert found.data.dtype == torch.from_numpy(array).dtype
    np.testing.assert_array_equal(found.data[0].numpy(), array)
    np.testing.assert_allclose(found.affine, grid.affine, atol=1e-5)
    assert found.grid.world == World()


# Volume itself


def test_an_array_and_its_affine_make_a_volume(array, grid):
    for made in (Volume(array, grid.affine), rk.read(array, affine=grid.affine)):
        assert_same(made, array, grid)
        assert made.grid == grid
        assert (made.shape, made.spacing) == (grid.shape, grid.spacing)
        np.testing.assert_array_equal(made.affine, grid.affine)
        np.testing.assert_array_equal(np.asarray(made), array)
        np.testing.assert_array_equal(made.to_numpy(), array)


def test_channels_come_first(head):
    both = Volume(np.stack([head.to_numpy(), 2 * head.to_numpy()]), head.affine)
    assert (both.channels, both.shape) == (2, head.shape)
    assert np.asarray(both, dtype=np.float64).shape == (2, *head.shape)


def test_planes_and_lists_and_labels_work_alike():
    plane = Volume(np.zeros((4, 5)), np.diag([2, 2, 1]).tolist())
    assert repr(plane) == "Volume(4x5, 2x2 mm, RA, float64, '')"
    assert Labels(np.array([[0, 7]], np.uint16), np.eye(3)).values == (7,)


@pytest.mark.parametrize("kind", ["uint16", "uint32", "uint64", ">i2", "bool", "float16"])
def test_types_that_torch_lacks_keep_their_values(kind):
    values = np.array([[1, 0], [1, 1]]).astype(kind)
    found = Volume(values, np.eye(3))
    np.testing.assert_array_equal(np.asarray(found), values)


def test_arrays_may_be_turned_and_read_only(head):
    turned = head.to_numpy()[::-1, :, ::2]
    turned.setflags(write=False)
    np.testing.assert_array_equal(Volume(turned, np.eye(4)).to_numpy(), turned)


@pytest.mark.parametrize(
    ("data", "affine", "said"),
    [
        (np.zeros((2, 2), complex), np.eye(3), "complex128 are no real numbers"),
        (np.array([["a", "b"]]), np.eye(3), "are no real numbers"),
        (np.full((1, 2), 2**63, np.uint64), np.eye(3), "above the largest 64-bit integer"),
        (np.zeros((2, 2)), np.eye(4), r"data \(2, 2\) does not fit a 3-D affine"),
        (np.zeros((2, 2)), "RAS", "affine is str, not a matrix of numbers"),
        (np.zeros((2, 2)), np.eye(5), r"affine has shape \(5, 5\)"),
        (np.zeros((2, 2)), np.zeros((3, 3)), "affine"),
    ],
)
def test_what_makes_no_volume_is_refused(data, affine, said):
    with pytest.raises(InputError, match=said):
        Volume(data, affine, "a.nii")


def test_an_array_without_affine_and_an_image_with_one_are_refused(head):
    with pytest.raises(InputError, match="does not say where it lies; pass its affine"):
        rk.read(head.to_numpy())
    with pytest.raises(InputError, match="this image knows where it lies"):
        rk.read(head, affine=np.eye(4))
    with pytest.raises(InputError, match="dict is no image that regkit knows; give a path"):
        rk.read({})


# Each library, both ways


def test_nibabel_both_ways(array, grid, tmp_path):
    theirs = nib.Nifti1Image(array, grid.affine, dtype=array.dtype)
    assert_same(rk.read(theirs), array, grid)
    back = Volume(array, grid).to_nibabel()
    np.testing.assert_array_equal(np.asanyarray(back.dataobj), array)
    np.testing.assert_allclose(back.affine, grid.affine, atol=1e-12)
    assert back.get_data_dtype() == array.dtype
    assert back.header.get_xyzt_units()[0] == "mm"
    nib.save(back, tmp_path / "a.nii.gz")
    found = rk.read(nib.load(tmp_path / "a.nii.gz"))
    assert_same(found, array, grid)
    assert found.name == "a.nii.gz"
    assert_same(rk.read(str(tmp_path / "a.nii.gz")), array, grid)


def test_simpleitk_both_ways(array, grid, tmp_path):
    ours = Volume(array, grid)
    theirs = ours.to_sitk()
    assert theirs.GetSize() == grid.shape
    assert theirs[INDEX] == array[INDEX]
    where = np.array(theirs.TransformIndexToPhysicalPoint(INDEX)) * [-1, -1, 1]
    np.testing.assert_allclose(where, grid.affine[:3] @ [*INDEX, 1], atol=1e-9)
    assert_same(rk.read(theirs), array, grid)
    sitk.WriteImage(theirs, tmp_path / "a.nrrd")
    assert_same(rk.read(tmp_path / "a.nrrd"), array, grid)
    assert_same(rk.read(sitk.ReadImage(tmp_path / "a.nrrd")), array, grid)


def test_ants_as_its_own_reader_has_it(head, tmp_path):
    ants = _ants()
    array = head.to_numpy()
    nib.save(head.to_nibabel(), tmp_path / "a.nii.gz")
    assert_same(rk.read(ants.image_read(str(tmp_path / "a.nii.gz"))), array, head.grid)


def test_monai_both_ways(array, grid):
    meta_tensor = _metatensor()
    theirs = meta_tensor(torch.from_numpy(array)[None], affine=torch.tensor(grid.affine))
    assert_same(rk.read(theirs), array, grid)
    back = Volume(array, grid, "a.nii").to_metatensor()
    assert back.shape == (1, *grid.shape)
    np.testing.assert_allclose(np.asarray(back.affine), grid.affine)
    assert rk.read(back).name == "a.nii"


def test_a_metatensor_needs_monai(head, monkeypatch):
    for name in ("monai", "monai.data.meta_tensor"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"monai.* is not installed; .*regkit\[monai\]"):
        head.to_metatensor()


class MetaTensor(torch.Tensor):
    """What MONAI's looks like from outside, to test the adapter where MONAI is not installed."""

    __module__ = "monai.data.meta_tensor"

    @classmethod
    def of(cls, data, affine, **meta):
        made = torch.Tensor._make_subclass(cls, data)
        made.affine, made.meta = torch.tensor(np.array(affine)), meta
        return made

    def as_tensor(self):
        return self.as_subclass(torch.Tensor)


@pytest.mark.parametrize("space", ["RAS", "LPS"])
@pytest.mark.parametrize("channel", [True, False])
def test_a_metatensor_lies_where_its_space_says(head, space, channel):
    affine = np.diag([-1.0, -1, 1, 1]) @ head.affine if space == "LPS" else head.affine
    data = head.data if channel else head.data[0]
    theirs = MetaTensor.of(data, affine, space=space, filename_or_obj="/data/head.nii.gz")
    found = rk.read(theirs)
    assert_same(found, head.to_numpy(), head.grid)
    assert found.name == "head.nii.gz"


def test_a_metatensor_of_another_dimension_is_refused(head):
    with pytest.raises(InputError, match="and a 2-D affine"):
        rk.read(MetaTensor.of(head.data, np.eye(3)))


def test_channels_of_each_library_come_first(head):
    both = Volume(torch.cat([head.data, 2 * head.data]), head.grid)
    assert both.to_nibabel().shape == (*head.shape, 1, 2)
    assert both.to_sitk().GetNumberOfComponentsPerPixel() == 2
    for theirs in (both.to_nibabel(), both.to_sitk()):
        torch.testing.assert_close(rk.read(theirs).data, both.data)
        torch.testing.assert_close(rk.read(theirs, channel=1).data, both.data[1:])
        with pytest.raises(InputError, match="has no channel 2"):
            rk.read(theirs, channel=2)


def test_colours_of_nibabel_are_channels():
    colours = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = 7
    found = rk.read(nib.Nifti1Image(colours, np.eye(4)))
    assert found.channels == 3
    assert found.data.flatten(1).amax(1).tolist() == [0, 7, 0]


def test_planes_go_both_ways():
    grid = Grid((6, 7), [[0.0, -2.0, 5.0], [1.5, 0.0, 1.0], [0.0, 0.0, 1.0]])
    plane = Volume(torch.arange(42.0).reshape(6, 7), grid)
    for theirs in (plane.to_nibabel(), plane.to_sitk()):
        found = rk.read(theirs)
        assert torch.equal(found.data, plane.data)
        np.testing.assert_allclose(found.affine, grid.affine, atol=1e-6)


def test_a_frame_of_a_series_is_chosen(head):
    frames = np.stack([head.to_numpy(), 2 * head.to_numpy()], axis=-1)
    series = [nib.Nifti1Image(frames, head.affine), sitk.JoinSeries([head.to_sitk()] * 2)]
    for each in series:
        with pytest.raises(InputError, match="has 2 frames, and one can be read; pass frame=N"):
            rk.read(each)
    assert_same(rk.read(series[0], frame=1), frames[..., 1], head.grid)
    assert_same(rk.read(series[1], frame=1), head.to_numpy(), head.grid)
    with pytest.raises(InputError, match="has one frame, not frame 3"):
        rk.read(head.to_nibabel(), frame=3)
    with pytest.raises(InputError, match="an image has at most five axes"):
        rk.read(nib.Nifti1Image(np.zeros((2,) * 6), np.eye(4)))


def test_an_image_of_nibabel_is_trusted_as_its_file_is(head):
    image = head.to_nibabel()
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    with pytest.raises(InputError, match="has no orientation"):
        rk.read(image)
    image = head.to_nibabel()
    image.header.set_qform(homogeneous(rotation([0, 0, 1.0]), np.zeros(3)), code=1)
    with pytest.raises(InputError, match="sform and qform disagree"):
        rk.read(image)
    np.testing.assert_allclose(rk.read(image, geometry="sform").affine, head.affine, atol=1e-5)


@pytest.mark.parametrize("as_theirs", [Volume.to_nibabel, Volume.to_sitk])
def test_nan_is_refused_without_the_word_that_allows_it(head, as_theirs):
    holed = head.data.clone()
    holed[0, 2, 3, 4] = torch.nan
    theirs = as_theirs(head.with_data(holed))
    with pytest.raises(InputError, match="1 of 13440 voxels are NaN"):
        rk.read(theirs)
    found = rk.read(theirs, nan=5)
    assert found.data[0, 2, 3, 4] == 5
    assert found.valid.logical_not().nonzero().tolist() == [[2, 3, 4]]


def test_the_unit_of_nibabel_is_that_of_the_world(head):
    image = head.to_nibabel()
    image.header.set_xyzt_units("micron")
    found = rk.read(image).grid
    assert found.world == World()
    np.testing.assert_allclose(found.affine[:3], image.affine[:3] / 1000)
    small = Volume(head.data, Grid(head.shape, head.affine, World("um")))
    assert small.to_nibabel().header.get_xyzt_units()[0] == "micron"
    np.testing.assert_allclose(small.in_unit("mm").affine[:3], head.affine[:3] / 1000)


@pytest.mark.parametrize(
    ("world", "method"),
    [
        *((World.pixels(), method) for method in ("to_nibabel", "to_metatensor")),
        *((World.projected("EPSG:32632"), m) for m in ("to_nibabel", "to_sitk", "to_metatensor")),
    ],
)
def test_worlds_that_a_library_does_not_know_are_refused(head, world, method):
    elsewhere = Volume(head.data, Grid(head.shape, head.affine, world), "a.tif")
    with pytest.raises(InputError, match=r"a.tif: lies in .* knows? RAS|MONAI takes affines"):
        getattr(elsewhere, method)()


# What takes images takes all of these


def test_labels_are_whole_numbers_of_any_source(parts):
    for source in (parts, parts.to_nibabel(), parts.to_sitk(), parts.with_data(parts.data)):
        assert rk.read_labels(source).values == (1, 2, 5)
    floats = rk.read_labels(parts.to_numpy().astype(float), affine=parts.affine)
    assert (floats.data.dtype, floats.values) == (torch.int32, (1, 2, 5))
    with pytest.raises(InputError, match="not all values are whole numbers"):
        rk.read_labels(np.full((2, 2), 0.5), affine=np.eye(3))


def test_register_takes_whatever_is_at_hand(head, parts, tmp_path, monkeypatch):
    asked = {}

    def run(fixed, moving, **options):
        asked.update(options, fixed=fixed, moving=moving)

    monkeypatch.setattr("regkit.registration.pipeline.register", run)
    path = head.save(tmp_path / "head.nii.gz")
    rk.write_transform(Affine.identity(), tmp_path / "same.h5")
    rk.register(
        str(path),
        head.to_nibabel(),
        fixed_mask=parts.to_numpy(),
        moving_mask=parts.to_sitk(),
        fixed_labels=parts.to_numpy(),
        moving_labels=parts.to_nibabel(),
        initial=tmp_path / "same.h5",
        seed=3,
    )
    for role in ("fixed", "moving", "fixed_mask", "moving_mask"):
        assert isinstance(asked[role], Volume)
        np.testing.assert_allclose(asked[role].affine, head.affine, atol=1e-5)
    for role in ("fixed_labels", "moving_labels"):
        assert asked[role].values == (1, 2, 5)
    assert isinstance(asked["initial"], Affine)
    assert asked["seed"] == 3
    rk.register(head, head, initial=np.eye(4), moving_labels=parts)
    assert asked["moving_labels"] is parts
    assert asked["fixed_mask"] is None
    with pytest.raises(InputError, match=r"mask: data .* does not fit the grid"):
        rk.register(head, head, fixed_mask=np.zeros((3, 3, 3)))


def test_warp_takes_whatever_is_at_hand(head, parts):
    onto = head.grid.with_spacing(3.0)
    expected = rk.warp(head, Affine.identity(), onto=onto)
    on = Volume(expected.data, onto)
    for moving, place in ((head.to_nibabel(), on), (head.to_sitk(), on.to_sitk()), (head, onto)):
        found = rk.warp(moving, np.eye(4), onto=place)
        torch.testing.assert_close(found.data, expected.data, atol=1e-3, rtol=0)
    assert isinstance(rk.warp(parts, Affine.identity(), onto=head), Labels)
    with pytest.raises(InputError, match="phi is None"):
        rk.warp(head, None, onto=head)


def test_the_front_says_what_the_package_says():
    assert rk.register is interchange.register
    assert rk.warp is interchange.warp
