"""Transform files that are damaged, or that reach beyond themselves."""

import struct

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

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
    path.write_text("this is a letter to the editor\n" * 40)
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
    refused(h5, "nested too deep")


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
    refused(path, "holds a NoTransform, which is not supported")


@pytest.mark.parametrize("centre", ["0 0 0", "12.25 -3.5 7.125"])
def test_a_text_transform_cut_anywhere(tmp_path, centre):
    """SimpleITK takes most of these for the identity."""
    path = tmp_path / "a.tfm"
    whole = (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: 0.9 0.1 0 -0.1 0.9 0 0 0 1.1 12.5 -7.25 3.125\nFixedParameters: {centre}\n"
    )
    for end in range(1, len(whole)):
        path.write_text(whole[:end])
        refused(path)
    path.write_text(whole)
    assert read_transform(path).matrix[0, 0] == pytest.approx(0.9)


KINDS = [
    sitk.AffineTransform(3),
    sitk.AffineTransform(2),
    sitk.Euler3DTransform(),
    sitk.VersorRigid3DTransform(),
    sitk.Similarity3DTransform(),
    sitk.ScaleVersor3DTransform(),
    sitk.ScaleSkewVersor3DTransform(),
    sitk.Euler2DTransform(),
    sitk.Similarity2DTransform(),
    sitk.ScaleTransform(3),
    sitk.ScaleTransform(2),
    sitk.TranslationTransform(3),
    sitk.TranslationTransform(2),
    sitk.Transform(3, sitk.sitkIdentity),
]


@pytest.mark.parametrize("suffix", [".tfm", ".h5", ".mat"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.GetName()}{kind.GetDimension()}")
def test_every_kind_has_the_numbers_that_itk_writes(tmp_path, kind, suffix):
    path = tmp_path / f"a{suffix}"
    sitk.WriteTransform(kind, path)
    assert np.allclose(read_transform(path).matrix, np.eye(kind.GetDimension() + 1))


@pytest.mark.parametrize(
    ("kind", "parameters", "fixed"),
    [("AffineTransform", 11, 3), ("AffineTransform", 12, 2), ("AffineTransform", 13, 3),
     ("Euler3DTransform", 5, 3), ("VersorTransform", 3, 3), ("ScaleSkewVersor3DTransform", 9, 3)],
)  # fmt: skip
def test_too_few_numbers_never_reach_itk(tmp_path, monkeypatch, kind, parameters, fixed):
    monkeypatch.setattr("regkit.io.itk_files.simpleitk", lambda: pytest.fail("ITK saw the file"))
    path = tmp_path / "a.tfm"
    path.write_text(
        f"#Insight Transform File V1.0\n#Transform 0\nTransform: {kind}_double_3_3\n"
        f"Parameters: {'0 ' * parameters}\nFixedParameters: {'0 ' * fixed}\n"
    )
    refused(path, f"its {kind} needs", f"found {parameters} and {fixed}")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("TransformGroup/0")
        group["TransformType"] = [f"{kind}_double_3_3"]
        group["TransformParameters"] = np.zeros(parameters)
        group["TransformFixedParameters"] = np.zeros(fixed)
    refused(path, f"its {kind} needs", f"found {parameters} and {fixed}")
    path = tmp_path / "a.mat"
    content = b""
    for name, count in ((f"{kind}_double_3_3", parameters), ("fixed", fixed)):
        word = name.encode() + b"\0"
        content += struct.pack("<5i", 0, count, 1, 0, len(word)) + word + bytes(8 * count)
    path.write_bytes(content)
    refused(path, f"its {kind} needs", f"found {parameters} and {fixed}")


@pytest.mark.parametrize("kind", ["ComposeScaleSkewVersor3DTransform", "ThinPlateTransform"])
def test_kinds_that_are_not_read(tmp_path, kind):
    path = tmp_path / "a.tfm"
    path.write_text(
        f"#Insight Transform File V1.0\n#Transform 0\nTransform: {kind}_double_3_3\n"
        "Parameters: 0 0 0 0 0 0 1 1 1 0 0 0\nFixedParameters: 0 0 0\n"
    )
    refused(path, f"holds a {kind}, which is not supported", "TransformToDisplacementField")


def test_composites_of_itk_before_5(h5, bend):
    """Its data sets were called TranformParameters."""
    with h5py.File(h5, "r+") as file:
        for group in file["TransformGroup"].values():
            for key in [key for key in group if key.endswith("Parameters")]:
                group.move(key, key.replace("Transform", "Tranform"))
        assert "TranformParameters" in file["TransformGroup/1"]
    assert np.array_equal(read_transform(h5).u, bend.u)
