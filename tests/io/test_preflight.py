import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.testing import assert_allclose

from regkit import InputError, read, read_labels
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import ReadOptions, open_image, preflight
from tests.io.conftest import AFFINE

OBLIQUE = homogeneous(rotation([0.2, -0.15, 0.3]) @ np.diag([-1.3, 1.1, 1.9]), [21, -13.5, 4.25])
SHEAR = np.array([[2.0, 0.1, 0, 0], [0, 1.5, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])


def refused(path, *words, **options):
    """Reading fails with one line that names the file and says all the words."""
    with pytest.raises(InputError) as caught:
        read(path, **options).load()
    message = str(caught.value)
    assert "\n" not in message
    for word in (Path(path).name, *words):
        assert word in message, message


def test_a_header_says_where_and_what_without_reading_voxels(forge):
    header = preflight(forge("a.nii.gz"))
    assert header.grid.shape == (8, 9, 10)
    assert header.grid.orientation == "LAS"
    assert (header.dtype, header.format, header.frames) == ("int16", "NIfTI", 1)


def test_missing(tmp_path):
    refused(tmp_path / "no.nii", "not found")


def test_broken_link(tmp_path):
    (tmp_path / "no.nii").symlink_to(tmp_path / "gone.nii")
    refused(tmp_path / "no.nii", "a link to a file that is not there")


def test_name_with_a_null_byte_or_too_long(tmp_path):
    for name in ("a\0.nii", "a" * 300 + ".nii"):
        with pytest.raises(InputError, match="not found"):
            read(tmp_path / name)


def test_directory(tmp_path):
    refused(tmp_path, "is a directory", "DICOM")


def test_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.nii")
    refused(tmp_path / "pipe.nii", "not a regular file")


def test_no_permission_to_open(forge, monkeypatch):
    path = forge("a.nii")

    def closed(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    refused(path, "no permission")


def test_no_permission_to_look(tmp_path, monkeypatch):
    def closed(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)
    refused(tmp_path / "a.nii", "no permission")


def test_empty(tmp_path):
    (tmp_path / "a.nii").touch()
    refused(tmp_path / "a.nii", "is empty")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_text_under_the_name_of_an_image(tmp_path, name):
    (tmp_path / name).write_text("this is a letter to the editor\n" * 40)
    refused(tmp_path / name, "not a ", "check its origin")


def test_unknown_content(tmp_path):
    (tmp_path / "a.img").write_bytes(b"\1\2\3")
    refused(tmp_path / "a.img", "not an image that regkit knows", ".nii.gz")


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"#Insight Transform File V1.0", "ITK transform"),
        (b"\x5c\x01\0\0" + bytes(340) + b"ni1\0" + bytes(400), "two-file NIfTI"),
    ],
)
def test_other_formats_are_named(tmp_path, start, word):
    (tmp_path / "a.nii").write_bytes(start + bytes(200))
    refused(tmp_path / "a.nii", word, "not supported")


def test_header_cut(forge):
    for name in ("a.nii", "a.nii.gz"):
        path = forge(name)
        content = gzip.decompress(path.read_bytes()) if name == "a.nii.gz" else path.read_bytes()
        path.write_bytes(gzip.compress(content[:200]) if name == "a.nii.gz" else content[:200])
        refused(path, "truncated header", "200 of 352")


def test_data_cut(forge):
    path = forge("a.nii")
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, "expected 1440 bytes, found 1340")


def test_compressed_data_cut(forge, generator):
    noise = np.random.default_rng(0).integers(0, 30000, (8, 9, 10)).astype(np.int16)
    path = forge("a.nii.gz", noise)
    for keep in (0.95, 0.5, 0.02):
        whole = forge("b.nii.gz", noise).read_bytes()
        path.write_bytes(whole[: int(keep * len(whole))])
        refused(path, "compressed data end early")


