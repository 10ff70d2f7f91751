import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import Grid, InputError, ResourceError, Volume, read
from regkit.geometry.affines import rotation
from regkit.io import itk, itk_writing, open_image, preflight, save
from regkit.io.formats.nrrd import NRRD


def refused(path, *words, **options):
    with pytest.raises(InputError) as caught:
        read(path, **options).load()
    message = str(caught.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message, message


def edited(path, pattern, replacement):
    """The file with the first match in its bytes replaced."""
    content = re.sub(pattern, replacement, path.read_bytes(), count=1)
    assert content != path.read_bytes()
    path.write_bytes(content)
    return path


@pytest.fixture
def nrrd(head, tmp_path):
    return save(head, tmp_path / "a.nrrd")


@pytest.fixture
def mha(head, tmp_path):
    return save(head, tmp_path / "a.mha")


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.mhd"])
def test_round_trip(head, tmp_path, name):
    found = read(save(head, tmp_path / name))
    assert torch.equal(found.data, head.data)
    assert_allclose(found.grid.affine, head.grid.affine, atol=1e-9)
    assert found.name == name


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.nhdr", "a.mhd"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "uint32", "float64"])
def test_compressed_files_of_simpleitk(tmp_path, name, dtype):
    data = np.random.default_rng(0).integers(0, 100, (6, 7, 8)).astype(dtype)
    image = sitk.GetImageFromArray(data)
    image.SetSpacing((1.0, 2.0, 3.0))
    sitk.WriteImage(image, tmp_path / name, useCompression=True)
    found = read(tmp_path / name)
    assert np.array_equal(found.data[0].numpy().transpose(2, 1, 0), data)
    assert_allclose(found.grid.affine, np.diag([-1, -2, 3, 1]))
    assert preflight(tmp_path / name).grid == found.grid


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_two_dimensions(tmp_path, name):
    affine = np.eye(3)
    affine[:2] = np.c_[rotation([0.3]) @ np.diag([-1.2, 0.8]), [7, -5]]
    flat = Volume(torch.rand(9, 7), Grid((9, 7), affine))
    found = read(save(flat, tmp_path / name))
    assert torch.equal(found.data, flat.data)
    assert_allclose(found.grid.affine, affine, atol=1e-9)


def test_nrrd_in_ras(nrrd, head):
    """Another program may store RAS; only the signs in the file differ."""
    text = nrrd.read_bytes().split(b"\n\n", 1)
    lines = text[0].decode().split("\n")
    for at, line in enumerate(lines):
        if line.startswith("space:"):
            lines[at] = "space: right-anterior-superior"
        elif line.startswith(("space directions", "space origin")):
            lines[at] = re.sub(r"\(([^,]+),([^,]+),", _negated, line)
    nrrd.write_bytes("\n".join(lines).encode() + b"\n\n" + text[1])
    assert_allclose(read(nrrd).grid.affine, head.grid.affine, atol=1e-6)


def _negated(match):
    return f"({-float(match[1])},{-float(match[2])},"


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_a_flipped_bit_in_compressed_data(tmp_path, name):
    """SimpleITK reads on and returns other voxels, without an error."""
    noise = np.random.default_rng(0).integers(0, 9, (6, 7, 8)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), tmp_path / name, useCompression=True)
    whole = (tmp_path / name).read_bytes()
    for place in range(len(whole) - 60, len(whole), 7):
        content = bytearray(whole)
        content[place] ^= 4
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"damaged|the file is cut"):
            read(tmp_path / name).load()


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_cut(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 9, (6, 7, 8)).astype(np.int16)
    for compressed in (False, True):
        sitk.WriteImage(sitk.GetImageFromArray(noise), tmp_path / name, useCompression=compressed)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-30])
        refused(tmp_path / name, "the file is cut")


def test_header_cut(nrrd, mha):
    nrrd.write_bytes(nrrd.read_bytes()[:150])
    refused(nrrd, "truncated header")
    mha.write_bytes(b"\n".join(mha.read_bytes().split(b"\n")[:6]) + b"\n")
    refused(mha, "truncated header")


@pytest.mark.parametrize("value", [b"nan", b"0", b"-1"])
def test_spacing(tmp_path, value, mha):
    path = edited(mha, rb"ElementSpacing = \S+", b"ElementSpacing = " + value)
    refused(path, "axis 0 has spacing", "finite and positive")
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nspacings: 1 " + value
    path = tmp_path / "b.nrrd"
    path.write_bytes(header + b" 1\nendian: little\nencoding: raw\n\n" + bytes(16))
    refused(path, "axis 1 has spacing", "finite and positive", assume_ras=True)


