"""Transform files that are damaged, or that reach beyond themselves."""

import struct

import h5py
import numpy as np
import pytest

from regkit import Affine, InputError, read_transform, write_transform


def refused(path, *words):
    with pytest.raises(InputError) as caught:
        read_transform(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message, message


@pytest.fixture
def h5(bend, tmp_path):
    return write_transform(bend, tmp_path / "a.h5")


@pytest.fixture
def tfm(tmp_path):
    return write_transform(Affine.identity(), tmp_path / "a.tfm")


def test_missing_or_empty(tmp_path):
    refused(tmp_path / "a.h5", "not found")
    (tmp_path / "a.h5").touch()
    refused(tmp_path / "a.h5", "is empty")


@pytest.mark.parametrize("suffix", [".h5", ".tfm", ".txt", ".mat"])
def test_something_else_under_the_name(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    refused(path, "is not an ITK transform")


@pytest.mark.parametrize("kind", ["external", "soft"])
def test_links(h5, tmp_path, kind):
    other = h5.rename(tmp_path / "b.h5")
    with h5py.File(h5, "w") as file:
        if kind == "soft":
            file["TransformGroup"] = h5py.SoftLink("/elsewhere")
        else:
            file["TransformGroup"] = h5py.ExternalLink(str(other), "/TransformGroup")
    refused(h5, "'TransformGroup' is a link")


def test_links_deep_inside(h5):
    with h5py.File(h5, "r+") as file:
        del file["TransformGroup/1/TransformParameters"]
        link = h5py.ExternalLink("/etc/passwd", "/x")
        file["TransformGroup/1/TransformParameters"] = link
    refused(h5, "'TransformParameters' is a link")


def test_values_in_another_file(h5, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(800))
    with h5py.File(h5, "r+") as file:
        group = file["TransformGroup/1"]
        del group["TransformParameters"]
        external = [(str(tmp_path / "secret"), 0, 800)]
        group.create_dataset("TransformParameters", (100,), "f8", external=external)
    refused(h5, "stored in another file")


def test_virtual_values(h5, tmp_path):
    with h5py.File(h5, "r+") as file:
        group = file["TransformGroup/1"]
        del group["TransformParameters"]
        layout = h5py.VirtualLayout((100,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "b.h5"), "x", shape=(100,))
        group.create_virtual_dataset("TransformParameters", layout)
    refused(h5, "stored in another file")


def test_a_loop_of_groups(h5):
    with h5py.File(h5, "r+") as file:
        file["TransformGroup/1/again"] = file["TransformGroup"]
    refused(h5, "nested more than 3 deep")


def test_a_claim_larger_than_the_file(h5):
    with h5py.File(h5, "r+") as file:
        group = file["TransformGroup/1"]
        del group["TransformParameters"]
        group.create_dataset("TransformParameters", (2**40,), "f8", chunks=(2**20,))
    refused(h5, "claims 8796093022208 bytes")


def test_field_of_another_size(h5):
    with h5py.File(h5, "r+") as file:
        file["TransformGroup/1/TransformFixedParameters"][0] = 5000
    refused(h5, "needs", "the file is damaged")


def test_wrong_groups(h5):
    with h5py.File(h5, "r+") as file:
        file.move("TransformGroup", "Other")
    refused(h5, "no TransformGroup")
    with h5py.File(h5, "r+") as file:
        file.create_group("TransformGroup")
    refused(h5, "names no transform")
    with h5py.File(h5, "r+") as file:
        file.create_group("TransformGroup/0")
    refused(h5, "is damaged")
    with h5py.File(h5, "r+") as file:
        file.create_group("TransformGroup/first")
    refused(h5, "is damaged")


def test_cut_hdf5(h5):
    h5.write_bytes(h5.read_bytes()[:-5000])
    refused(h5, "is damaged")


def test_several_transforms_outside_a_composite(tfm):
    text = tfm.read_text()
    tfm.write_text(text + "\n".join(text.splitlines()[1:]) + "\n")
    refused(tfm, "holds 2 transforms outside a composite", "AffineTransform_double_3_3")


def test_reference_to_another_file(tfm):
    text = tfm.read_text().replace("AffineTransform_double", "CompositeTransform_double")
    tfm.write_text(text + "ComponentTransformFile: ../other.tfm\n")
    refused(tfm, "refers to other files")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("AffineTransform", "ThinPlateSplineKernelTransform", "ThinPlateSplineKernelTransform"),
        ("_3_3", "_4_4", "AffineTransform_double_4_4"),
        ("Parameters: 1 0", "Parameters: nan 0", "AffineTransform_double_3_3"),
        ("Transform: ", "Transformation: ", "names no transform"),
        ("AffineTransform_double_3_3", "Aff\u00efne", "names a transform 'Aff\\xefne'"),
    ],
)
def test_text_that_itk_cannot_use(tfm, old, new, word):
    assert old in tfm.read_text()
    tfm.write_text(tfm.read_text().replace(old, new))
    refused(tfm, word)


@pytest.mark.parametrize("suffix", [".tfm", ".mat"])
def test_far_too_large_for_an_affine(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(bytes(5 << 20))
    refused(path, "an affine takes less than")


def test_matlab_variables(tmp_path):
    path = write_transform(Affine.identity(), tmp_path / "a.mat")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    refused(path, "its data are cut")
    path.write_bytes(whole + whole)
    refused(path, "2 transforms outside a composite")
    name = b"NoTransform_double_3_3\0"
    values = np.zeros(12).tobytes()
    path.write_bytes(struct.pack("<5i", 0, 12, 1, 0, len(name)) + name + values)
    refused(path, "NoTransform_double_3_3", "cannot be read")