def test_wrong_checksum_and_flipped_bits(forge):
    noise = np.random.default_rng(0).integers(0, 30000, (8, 9, 10)).astype(np.int16)
    path = forge("a.nii.gz", noise)
    whole = path.read_bytes()
    for place in (len(whole) - 6, len(whole) // 2, len(whole) - 60):
        content = bytearray(whole)
        content[place] ^= 1
        path.write_bytes(content)
        refused(path, "damaged")


def test_junk_after_the_compressed_data(forge):
    path = forge("a.nii.gz")
    path.write_bytes(path.read_bytes() + b"junk")
    refused(path, "what follows them is damaged")


def test_bomb_after_the_voxels(forge, monkeypatch):
    from regkit.io import stored

    monkeypatch.setattr(stored, "_MAX_TAIL", 1 << 20)
    path = forge("a.nii.gz")
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(3 << 20)))
    refused(path, "after its voxels")


def test_name_and_compression_disagree(forge):
    plain, packed = forge("a.nii"), forge("b.nii.gz")
    refused(plain.rename(plain.with_name("c.nii.gz")), "is not gzip", "rename it to .nii")
    refused(packed.rename(packed.with_name("d.nii")), "is gzip", "rename it to .nii.gz")


def test_name_and_format_disagree(forge):
    path = forge("a.nii")
    refused(path.rename(path.with_name("a.nrrd")), "content is NIfTI", "name says NRRD")


def test_content_decides_where_the_name_says_nothing(forge):
    path = forge("a.nii")
    assert read(path.rename(path.with_name("scan"))).grid.shape == (8, 9, 10)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_lying_header_allocates_nothing(forge, name):
    path = forge(name, dim={1: 32767, 2: 32767, 3: 32767})
    refused(path, "64.0 TiB", "found")


def test_gzip_bomb(forge):
    data = np.zeros((100, 100, 100), dtype=np.float32)
    path = forge("a.nii.gz", data)
    refused(path, "3.8 MiB", "exceeds", "max_bytes", max_bytes=2**20)
    assert read(path, max_bytes=2**22).grid.shape == (100, 100, 100)


@pytest.mark.parametrize(
    ("dim", "word"),
    [
        ({1: -8}, "dimension 1 = -8"),
        ({1: 0}, "axis 0 is empty"),
        ({0: 99}, "ndim is 99"),
        ({0: 0}, "ndim is 0"),
        ({0: 1}, "only one dimension"),
        ({0: 6, 6: 2}, "6 dimensions"),
    ],
)
def test_dimensions(forge, dim, word):
    refused(forge("a.nii", dim=dim), word)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0, "spacing 0"),
        (-1, "spacing -1"),
        (np.nan, "finite"),
        (np.inf, "finite"),
        (1e-9, "xyzt_units"),
        (1e6, "implausible"),
    ],
)
def test_spacing(forge, value, word):
    refused(forge("a.nii", pixdim={2: value}), "axis 1", word)


@pytest.mark.parametrize(("code", "factor"), [(0, 1), (1, 1e3), (2, 1), (3, 1e-3)])
@pytest.mark.parametrize("forms", [("sform",), ("qform",), ("sform", "qform"), ()])
def test_units_become_millimetres(forge, code, factor, forms):
    affine = AFFINE.copy()
    affine[:3, 3] = [20.0, -30.0, 10.0]
    affine[:3] /= factor
    path = forge("a.nii", affine=affine, forms=forms, xyzt_units=code)
    found = read(path, assume_ras=not forms).grid
    assert_allclose(found.spacing, [2, 1.5, 3], rtol=1e-6)
    if forms:
        assert_allclose(found.affine[:3] / factor, affine[:3], rtol=1e-6)


def test_micrometres_are_what_simpleitk_takes_them_for(forge):
    path = forge("a.nii", affine=np.diag([-500.0, 700, 900, 1]), xyzt_units=3)
    assert_allclose(read(path).grid.spacing, sitk.ReadImage(path).GetSpacing(), rtol=1e-6)


