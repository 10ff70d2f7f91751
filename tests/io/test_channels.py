"""Several values a voxel: read together, turned grey, and written."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

import regkit as rk
from regkit import Grid, InputError, ResourceError, Volume, World
from regkit.io import ReadOptions, read_header, save_series
from regkit.io.formats.nifti import NIFTI
from regkit.io.lps import lps

AFFINE = np.array([[0, 2.0, 0, 5], [1.5, 0, 0, -3], [0, 0, 3, 7], [0, 0, 0, 1]])
PIXELS = Grid((6, 5), lps(2).astype(float), World.pixels())


PLANE = AFFINE[np.ix_([0, 1, 3], [0, 1, 3])]


def _image(channels, dtype, grid=AFFINE, shape=(4, 5, 6), seed=0):
    generator = torch.Generator().manual_seed(seed)
    data = 200 * torch.rand(channels, *shape, generator=generator)
    return Volume(data.to(dtype), grid, "bands")


@pytest.fixture
def picture(tmp_path):
    """An RGB picture of 5 rows and 6 columns, and its pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "rgb.png")
    return tmp_path / "rgb.png", torch.from_numpy(pixels).permute(2, 1, 0)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "mhd"])
@pytest.mark.parametrize(
    ("channels", "dtype"),
    [(3, torch.uint8), (4, torch.uint8), (2, torch.float32), (13, torch.int16)],
)
def test_channels_come_back_as_they_were_saved(tmp_path, suffix, channels, dtype):
    image = _image(channels, dtype)
    path = image.save(tmp_path / f"a.{suffix}")
    found = rk.read(path, channels="all")
    assert found.data.dtype is dtype
    assert torch.equal(found.data, image.data)
    assert np.allclose(found.affine, AFFINE, atol=1e-5)
    some = rk.read(path, channels=(channels - 1, 0))
    assert torch.equal(some.data, image.data[[channels - 1, 0]])
    assert torch.equal(rk.read(path, channel=1).data, image.data[1:2])


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_pictures_hold_colours(tmp_path, suffix, channels):
    image = _image(channels, torch.uint8, PIXELS, PIXELS.shape)
    found = rk.read(image.save(tmp_path / f"a.{suffix}"), channels="all")
    assert torch.equal(found.data, image.data)
    assert found.grid == image.grid


def test_nibabel_reads_colours_and_vectors(tmp_path):
    colours, bands = _image(3, torch.uint8), _image(5, torch.float32)
    stored = np.asarray(nib.load(colours.save(tmp_path / "rgb.nii")).dataobj)
    assert stored.dtype.names == ("R", "G", "B")
    assert np.array_equal(stored["G"], colours.data[1])
    stored = np.asarray(nib.load(bands.save(tmp_path / "five.nii")).dataobj)
    assert stored.shape == (4, 5, 6, 1, 5)
    assert np.array_equal(stored[..., 0, 3], bands.data[3])


def test_a_flat_image_of_many_channels_becomes_a_slice_of_nifti(tmp_path):
    image = _image(2, torch.float32, PIXELS, PIXELS.shape)
    found = rk.read(image.save(tmp_path / "a.nii"), channels="all")
    assert found.shape == (6, 5, 1)
    assert torch.equal(found.data[..., 0], image.data)


def test_luminance_is_that_of_bt_709(picture):
    path, pixels = picture
    grey = rk.read(path, channels="luminance")
    r, g, b = pixels.double()
    assert grey.channels == 1
    assert torch.allclose(grey.data[0].double(), 0.2126 * r + 0.7152 * g + 0.0722 * b, atol=1e-3)
    assert grey.valid is None


def test_what_is_transparent_has_no_data(tmp_path):
    pixels = np.full((5, 6, 4), 90, np.uint8)
    pixels[1, 2, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "rgba.png")
    grey = rk.read(tmp_path / "rgba.png", channels="luminance")
    assert grey.valid.logical_not().nonzero().tolist() == [[2, 1]]
    assert rk.read(tmp_path / "rgba.png", channels="all").valid is None


def test_nan_in_one_channel_is_no_data_in_all(tmp_path):
    image = _image(2, torch.float32)
    image.data[1, 2, 3, 4] = torch.nan
    path = image.save(tmp_path / "a.nrrd")
    with pytest.raises(InputError, match=r"1 of 240 voxels are NaN"):
        rk.read(path, channels="all").load()
    assert rk.read(path, channels=(0,)).valid is None
    found = rk.read(path, channels="all", nan=0)
    assert found.valid.logical_not().nonzero().tolist() == [[2, 3, 4]]