@pytest.mark.parametrize("value", [b"(nan,0,0)", b"(0,0,0)"])
def test_nrrd_directions(nrrd, value):
    path = edited(nrrd, rb"space directions: \([^)]*\)", b"space directions: " + value)
    refused(path, "axis 0 has spacing")


def test_nrrd_without_directions(nrrd):
    refused(edited(nrrd, rb"space directions: [^\n]*", b"space directions: none"), "vectors")


def test_nrrd_sheared_or_singular(nrrd):
    def directions(text):
        return edited(nrrd, rb"space directions: [^\n]*", b"space directions: " + text)

    refused(directions(b"(1,0,0) (0.2,1,0) (0,0,1)"), "sheared")
    with pytest.raises(InputError, match=r"a.nrrd: "):
        read(directions(b"(1,0,0) (1,0,0) (0,0,1)"))


def test_no_orientation(tmp_path):
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nspacings: 1 2 3\n"
    path = tmp_path / "a.nrrd"
    path.write_bytes(header + b"endian: little\nencoding: raw\n\n" + bytes(16))
    refused(path, "no orientation", "assume_ras=True")
    assert_allclose(read(path, assume_ras=True).grid.affine, np.diag([1, 2, 3, 1]))


def as_simpleitk(path):
    """Where SimpleITK says that the first voxels lie, in RAS+."""
    image = sitk.ReadImage(path)
    corners = [image.TransformIndexToPhysicalPoint(i) for i in ((0, 0, 0), (1, 2, 3))]
    return np.array(corners) * [-1, -1, 1]


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (rb"TransformMatrix[^\n]*\n", b""),
        (rb"ElementSpacing[^\n]*\n", b""),
        (rb"ElementSpacing[^\n]*\n", b"ElementSize = 1 2 3\n"),
        (rb"ElementSpacing", b"ElementSize = 1 2 3\nElementSpacing"),
        (rb"MET_FLOAT", b"MET_LONG"),
        (rb"MET_FLOAT", b"MET_ULONG"),
    ],
)
def test_what_metaimage_leaves_out_is_read_as_itk_does(mha, pattern, replacement):
    path = edited(mha, pattern, replacement)
    found = read(path)
    points = found.grid.to_world(torch.tensor([[0.0, 0, 0], [1, 2, 3]], dtype=torch.float64))
    assert_allclose(points, as_simpleitk(path), atol=1e-6)
    stored = sitk.GetArrayFromImage(sitk.ReadImage(path)).transpose(2, 1, 0)
    assert np.array_equal(found.data[0], stored.astype(found.data[0].numpy().dtype))


@pytest.mark.parametrize(
    ("unit", "factor"), [("um", 1e-3), ("mm", 1), ("cm", 10), ("?", 1), ("m", 1e3)]
)
def test_units_of_metaimage(mha, head, unit, factor):
    path = edited(mha, rb"NDims = 3\n", f"NDims = 3\nDistanceUnits = {unit}\n".encode())
    affine = read(path).grid.affine
    assert_allclose(affine[:3], factor * head.grid.affine[:3], rtol=1e-6, atol=1e-9)


def test_metaimage_with_what_itk_found_in_nifti(head, tmp_path):
    """Its header has lines such as dim[0] = 3."""
    sitk.WriteImage(sitk.ReadImage(save(head, tmp_path / "a.nii")), tmp_path / "a.mha")
    assert b"dim[0] = 3" in (tmp_path / "a.mha").read_bytes()
    assert torch.equal(read(tmp_path / "a.mha").data, head.data)


def test_units_of_nrrd(nrrd, head):
    path = edited(nrrd, rb"sizes", b'space units: "um" "um" "um"\nsizes')
    assert_allclose(read(path).grid.affine[:3], 1e-3 * head.grid.affine[:3], rtol=1e-6, atol=1e-9)
    refused(edited(path, rb'"um" "um"', b'"um" "mm"'), "differs from axis to axis")
    refused(edited(path, rb'"um" "mm"', b'"yard" "yard"'), "'yard'", "allowed: m, cm, mm, um, nm")


def test_units_of_nrrd_beside_spacings(tmp_path):
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nspacings: 100 200 300\n"
    path = tmp_path / "a.nrrd"
    units = b'units: "um" "um" "um"\nendian: little\nencoding: raw\n\n'
    path.write_bytes(header + units + bytes(16))
    assert_allclose(read(path, assume_ras=True).grid.spacing, [0.1, 0.2, 0.3])