@pytest.mark.parametrize("sign", [0.0, 1.0, -1.0, 7.0, -3.0])
def test_only_the_sign_of_the_first_pixdim_counts(forge, sign):
    """The standard: it is 1 or -1, and 0 means 1."""
    path = forge("a.nii", affine=OBLIQUE, forms=("qform",))
    right = read(path).grid.affine
    content = bytearray(path.read_bytes())
    stored = np.frombuffer(content, "<f4", 1, 76)[0]
    content[76:80] = np.float32(sign).tobytes()
    path.write_bytes(content)
    flip = 1.0 if (sign < 0) == (stored < 0) else -1.0
    assert_allclose(read(path).grid.affine[:3, :2], right[:3, :2], atol=1e-6)
    assert_allclose(read(path).grid.affine[:3, 2], flip * right[:3, 2], atol=1e-6)


def test_form_codes_that_the_standard_does_not_know(forge):
    path = forge("a.nii", qoffset_x=50.0, sform_code=6)
    assert_allclose(read(path).grid.affine[0, 3], 50)
    refused(forge("b.nii", sform_code=17, qform_code=-1), "no orientation")
    assert read(forge("c.nii", sform_code=5, forms=("sform",))).grid.orientation == "LAS"


def test_origin_beyond_the_world(forge):
    affine = np.diag([-2.0, 1.5, 3, 1])
    affine[2, 3] = 1e30
    refused(forge("a.nii", affine=affine), "first voxel at (0, 0, 1e+30)", "implausible")


def test_sform_not_finite(forge):
    refused(forge("a.nii", srow_x=[np.nan, 0, 0, 0]), "affine (sform) is not finite", "'qform'")


def test_sform_singular(forge):
    path = forge("a.nii", forms=("sform",), pixdim={1: 1, 2: 1, 3: 1}, srow_x=[0, 0, 0, 0])
    refused(path, "affine (sform) is not invertible")


def test_sform_implausible(forge):
    path = forge("a.nii", affine=np.diag([-2.0, 1.5, 3e4, 1.0]), pixdim={3: 3.0})
    refused(path, "axis 2", "implausible", geometry="sform")


def test_sform_sheared(forge):
    path = forge("a.nii", forms=("sform",), affine=SHEAR, pixdim={1: 2, 2: 1.5, 3: 3})
    refused(path, "sheared", "0.067", "resample")


def test_qform_not_a_rotation(forge):
    refused(forge("a.nii", forms=("qform",), quatern_b=2.0), "qform", "not a rotation")


def test_forms_disagree(forge):
    path = forge("a.nii", qoffset_x=50.0)
    refused(path, "disagree by 50.0 mm", "geometry='sform'")
    assert_allclose(read(path, geometry="sform").grid.affine[0, 3], 0)
    assert_allclose(read(path, geometry="qform").grid.affine[0, 3], 50)
    with pytest.raises(InputError, match="allowed: 'sform' or 'qform'"):
        read(path, geometry="best")


def test_form_asked_for_is_absent(forge):
    refused(forge("a.nii", forms=("sform",)), "has no qform", geometry="qform")


def test_forms_within_rounding_of_a_half_turn_agree(forge):
    """The quaternion of a turn by nearly 180 degrees loses up to 1e-3 rad in float32."""
    from regkit.geometry.affines import homogeneous, rotation

    linear = rotation([0.0, 3e-4, np.pi - 1e-4]) @ np.diag([1.0, 1.0, 1.0])
    data = np.zeros((256, 8, 8), dtype=np.int16)
    path = forge("a.nii", data, affine=homogeneous(linear, [0, 0, 0]))
    assert_allclose(read(path).grid.affine[:3, :3], linear, atol=1e-6)


def test_no_orientation(forge):
    path = forge("a.nii", forms=())
    refused(path, "no orientation", "assume_ras=True")
    assert_allclose(read(path, assume_ras=True).grid.affine, np.diag([2, 1.5, 3, 1]))


@pytest.mark.parametrize(
    ("dtype", "word"), [(np.complex64, "complex64"), (np.complex128, "complex128")]
)
def test_complex(forge, dtype, word):
    refused(forge("a.nii", np.zeros((8, 8, 8), dtype)), word, "not supported")