def test_several_channels_without_a_choice_are_refused(picture):
    with pytest.raises(
        InputError,
        match=r"rgb.png: has 3 channels; pass channel=N, N from 0 to 2, or channels='all', numbers "
        r"such as channels=\(0, 1\), or channels='luminance' of RGB",
    ):
        rk.read(picture[0])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"channels": (0, 3)}, r"rgb.png: has no channel 3; allowed: 0 to 2"),
        ({"channels": "grey"}, r"channels is 'grey'; allowed: different whole numbers from 0"),
        ({"channels": (1, 1)}, r"channels is \(1, 1\); allowed: different whole numbers from 0"),
        ({"channels": ()}, r"channels is \(\); allowed: different whole numbers from 0"),
        ({"channels": (0, -1)}, r"channels is \(0, -1\); allowed: different"),
        ({"channels": 2}, r"channels is 2; allowed: Sequence or NoneType"),
        ({"channel": 1, "channels": "all"}, r"channel is 1 and channels 'all'; give one of them"),
    ],
)
def test_channels_that_are_not_there_are_refused(picture, choice, message):
    with pytest.raises(InputError, match=message):
        rk.read(picture[0], **choice)


def test_luminance_of_two_channels_is_refused(tmp_path):
    path = _image(2, torch.uint8, PIXELS, PIXELS.shape).save(tmp_path / "la.png")
    with pytest.raises(InputError, match=r"la.png: has 2 channels; luminance is that of 3"):
        rk.read(path, channels="luminance")


@pytest.mark.parametrize(
    ("name", "channels", "dtype", "message"),
    [
        ("a.png", 5, torch.uint8, r"a picture holds 2, 3 or 4 channels of uint8"),
        ("a.tif", 3, torch.float32, r"a picture holds 2, 3 or 4 channels of uint8"),
        ("a.mgz", 3, torch.uint8, r"a.mgz: .mgz holds one value a voxel, not 3 channels; write"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(tmp_path, name, channels, dtype, message):
    with pytest.raises(InputError, match=message):
        _image(channels, dtype, PIXELS, PIXELS.shape).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(("channels", "dtype"), [(2, torch.float32), (3, torch.uint8)])
@pytest.mark.parametrize(("affine", "shape"), [(PLANE, (4, 5)), (AFFINE, (4, 5, 6))])
def test_a_series_of_channels(tmp_path, name, channels, dtype, affine, shape):
    frames = [_image(channels, dtype, affine, shape, seed) for seed in range(3)]
    path = save_series(frames, tmp_path / name, repetition=2.5)
    header = read_header(path)
    assert (header.frames, header.channels, header.repetition) == (3, channels, 2.5)
    for number, frame in enumerate(frames):
        found = rk.read(path, frame=number, channels="all")
        assert torch.equal(found.data.reshape(frame.data.shape), frame.data)
    assert np.array_equal(nib.load(path).affine[:2, :2], affine[:2, :2])


def test_frames_of_a_plane_are_no_slices(tmp_path):
    frames = [_image(1, torch.float32, PLANE, (4, 5), seed) for seed in range(3)]
    path = save_series(frames, tmp_path / "a.nii")
    assert nib.load(path).shape == (4, 5, 1, 3)
    assert torch.equal(rk.read(path, frame=1).data[..., 0], frames[1].data)


def test_what_the_disk_lost_of_one_channel_of_one_frame_is_noticed(tmp_path, monkeypatch):
    def other(data, grid, path, *, repetition):
        lossy = data.copy(order="K")
        lossy[..., 2, 1] = 0
        NIFTI.write_channels(lossy, grid, path, repetition=repetition)

    form = replace(NIFTI, write_channels=other)
    monkeypatch.setattr("regkit.io.output_checks.writer", lambda *_: form)
    with pytest.raises(ResourceError, match="reads back differently"):
        save_series([_image(2, torch.float32, seed=n) for n in range(3)], tmp_path / "a.nii")
    assert not list(tmp_path.iterdir())


def test_images_of_other_libraries_are_chosen_from_alike():
    array = np.random.default_rng(0).random((4, 5, 6, 1, 3)).astype(np.float32)
    image = nib.Nifti1Image(array, AFFINE)
    assert np.array_equal(rk.read(image, channels=(2, 0)).data[0], array[..., 0, 2])
    assert rk.read(image, channels="luminance").channels == 1
    with pytest.raises(InputError, match="has no channel 7; allowed: 0 to 2"):
        rk.read(image, channels=(7, 0))


def test_numbers_from_a_record_are_a_tuple_again():
    assert ReadOptions(channels=[1, 3]).channels == (1, 3)