@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
def test_the_size_of_compressed_data_is_optional(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 9, (6, 7, 8)).astype(np.int16)
    path = tmp_path / name
    sitk.WriteImage(sitk.GetImageFromArray(noise), path, useCompression=True)
    size = int(re.search(rb"CompressedDataSize = (\d+)", path.read_bytes())[1])
    for wrong in (size - 1, size + 1, 1, 10**6):
        edited(path, rb"CompressedDataSize = \d+", b"CompressedDataSize = %d" % wrong)
        refused(path, f"CompressedDataSize is {wrong}", f"take {size} bytes")
    refused(edited(path, rb"DataSize = \d+", b"DataSize = none"), "numbers only")
    refused(edited(path, rb"DataSize = none", b"DataSize = -4"), "one number, 1 or more")
    found = read(edited(path, rb"CompressedDataSize[^\n]*\n", b""))
    assert np.array_equal(found.data[0].numpy().transpose(2, 1, 0), noise)


def test_several_members_of_gzip(nrrd, head):
    import gzip

    start, voxels = nrrd.read_bytes().split(b"\n\n", 1)
    members = [gzip.compress(voxels[at : at + 9999]) for at in range(0, len(voxels), 9999)]
    packed = start.replace(b"encoding: raw", b"encoding: gzip") + b"\n\n"
    nrrd.write_bytes(packed + b"".join(members))
    assert torch.equal(read(nrrd).data, head.data)
    nrrd.write_bytes(packed + b"".join(members[:-1]))
    refused(nrrd, "the file is cut")
    nrrd.write_bytes(packed + b"".join(members)[:-5])
    refused(nrrd, "the file is cut")


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize(
    ("name", "word", "mark"),
    [("a.nrrd", b"endian: big", b"\n\n"), ("a.mha", b"MSB = True", b"LOCAL\n")],
)
def test_byte_orders(head, tmp_path, name, order, word, mark):
    path = save(head, tmp_path / name)
    if order == "big":
        edited(
            path,
            rb"endian: little|MSB = False",
            b"endian: big" if name == "a.nrrd" else b"MSB = True",
        )
        mark = b"\n\n" if name == "a.nrrd" else b"LOCAL\n"
        start, voxels = path.read_bytes().split(mark, 1)
        path.write_bytes(start + mark + np.frombuffer(voxels, "<f4").astype(">f4").tobytes())
    found = read(path)
    assert torch.equal(found.data, head.data)
    window = (slice(3, 9), slice(2, 20), slice(5, 6))
    assert torch.equal(open_image(path, window=window).data[0], head.data[0][window])


@pytest.mark.parametrize(
    "place", [b"../secret.txt", b"/etc/passwd", b"..", b"LIST", b"s%03d.raw 1 9 1"]
)
def test_data_elsewhere(head, tmp_path, place):
    (tmp_path / "secret.txt").write_bytes(bytes(100_000))
    inner = tmp_path / "inner"
    inner.mkdir()
    mhd = save(head, inner / "a.mhd")
    refused(edited(mhd, rb"(?<=ElementDataFile = ).*\n", place + b"\n"), "external data file")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((5, 5, 5))), inner / "a.nhdr")
    refused(edited(inner / "a.nhdr", rb"(?<=data file: ).*\n", place + b"\n"), "external data file")


def test_data_behind_a_link_or_missing(head, tmp_path):
    path = save(head, tmp_path / "a.mhd")
    (tmp_path / "a.raw").rename(tmp_path / "b.raw")
    refused(path, "'a.raw' is not a file")
    (tmp_path / "a.raw").symlink_to(tmp_path / "b.raw")
    refused(path, "'a.raw' is not a file")


@pytest.mark.parametrize(
    ("pattern", "replacement", "word"),
    [
        (rb"sizes: \S+", b"sizes: 0", "axis 0 is empty"),
        (rb"sizes: \S+", b"sizes: -4", "is negative"),
        (rb"sizes: \S+", b"sizes: 99999999", "the header claims"),
        (rb"sizes: \S+", b"sizes: a", "numbers only"),
        (rb"sizes: \S+", b"sizes: 2.5", "whole numbers"),
        (rb"sizes: [^\n]*", b"sizes: 5", "3 kinds for 1 axes"),
        (rb"sizes: [^\n]*\n", b"", "no field 'sizes'"),
        (rb"kinds: \w+", b"kinds: complex", "3 spacings for 2 axes"),
        (rb"kinds: \w+ \w+", b"kinds: list list", "at most one may"),
        (rb"type: \w+", b"type: block", "'block' is not supported"),
        (rb"encoding: \w+", b"encoding: bzip2", "'bzip2' is not supported"),
        (rb"encoding: raw", b"encoding: raw\nbyte skip: 9", "byte skip is 9"),
        (rb"encoding: raw", b"encoding: raw\nencoding: raw", "repeats a field"),
        (rb"encoding: raw", b"encoding raw", "is damaged"),
        (rb"encoding: raw", b"encoding: \xff\xfe", "not text"),
        (rb"# Complete", b"#" * 70000, "does not end within"),
    ],
)
def test_nrrd_fields(nrrd, pattern, replacement, word):
    refused(edited(nrrd, pattern, replacement), word)