@pytest.mark.parametrize(
    ("code", "word"), [(1, "1-bit"), (9999, "datatype code 9999"), (1536, "float128")]
)
def test_datatypes(forge, code, word):
    refused(forge("a.nii", datatype=code), word, "not supported")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(("letters", "code"), [("RGB", 128), ("RGBA", 2304)])
def test_channels(forge, name, letters, code):
    count = len(letters)
    colours = np.random.default_rng(0).integers(0, 255, (8, 9, 10, count)).astype(np.uint8)
    lying = colours.transpose(3, 0, 1, 2).reshape(8 * count, 9, 10, order="F")  # side by side
    path = forge(
        name, lying, dim={1: 8}, datatype=code, bitpix=8 * count, scl_slope=2.0, scl_inter=1.0
    )
    refused(path, f"{count} channels", f"pass channel=N, N from 0 to {count - 1}")
    refused(path, f"no channel {count}", channel=count)
    refused(path, "no channel -1", channel=-1)
    for channel in range(count):
        assert np.array_equal(read(path, channel=channel).data[0], colours[..., channel])
    assert preflight(path, ReadOptions(channel=1)).dtype == letters
    labels = read_labels(path, channel=1)
    assert np.array_equal(labels.data[0], colours[..., 1])


def test_one_channel(forge):
    assert read(forge("a.nii"), channel=0).data.shape == (1, 8, 9, 10)
    refused(forge("a.nii"), "no channel 1; allowed: 0 to 0", channel=1)


def test_shear_that_is_allowed(forge):
    path = forge("a.nii", forms=("sform",), affine=SHEAR, pixdim={1: 2, 2: 1.5033, 3: 3})
    refused(path, "sheared", "allow_shear=True")
    found = read(path, allow_shear=True)
    assert_allclose(found.grid.affine, SHEAR, atol=1e-6)
    with pytest.raises(InputError, match="straightened"):
        found.save(path.with_name("b.nii"))
    both = forge("b.nii", pixdim={1: 2, 2: 1.5033, 3: 3}, srow_x=SHEAR[0])
    refused(both, "sheared", "or pass geometry='qform'")
    refused(both, "disagree", "geometry='sform'", allow_shear=True)
    assert read(both, allow_shear=True, geometry="sform").grid.affine[0, 1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        ({"geometry": "both"}, "'sform' or 'qform'"),
        ({"frame": "first"}, "frame is 'first'"),
        ({"allow_shear": 1}, "allow_shear is 1"),
        ({"max_bytes": None}, "max_bytes is None"),
    ],
)
def test_choices_of_another_kind(forge, choice, word):
    with pytest.raises(InputError, match=word):
        read(forge("a.nii"), **choice)


def test_frames(forge):
    data = np.arange(8 * 9 * 10 * 3, dtype=np.int16).reshape(8, 9, 10, 3)
    for name in ("a.nii", "a.nii.gz"):
        path = forge(name, data)
        refused(path, "3 frames", "frame=N")
        refused(path, "no frame 3", "0 to 2", frame=3)
        assert np.array_equal(read(path, frame=1).data[0].numpy(), data[..., 1])


@pytest.mark.parametrize("whole", [True, False])
def test_later_frames_cut(forge, whole):
    """Frame 0 is there, and the file is damaged all the same."""
    noise = np.random.default_rng(0).integers(0, 30000, (8, 9, 10, 3)).astype(np.int16)
    content = forge("a.nii", noise).read_bytes()[:-2000]
    packed = gzip.compress(content) if whole else gzip.compress(content)[:-9]
    path = forge("b.nii.gz", noise)
    path.write_bytes(packed)
    refused(path, "the file is cut" if whole else "data end early", frame=0)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_window_is_a_part_of_the_image(forge, name):
    data = np.arange(8 * 9 * 10 * 2, dtype=np.int16).reshape(8, 9, 10, 2)
    header = preflight(forge(name, data, affine=OBLIQUE), ReadOptions(frame=1))
    part = open_image(header, window=(slice(2, 5), slice(0, 9), slice(4, 6)))
    assert np.array_equal(part.data[0], data[2:5, :, 4:6, 1])
    assert_allclose(part.grid.affine, open_image(header).grid.window((2, 0, 4), (3, 9, 2)).affine)
    with pytest.raises(InputError, match=r"a.nii.*: has no window \[2:9, 0:9, 0:1\]; .* 8x9x10"):
        open_image(header, window=(slice(2, 9), slice(0, 9), slice(0, 1)))
    with pytest.raises(InputError, match="has no level 1; allowed: 0 to 0"):
        open_image(header, level=1)


