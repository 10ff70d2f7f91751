"""What is particular to MGH, Analyze, MINC, pictures and arrays."""

import gzip
import warnings
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose
from PIL import Image, TiffImagePlugin

from regkit import Grid, InputError, Volume, World, read, read_labels
from regkit.geometry.affines import homogeneous
from regkit.io import open_image, read_header, save


def refused(path, *words, **options):
    with pytest.raises(InputError) as caught:
        read(path, **options).load()
    message = str(caught.value)
    assert "\n" not in message
    for word in (Path(path).name, *words):
        assert word in message, message


def noise(*shape, top=255, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, top, shape).astype(dtype)


# MGH


@pytest.fixture
def mgh(head, tmp_path):
    return save(head, tmp_path / "a.mgh")


def test_mgh_without_a_good_ras_flag(mgh):
    """nibabel answers 1 when it is asked for the flag, and makes up axes."""
    content = bytearray(mgh.read_bytes())
    content[28:30] = b"\0\0"
    mgh.write_bytes(content)
    assert int(nib.MGHImage.from_bytes(bytes(content)).header["goodRASFlag"]) == 1
    refused(mgh, "no orientation", "good-RAS flag is 0", "assume_ras=True")
    assert_allclose(read(mgh, assume_ras=True).grid.affine, np.diag([1.3, 1.1, 1.9, 1]), atol=1e-6)


@pytest.mark.parametrize(
    ("at", "value", "word"),
    [(4, 0, "axis 0 is empty"), (4, -3, "is negative"), (4, 9999, "the header claims"),
     (20, 9, "type 9 is not supported")],
)  # fmt: skip
def test_mgh_headers(mgh, at, value, word):
    content = bytearray(mgh.read_bytes())
    content[at : at + 4] = value.to_bytes(4, "big", signed=True)
    mgh.write_bytes(content)
    refused(mgh, word)


def test_mgh_cut_or_sheared(mgh, tmp_path):
    whole = mgh.read_bytes()
    mgh.write_bytes(whole[:200])
    refused(mgh, "truncated header: 200 of 284")
    mgh.write_bytes(whole[:20000])
    refused(mgh, "the header claims")
    packed = tmp_path / "b.mgz"
    packed.write_bytes(gzip.compress(whole)[:-20])
    refused(packed, "data end early")
    mgh.write_bytes(whole[:42] + np.array([1, 1, 0], ">f4").tobytes() + whole[54:])
    refused(mgh, "sheared", "allow_shear=True")
    assert read(mgh, allow_shear=True).grid.shape == (24, 28, 20)