@pytest.mark.parametrize(
    ("pattern", "replacement", "word"),
    [
        (rb"BinaryData = True", b"BinaryData = False", "BinaryData is False"),
        (rb"NDims = 3", b"NDims = 2", "NDims is 2"),
        (rb"MET_FLOAT", b"MET_STRING", "ElementType MET_STRING"),
        (rb"NDims = 3", b"NDims = 3\nHeaderSize = 10", "HeaderSize is 10"),
        (rb"NDims = 3", b"NDims = 3\nElementNumberOfChannels = 9", "the header claims"),
        (rb"NDims = 3", b"NDims = 3\nElementNumberOfChannels = 0", "1 or more"),
        (rb"NDims = 3", b"NDims = 3\nNDims = 3", "repeats a field"),
        (rb"NDims = 3", b"what?", "is damaged"),
        (rb"ElementSpacing = [^\n]*", b"ElementSpacing = 1", "1 numbers, and 3 axes need 3"),
        (rb"ElementSpacing = [^\n]*", b"ElementSpacing = 1 2", "2 numbers, and 3 axes need 3"),
        (rb"Offset = [^\n]*", b"Offset = 1 2", "Offset has 2 numbers"),
        (rb"TransformMatrix = [^\n]*", b"TransformMatrix = 1 0 0 1", "3 axes need 9"),
        (rb"ElementSpacing = [^\n]*", b"ElementSpacing = wide", "numbers only"),
    ],
)
def test_metaimage_fields(mha, pattern, replacement, word, capfd):
    refused(edited(mha, pattern, replacement), word)
    assert capfd.readouterr() == ("", "")  # MetaIO prints, and does not see it


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
@pytest.mark.parametrize("shape", [(6, 7, 8), (7, 8)])
def test_several_values_a_voxel(tmp_path, name, compressed, shape):
    data = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    colours = sitk.GetImageFromArray(data, isVector=True)
    colours.SetSpacing([1.0, 2.0, 3.0][: len(shape)])
    path = tmp_path / name
    sitk.WriteImage(colours, path, compressed)
    refused(path, "3 channels", "pass channel=N, N from 0 to 2")
    refused(path, "no channel 3", channel=3)
    found = read(path, channel=1)
    assert np.array_equal(found.data[0].numpy().T, data[..., 1])
    alone = sitk.VectorIndexSelectionCast(colours, 1)
    sitk.WriteImage(alone, tmp_path / f"one{path.suffix}")
    one = read(tmp_path / f"one{path.suffix}", channel=0)
    assert found.grid == one.grid
    assert np.array_equal(found.data, one.data)
    refused(tmp_path / f"one{path.suffix}", "no channel 1", channel=1)


def test_values_that_are_listed_last(nrrd):
    refused(edited(nrrd, rb"kinds: domain domain domain", b"kinds: domain domain list"), "damaged")


def test_a_series_of_colours(tmp_path):
    data = np.random.default_rng(0).integers(0, 255, (2, 6, 7, 8, 3)).astype(np.uint8)
    frames = [sitk.GetImageFromArray(frame, isVector=True) for frame in data]
    sitk.WriteImage(sitk.JoinSeries(frames), tmp_path / "a.mha")
    refused(tmp_path / "a.mha", "3 channels", frame=1)
    found = read(tmp_path / "a.mha", frame=1, channel=2)
    assert np.array_equal(found.data[0].numpy().T, data[1, ..., 2])


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_shear(tmp_path, head, name):
    path = save(head, tmp_path / name)
    row = rb"(?<=space directions: )\([^)]*\)" if name == "a.nrrd" else rb"(?<=TransformMatrix = )"
    affine = head.grid.affine.copy()
    if name == "a.nrrd":
        path = edited(path, row, b"(1.3,0.5,0.0)")
        affine[:3, 0] = [-1.3, -0.5, 0.0]
    else:
        path = edited(path, row + rb"\S+ \S+ \S+", b"0.8 0.6 0")
        affine[:3, 0] = np.array([-0.8, -0.6, 0.0]) * head.grid.spacing[0]
    refused(path, "sheared", "allow_shear=True")
    found = read(path, allow_shear=True)
    assert_allclose(found.grid.affine, affine, atol=1e-6)
    assert np.array_equal(found.data, head.data)