def test_a_window_of_a_plain_file_reads_only_its_slices(forge):
    """What lies before and behind is not even looked at."""
    data = np.ones((8, 9, 10), np.float32)
    header = preflight(forge("a.nii", data))
    content = header.path.read_bytes()
    header.path.write_bytes(content[: len(content) - 4 * 8 * 9 * 5])
    part = open_image(header, window=(slice(0, 8), slice(0, 9), slice(2, 5)))
    assert float(part.data.min()) == 1
    with pytest.raises(InputError, match="cannot be read"):
        open_image(header)


def test_one_frame_is_an_image(forge):
    data = np.zeros((8, 9, 10, 1), dtype=np.int16)
    assert read(forge("a.nii", data)).grid.shape == (8, 9, 10)


@pytest.mark.parametrize("intent", [1007, 0])
def test_displacement_field_given_as_image(forge, intent):
    data = np.arange(8 * 9 * 10 * 3, dtype=np.float32).reshape(8, 9, 10, 1, 3)
    path = forge("a.nii", data, intent_code=intent)
    refused(path, "looks like a displacement field", "channel=N, N from 0 to 2")
    assert np.array_equal(read(path, channel=2).data[0], data[..., 0, 2])


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_channels_in_the_fifth_dimension(forge, name):
    data = np.random.default_rng(0).random((8, 9, 10, 2, 4)).astype(np.float32)
    path = forge(name, data)
    refused(path, "4 channels", frame=0)
    assert np.array_equal(read(path, frame=1, channel=3).data[0], data[..., 1, 3])


@pytest.mark.parametrize("intent", [2006, 2007, 2008, 2009, 2016, 2017, 2018])
def test_warps_of_fsl_given_as_images(forge, intent):
    path = forge("a.nii", np.zeros((8, 9, 10, 3), np.float32), intent_code=intent)
    refused(path, "FNIRT" if intent < 2010 else "TOPUP", "not an image")


@pytest.mark.parametrize("offset", [np.nan, 100.0, 0.0, 1e9])
def test_vox_offset(forge, offset):
    refused(forge("a.nii", vox_offset=offset), "vox_offset")


@pytest.mark.parametrize(
    "scaling",
    [
        {"scl_slope": 3e38, "scl_inter": 0.0},
        {"scl_slope": 1.0, "scl_inter": np.inf},
        {"scl_slope": np.inf, "scl_inter": 0.0},
    ],
)
def test_scaling_that_overflows(forge, scaling):
    refused(forge("a.nii", **scaling), "overflows float32")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_not_finite(forge, value):
    data = np.ones((8, 9, 10), dtype=np.float32)
    data[3, 4, 5] = value
    path = forge("a.nii.gz", data)
    refused(path, "1 of 720 voxels", "nan=0")
    mended = read(path, nan=0).data[0].numpy()
    assert mended[3, 4, 5] == 0
    assert mended.sum() == 719


def test_header_size_of_neither_kind(forge):
    refused(forge("a.nii", sizeof_hdr=100), "header size")


def test_tilted_2d_image(forge):
    from regkit.geometry.affines import homogeneous, rotation

    affine = homogeneous(rotation([0.3, 0, 0]), [0, 0, 0])
    refused(forge("a.nii", np.zeros((8, 9), np.int16), affine=affine), "tilted")


def test_line_breaks_in_names_stay_out_of_messages(tmp_path):
    with pytest.raises(InputError, match=r"two\\nlines.nii: not found"):
        read(tmp_path / "two\nlines.nii")