@pytest.mark.parametrize("name", ["a.mgz", "a.mgh"])
def test_what_mgh_does_not_hold(head, tmp_path, name):
    with pytest.raises(InputError, match=r"hold float32, int16, int32, uint8, not float64"):
        save(head.with_data(head.data.double()), tmp_path / name)
    flat = Volume(torch.zeros(9, 8), Grid((9, 8), np.eye(3)))
    with pytest.raises(InputError, match="hold 3-D images"):
        save(flat, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_mgz_is_the_same_bytes_twice(head, tmp_path):
    assert (
        save(head, tmp_path / "a.mgz").read_bytes() == save(head, tmp_path / "b.mgz").read_bytes()
    )


# Analyze


def analyze(path, data):
    image = nib.AnalyzeImage(data, np.diag([-2.0, 1.5, 3, 1]))
    image.to_filename(path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_analyze_by_a_guess(tmp_path, dtype):
    data = noise(8, 9, 10, 2).astype(dtype)
    path = analyze(tmp_path / "a.hdr", data)
    refused(path, "does not say which side is left", "assume_ras=True", "a guess")
    refused(path, "2 frames", assume_ras=True)
    found = read(path, assume_ras=True, frame=1)
    assert np.array_equal(found.data[0], data[..., 1])
    assert_allclose(found.grid.affine, np.diag([2, 1.5, 3, 1]))


def test_analyze_that_cannot_be_used(tmp_path):
    path = analyze(tmp_path / "a.hdr", noise(8, 9, 10))
    whole = path.read_bytes()
    for at, value, word in (
        (70, np.array([32], "<i2"), "datatype code 32"),
        (108, np.array([-4], "<f4"), "vox_offset is -4"),
        (112, np.array([0.5], "<f4"), "scales its values by 0.5"),
        (42, np.array([0], "<i2"), "axis 0 is empty"),
        (40, np.array([6], "<i2"), "6 dimensions"),
        (42, np.array([900], "<i2"), "the header claims"),
    ):
        path.write_bytes(whole[:at] + value.tobytes() + whole[at + value.nbytes :])
        refused(path, word, assume_ras=True)
    path.write_bytes(whole)
    (tmp_path / "a.img").unlink()
    refused(path, "'a.img' is not a file", assume_ras=True)


# MINC

NIBABEL = Path(nib.__file__).parent / "tests" / "data"


@pytest.mark.parametrize("name", ["tiny.mnc", "minc1_4d.mnc", "minc2_1_scale.mnc", "minc2_4d.mnc"])
def test_minc_of_nibabel(name):
    path = NIBABEL / name
    if not path.is_file():
        pytest.skip("this nibabel was installed without its test data")
    image, header = nib.load(path), read_header(path)
    voxels = np.asarray(image.dataobj)
    assert header.frames == (2 if "4d" in name else 1)
    last = open_image(header.of(frame=header.frames - 1, channel=None))
    assert_allclose(last.data[0], voxels[-1] if "4d" in name else voxels, atol=1e-6)
    assert_allclose(last.grid.affine, image.affine)


def minc(head, path):
    image = sitk.GetImageFromArray(head.data[0].numpy().transpose(2, 1, 0))
    sitk.WriteImage(image, path)
    return path


def test_minc_with_a_link(head, tmp_path):
    path = minc(head, tmp_path / "a.mnc")
    with h5py.File(path, "r+") as file:
        file["minc-2.0/more"] = h5py.ExternalLink("/etc/passwd", "/x")
    refused(path, "'more' is a link to elsewhere")


def test_minc_that_is_damaged(head, tmp_path):
    path = minc(head, tmp_path / "a.mnc")
    with h5py.File(path, "r+") as file:
        del file["minc-2.0/dimensions"]
    refused(path, "cannot be read", "damaged")
    path.write_bytes(b"CDF\1" + bytes(400))
    refused(path, "cannot be read", "damaged")


# Arrays


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["uint8", "<i2", ">f4", "f8", "bool"])
def test_arrays(tmp_path, order, dtype):
    data = np.asarray(noise(4, 5, 6, top=2), dtype=dtype, order=order)
    path = tmp_path / "a.npy"
    np.save(path, data)
    assert read_header(path).unit == "pixel"
    found = read(path)
    assert np.array_equal(found.data[0].numpy(), data.astype(np.float64))
    assert found.grid.world == World.pixels()
    assert_allclose(found.grid.affine, np.diag([-1, -1, 1, 1]))  # where ITK puts an array
    refused(path, "no orientation", "assume_ras=True", spacing=(0.5, 0.5, 2))
    mm = read(path, spacing=(0.5, 0.5, 2), assume_ras=True)
    assert mm.grid == Grid((4, 5, 6), np.diag([0.5, 0.5, 2, 1]))
    assert torch.equal(
        open_image(path, window=(slice(1, 3),) * 3).data[0], found.data[0, 1:3, 1:3, 1:3]
    )


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (np.zeros((3, 3), np.complex64), "holds complex64"),
        (np.zeros(9), "1 dimensions"),
        (np.zeros((0, 3)), "axis 0 is empty"),
        (np.zeros((3, 3), [("a", "f4")]), "holds [('a', '<f4')]"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, data, word):
    np.save(tmp_path / "a.npy", data)
    refused(tmp_path / "a.npy", word)


def test_an_array_with_a_pickle_or_cut(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    refused(path, "holds object")
    np.save(path, np.zeros((8, 8)))
    path.write_bytes(path.read_bytes()[:-9])
    refused(path, "the file is cut")
    path.write_bytes(b"\x93NUMPY\1\0\5\0hello" + bytes(99))
    refused(path, "its header is damaged")


@pytest.mark.parametrize("spacing", [(1.0, 2.0), (0.0, 1, 1), (1, "a", 2), (np.nan, 1, 1), "112"])
def test_spacings_that_are_none(tmp_path, spacing):
    np.save(tmp_path / "a.npy", noise(4, 5, 6))
    with pytest.raises(InputError, match="spacing"):
        read(tmp_path / "a.npy", spacing=spacing)


# Pictures


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_pictures_lie_where_itk_puts_them(tmp_path, name, dtype):
    data = noise(7, 9, top=np.iinfo(dtype).max, dtype=dtype)
    path = tmp_path / name
    Image.fromarray(data).save(path)
    found, image = read(path), sitk.ReadImage(path)
    assert read_header(path).unit == "pixel"
    assert found.grid.shape == image.GetSize() == (9, 7)
    assert np.array_equal(found.data[0].numpy().T, sitk.GetArrayFromImage(image))
    x, y = image.TransformIndexToPhysicalPoint((3, 5))
    assert_allclose(found.grid.to_world(torch.tensor([3.0, 5.0], dtype=torch.float64)), [-x, -y])
    assert_allclose(read(path, spacing=(0.5, 0.25)).grid.affine, np.diag([-0.5, -0.25, 1]))
    assert np.array_equal(read_labels(path).data[0].numpy().T, data)
    again = save(found, tmp_path / f"b{path.suffix}")
    assert np.array_equal(read(again).data, found.data)


def test_colours_of_a_picture(tmp_path):
    data = noise(7, 9, 3)
    Image.fromarray(data).save(tmp_path / "a.png")
    refused(tmp_path / "a.png", "3 channels", "channel=N")
    assert np.array_equal(read(tmp_path / "a.png", channel=2).data[0].numpy().T, data[..., 2])
    Image.fromarray(data).save(tmp_path / "a.jpg", quality=95)
    found = read(tmp_path / "a.jpg", channel=1).data[0].numpy().T
    assert np.array_equal(found, np.asarray(Image.open(tmp_path / "a.jpg"))[..., 1])


def test_density_of_a_photograph_is_no_spacing(tmp_path):
    """SimpleITK 2.5.7 takes that of a JPEG: findings/simpleitk_picture_spacing.sh."""
    for name in ("a.png", "a.jpg"):
        Image.fromarray(noise(7, 9)).save(tmp_path / name, dpi=(72, 72))
        assert read(tmp_path / name).grid.spacing == pytest.approx((1, 1))
        assert read_header(tmp_path / name).unit == "pixel"
    assert sitk.ReadImage(tmp_path / "a.jpg").GetSpacing() == pytest.approx([25.4 / 72] * 2)


def stack(path, pages, **tags):
    first, *others = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=others, **tags)
    return path


def test_stacks_by_their_tags(tmp_path):
    pages = noise(5, 7, 9)
    path = stack(tmp_path / "a.tif", pages)
    assert np.array_equal(read(path).data[0].numpy().T, pages)
    assert read_header(path).unit == "pixel"
    cm = {"x_resolution": 200, "y_resolution": 100, "resolution_unit": 3}
    path = stack(tmp_path / "b.tif", pages, **cm)
    refused(path, "how far apart its slices are", "spacing=(X, Y, Z)")
    found = read(path, spacing=(9, 9, 2))
    assert_allclose(found.grid.affine, np.diag([-0.05, -0.1, 2, 1]))
    assert_allclose(read(tmp_path / "b.tif", spacing=(9, 9, 2)).grid.spacing[:2],
                    sitk.ReadImage(path).GetSpacing()[:2])  # fmt: skip
    words = "ImageJ=1.53\nimages=5\nslices=5\nunit=\\u00B5m\nspacing=3.0\n"
    imagej = {"x_resolution": 2, "y_resolution": 4, "resolution_unit": 1, "description": words}
    path = stack(tmp_path / "c.tif", pages, **imagej)
    assert_allclose(read(path).grid.spacing, [0.5e-3, 0.25e-3, 3e-3])
    imagej["description"] = words.replace("slices=5", "channels=5")
    refused(stack(tmp_path / "d.tif", pages, **imagej), "hyperstack of 5 channels")


def test_stacks_there_and_back(tmp_path):
    data = torch.from_numpy(noise(9, 7, 5))
    grid = Grid((9, 7, 5), np.diag([-0.5, -0.25, 2, 1]))
    path = save(Volume(data, grid), tmp_path / "a.tif")
    found = read(path)
    assert torch.equal(found.data[0], data)
    assert_allclose(found.grid.affine, grid.affine, rtol=1e-6)
    assert read_header(path).unit == "mm"


@pytest.mark.parametrize("world", [World(), World.pixels()])
def test_a_pixel_of_one_millimetre_is_not_a_mere_pixel(tmp_path, world):
    grid = Grid((9, 7), np.diag([-1.0, -1, 1]), world)
    assert read(save(Volume(noise(9, 7), grid), tmp_path / "a.tif")).grid == grid


def test_what_a_picture_does_not_hold(head, tmp_path):
    with pytest.raises(InputError, match=r"holds no origin.* write .nii.gz"):
        save(head.with_data(head.data.byte()), tmp_path / "a.tif")
    flat = Grid((9, 7), np.diag([-1.0, -1, 1]), World.pixels())
    for data, word in (
        (torch.rand(9, 7), "holds uint8, uint16, int32, not float32"),
        (-torch.ones(9, 7).int(), "holds 0 to 65535, and the image -1 to -1"),
    ):
        with pytest.raises(InputError, match=word):
            save(Volume(data, flat), tmp_path / "a.png")
    deep = Grid((9, 7, 2), np.diag([-1.0, -1, 1, 1]))
    with pytest.raises(InputError, match=r".png holds 2-D images"):
        save(Volume(torch.zeros(9, 7, 2).byte(), deep), tmp_path / "a.png")
    shifted = Grid((9, 7), homogeneous(np.diag([-1.0, -1]), [3, 4]))
    with pytest.raises(InputError, match="holds no origin"):
        save(Volume(torch.zeros(9, 7).byte(), shifted), tmp_path / "a.png")
    wide = Grid((9, 7), np.diag([-0.5, -1, 1]), World.pixels())
    for name, grid in (("a.png", wide), ("a.tif", wide), ("a.png", Grid((9, 7), flat.affine))):
        with pytest.raises(InputError, match=r".png no spacing either"):
            save(Volume(torch.zeros(9, 7).byte(), grid), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_pillow_would_change_in_silence(tmp_path):
    palette = Image.fromarray(noise(7, 9)).convert("P")
    palette.save(tmp_path / "p.png")
    refused(tmp_path / "p.png", "a palette")
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(noise(7, 9)).save(tmp_path / "t.jpg", exif=exif)
    refused(tmp_path / "t.jpg", "EXIF orientation 6")
    deep = sitk.GetImageFromArray(noise(7, 9, 3, top=60000, dtype=np.uint16), isVector=True)
    for name in ("d.png", "d.tif"):
        sitk.WriteImage(deep, tmp_path / name)
        refused(tmp_path / name, "16 bits")
    Image.fromarray(noise(7, 9, 4)).convert("CMYK").save(tmp_path / "c.jpg")
    refused(tmp_path / "c.jpg", "colours of the kind CMYK")


def test_a_place_on_the_earth(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[33550] = (10.0, 10.0, 0.0)
    tags.tagtype[33550] = 12
    Image.fromarray(noise(7, 9)).save(tmp_path / "a.tif", tiffinfo=tags)
    refused(tmp_path / "a.tif", "has a geotransform but no CRS")


def test_pages_of_several_sizes(tmp_path):
    pages = [Image.fromarray(noise(7, 9)), Image.fromarray(noise(3, 4))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    refused(tmp_path / "a.tif", "page 1 is 4x3 L, the first 9x7 L")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_cut_pictures(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(noise(70, 90)).save(path)
    whole = path.read_bytes()
    for share in (0.02, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        refused(path)


def test_a_picture_too_large(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(noise(70, 90)).save(path)
    refused(path, "exceeds the bound", max_bytes=1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        refused(path, "too many pixels")