def test_frames(tmp_path):
    data = np.random.default_rng(0).random((3, 6, 7, 8)).astype(np.float32)
    image = sitk.JoinSeries([sitk.GetImageFromArray(frame) for frame in data])
    image.SetSpacing((1.0, 2.0, 3.0, 1.0))
    sitk.WriteImage(image, tmp_path / "a.mha")
    refused(tmp_path / "a.mha", "3 frames", "frame=N")
    found = read(tmp_path / "a.mha", frame=2)
    assert np.array_equal(found.data[0].numpy().transpose(2, 1, 0), data[2])
    assert_allclose(found.grid.affine, np.diag([-1, -2, 3, 1]))


def test_voxels_that_are_not_finite(tmp_path):
    bad = Volume(torch.full((3, 3, 3), torch.nan), Grid((3, 3, 3), np.eye(4)))
    path = save(bad, tmp_path / "a.mha")
    refused(path, "27 of 27 voxels")
    assert float(read(path, nan=0).data.abs().sum()) == 0


def test_inside_gzip_or_under_another_name(nrrd):
    import gzip

    packed = nrrd.with_name("a.nrrd.gz")
    packed.write_bytes(gzip.compress(nrrd.read_bytes()))
    refused(packed, "NRRD inside gzip")
    refused(nrrd.rename(nrrd.with_name("a.dat")), "content is NRRD")


def test_what_simpleitk_cannot_read(nrrd):
    refused(edited(nrrd, rb"endian: little\n", b""), "cannot be read")


def test_messages_of_itk_lose_their_addresses():
    """ITK begins them with the class and the place in memory of the object that complains."""
    said = "itkObject.cxx:9:\nITK ERROR: TxtTransformIOTemplate(0x55d1e7a3c2f0): Tags must be"
    assert itk.itk_reason(RuntimeError(said)) == "Tags must be"
    on_windows = "ITK ERROR: NrrdImageIO(000001F2A8E3B0C0): Error reading a.nrrd (0xff)"
    assert itk.itk_reason(RuntimeError(on_windows)) == "Error reading a.nrrd (0xff)"


def test_what_the_disk_lost_is_noticed(head, tmp_path, monkeypatch):
    def other(data, grid, path, *, repetition):
        itk_writing.write_with(lambda: path.write_bytes(whole[:-8] + bytes(8)), path, 0)

    whole = save(head.with_data(head.data + 1), tmp_path / "whole.nrrd").read_bytes()
    form = replace(NRRD, write=other)
    monkeypatch.setattr("regkit.io.output_checks.writer", lambda *_: form)
    with pytest.raises(ResourceError, match=r"^a.nrrd: reads back differently"):
        save(head, tmp_path / "a.nrrd")
    assert [path.name for path in tmp_path.iterdir()] == ["whole.nrrd"]


def test_failures_of_a_writer(tmp_path, monkeypatch):
    def fail():
        free.append(0)
        raise RuntimeError("Exception thrown\nITK ERROR: no\n")

    free = []
    with pytest.raises(InputError, match=r"a.mha: cannot be written: ITK ERROR: no"):
        itk_writing.write_with(fail, tmp_path / "a.mha", 0)
    with pytest.raises(ResourceError, match=rf"{tmp_path}: no space left to write \(4.0 EiB are"):
        itk_writing.write_with(fail, tmp_path / "a.mha", 2**62)
    assert len(free) == 1
    monkeypatch.setattr(itk_writing, "free_space", lambda _: 10 - 10 * len(free))
    free.clear()
    with pytest.raises(ResourceError, match="no space left"):
        itk_writing.write_with(fail, tmp_path / "a.mha", 5)


def test_full_disk_in_a_staging_folder_names_the_folder(head, tmp_path, monkeypatch):
    monkeypatch.setattr(itk_writing, "free_space", lambda _: 5)
    with pytest.raises(ResourceError, match=rf"^{tmp_path}: no space left"):
        save(head, tmp_path / "a.mhd")
    assert not list(tmp_path.iterdir())
