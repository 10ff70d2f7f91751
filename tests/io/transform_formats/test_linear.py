"""Matrices of other programs, on an oblique, anisotropic, left-handed fixed and another moving.

``oracles.json`` holds what nitransforms 25.1.0, fslpy 3.29.1 and surfa 0.6.3 write for the same
map; ``record.py`` made it. Formats without such a library are judged by their definition.
"""

import base64
import json

import numpy as np
import pytest
import SimpleITK as sitk
from nibabel.freesurfer import MGHImage
from numpy.testing import assert_allclose
from scipy.io import loadmat, savemat

from regkit import Affine, InputError, Volume, read_transform, write_transform
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, inside
from tests.io.transform_formats.record import COMBINATIONS, ORACLES

ORACLE = json.loads(ORACLES.read_text())
POINTS = inside(FIXED)
BOTH = {"fixed": FIXED, "moving": MOVING}
WRITABLE = [
    ("a.mat", "fsl"), ("a.txt", "fsl"), ("a.mat", "greedy"), ("a.txt", "niftyreg"),
    ("a.mat", "spm"), ("a.lta", None), ("a.dat", None), ("a.aff12.1D", None), ("a.xfm", None),
    ("a.x5", None), ("a.tfm", None), ("a.mat", None), ("a.h5", "itk"),
]  # fmt: skip


def check(found, atol=1e-3):
    """The same points of moving, in RAS+ mm, for a thousand of fixed."""
    assert_allclose(found(POINTS).numpy(), TURN(POINTS).numpy(), atol=atol)


def read_text(folder, name, text, **given):
    (folder / name).write_text(text)
    return read_transform(folder / name, **given)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_flirt_as_fslpy_writes_it(combination, tmp_path):
    fixed, moving = COMBINATIONS[combination]
    text = ORACLE["fsl"][combination]
    check(read_text(tmp_path, "a.mat", text, fixed=fixed, moving=moving, program="fsl"))


def test_flirt_by_its_definition(tmp_path):
    """FSL's coordinates: mm from the first voxel, x turned round unless it is left-handed."""
    fixed, moving = COMBINATIONS["RL"]
    index = np.array([3.0, 4.0, 5.0])
    scaled = (np.array([fixed.shape[0] - 1, 0, 0]) + index * [-1, 1, 1]) * fixed.spacing
    shift = np.eye(4)
    shift[:3, 3] = [1.0, 2.0, 3.0]
    text = "\n".join(" ".join(map(str, row)) for row in np.linalg.inv(shift))
    phi = read_text(tmp_path, "a.mat", text, fixed=fixed, moving=moving, program="fsl")
    there = (scaled + np.array([1.0, 2.0, 3.0])) / moving.spacing
    expected = moving.affine @ [*there, 1]
    assert_allclose(phi(fixed.affine[:3] @ [*index, 1]), expected[:3], atol=1e-9)


def test_afni_as_nitransforms_writes_it(tmp_path):
    check(read_text(tmp_path, "a.aff12.1D", ORACLE["afni"], **BOTH))


@pytest.mark.parametrize("kind", ["0", "1"])
@pytest.mark.parametrize("given", [{}, BOTH])
def test_lta_as_surfa_writes_it(kind, given, tmp_path):
    check(read_text(tmp_path, "a.lta", ORACLE["lta"][kind], **given))


def test_lta_of_other_images(tmp_path):
    (tmp_path / "a.lta").write_text(ORACLE["lta"]["1"])
    with pytest.raises(InputError, match=r"fixed is not the dst .* the wrong way round"):
        read_transform(tmp_path / "a.lta", fixed=MOVING, moving=FIXED)
    with pytest.raises(InputError, match=r"moving is not the src volume of this LTA \(fixed is"):
        read_transform(tmp_path / "a.lta", moving=FIXED.with_spacing(3.0))


def test_register_dat_by_surfa(tmp_path):
    """surfa's ``surf`` space is tkregister's."""
    rows = "\n".join(" ".join(map(str, row)) for row in ORACLE["lta"]["surf"])
    text = f"subject\n1.2\n1.6\n0.15\n{rows}\nround\n"
    check(read_text(tmp_path, "register.dat", text, **BOTH))


def test_register_dat_by_nibabel(tmp_path):
    """The identity in tkregister's coordinates, which nibabel gives of an MGH image."""
    identity = "subject\n1\n1\n0.15\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\nround\n"
    phi = read_text(tmp_path, "a.dat", identity, **BOTH)
    voxels = [MGHImage(np.zeros(g.shape, np.float32), g.affine) for g in (FIXED, MOVING)]
    f, m = (image.header.get_vox2ras_tkr() for image in voxels)
    expected = MOVING.affine @ np.linalg.inv(m) @ f @ FIXED.inverse_affine
    assert_allclose(phi.matrix, expected, atol=1e-4)


def test_x5_as_nitransforms_writes_it(tmp_path):
    (tmp_path / "a.x5").write_bytes(base64.b64decode(ORACLE["x5"]))
    check(read_transform(tmp_path / "a.x5"))


def test_xfm_leads_from_moving_to_fixed(tmp_path):
    """As mincresample has it: source to target; the last of several is applied last."""
    head, kind = "MNI Transform File\n%VOL\n\n", "Transform_Type = Linear;\nLinear_Transform =\n"
    grow, shift = "2 0 0 0\n0 2 0 0\n0 0 2 0;\n", "1 0 0 1\n0 1 0 2\n0 0 1 3;\n"
    phi = read_text(tmp_path, "a.xfm", head + kind + grow + kind + shift)
    source = np.array([[5.0, -7.0, 9.0]])
    assert_allclose(phi(source * 2 + [1, 2, 3]), source)


@pytest.mark.parametrize("version", ["4", "5"])
def test_spm_mat_places_the_moving_image(version, tmp_path):
    """``M`` times a one-based index is where SPM sees the voxel: in the space of fixed."""
    index = np.array([3.0, 4.0, 5.0])
    matrix = np.array(FIXED.affine)
    savemat(tmp_path / "m.mat", {"M": matrix}, format=version)
    phi = read_transform(tmp_path / "m.mat", moving=MOVING)
    seen = matrix @ [*(index + 1), 1]
    assert_allclose(phi(seen[:3]), (MOVING.affine @ [*index, 1])[:3], atol=1e-9)
    place = write_transform(TURN, tmp_path / "b.mat", moving=MOVING, program="spm")
    stored = loadmat(place)["M"]
    assert_allclose(TURN((stored @ [*(index + 1), 1])[:3]), MOVING.affine[:3] @ [*index, 1])


@pytest.mark.parametrize(("name", "program"), WRITABLE)
def test_written_and_read_again(name, program, tmp_path):
    place = write_transform(TURN, tmp_path / name, program=program, **BOTH)
    found = read_transform(place, program=program, **BOTH)
    assert isinstance(found, Affine)
    check(found, 1e-6)
    again = write_transform(TURN, tmp_path / f"b{name[1:]}", program=program, **BOTH)
    assert again.read_bytes() == place.read_bytes()


def test_inverse_by_the_way_of_ants(tmp_path):
    place = write_transform(TURN.inverse(), tmp_path / "a.mat")
    check(read_transform(f"[{place},1]"), 1e-9)
    check(read_transform(f"[{place},0]").inverse(), 1e-9)
    place = write_transform(TURN, tmp_path / "b.mat", program="fsl", **BOTH)
    back = read_transform(f"[{place},1]", program="fsl", fixed=MOVING, moving=FIXED)
    check(back.inverse(), 1e-6)


def test_images_are_files_or_volumes_too(tmp_path):
    image = Volume(np.zeros(FIXED.shape, np.float32), FIXED, "fixed")
    path = image.save(tmp_path / "fixed.nii.gz")
    place = write_transform(TURN, tmp_path / "a.1D", fixed=path, moving=MOVING)
    check(read_transform(place, fixed=image, moving=MOVING), 1e-4)


@pytest.mark.parametrize(("name", "program"), WRITABLE)
def test_cut_anywhere_is_refused_or_the_same(name, program, tmp_path):
    """No cut file is read as another transform."""
    whole = write_transform(TURN, tmp_path / name, program=program, **BOTH).read_bytes()
    path = tmp_path / f"cut{name[1:]}"
    for size in range(1, len(whole), max(1, len(whole) // 90)):
        path.write_bytes(whole[:size])
        said = refusal(path, program)
        assert "\n" not in said
        assert not said or path.name in said


def refusal(path, program):
    """What is said of a cut file; nothing where no number of it is lost."""
    try:
        found = read_transform(path, program=program, **BOTH)
    except InputError as error:
        return str(error)
    check(found, 1e-6)
    return ""


@pytest.mark.parametrize("name", ["a.mat", "a.txt"])
def test_a_bare_matrix_is_of_nobody(name, tmp_path):
    (tmp_path / name).write_text("1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    with pytest.raises(InputError, match=r"fsl, greedy, niftyreg write alike .*program='fsl'"):
        read_transform(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "program", "missing"),
    [
        ("a.mat", "fsl", "fixed"), ("a.1D", None, "fixed"), ("a.dat", None, "fixed"),
        ("a.mat", "spm", "moving"),
    ],
)  # fmt: skip
def test_images_that_are_needed(name, program, missing, tmp_path):
    place = write_transform(TURN, tmp_path / name, program=program, **BOTH)
    with pytest.raises(InputError, match=f"the {missing} image; give that image as {missing}"):
        read_transform(place, program=program)
    with pytest.raises(InputError, match=f"give that image as {missing}"):
        write_transform(TURN, tmp_path / f"b{name[1:]}", program=program)
    assert not (tmp_path / f"b{name[1:]}").exists()


XFM = "MNI Transform File\nTransform_Type = "
BAD = {
    "unknown program": ("a.mat", "x", {"program": "spss"}, "'spss' is no program; allowed: itk"),
    "other extension": ("a.lta", "x", {"program": "fsl"}, ".lta is not a transform format of fsl"),
    "words": ("a.mat", "a b c d\n" * 4, {"program": "greedy"}, "a word that is no number"),
    "too few": ("a.mat", "1 0 0\n", {"program": "greedy"}, "needs 16 numbers, found 3"),
    "nan": ("a.mat", "nan 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", {"program": "greedy"}, "not finite"),
    "singular": ("a.mat", "0 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", {"program": "greedy"}, "singular"),
    "not affine": ("a.mat", "1 0 0 0 0 1 0 0 0 0 1 0 1 0 0 1", {"program": "greedy"}, "last row"),
    "binary": ("a.mat", "1\0", {"program": "greedy"}, "is not text"),
    "huge": ("a.mat", "1 " * (1 << 20), {"program": "greedy"}, "larger than 1048576 bytes"),
    "series": ("a.1D", "1 0 0 0 0 1 0 0 0 0 1 0\n" * 3, BOTH, "holds 3 matrices, of a series"),
    "no xfm": ("a.xfm", "1 0 0 0\n", {}, "its first line is not 'MNI Transform File'"),
    "xfm of nothing": ("a.xfm", "MNI Transform File\n", {}, "names no transform"),
    "xfm grid": ("a.xfm", f"{XFM}Grid_Transform;\nDisplacement_Volume = /etc/x.mnc;\n", {},
                 "its grid is in 'x.mnc', which is not beside it"),
    "lta of points": ("a.lta", "type = 1\nnxforms = 1\n", {}, "lacks the type, matrix or volumes"),
    "no dat": ("a.dat", "subject\n1\n", BOTH, "has 2 lines; a register.dat has 8"),
    "no hdf5": ("a.x5", "X5", {}, "it is not an HDF5 file"),
    "no matlab": ("a.mat", "MATLAB 5.0 MAT-file", BOTH, "is not a file of Matlab"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "given", "words"), BAD.values(), ids=BAD)
def test_bad_files(name, text, given, words, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_transform(tmp_path / name, **given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


CHANGED_LTA = {
    "valid = 1": ("valid = 0", "its src volume info is missing or not valid"),
    "type      = 1": ("type      = 14", "is an LTA of type 14"),
    "nxforms   = 1": ("nxforms   = 4", "holds 4 transforms"),
    "volume = 38 46 32": ("volume = 3.5 46 32", "whole numbers"),
    "volume = 38": ("volume = 999999999999 ", "whole numbers"),
    "volume = 38 46": ("volume = -3 46", "src"),
}


@pytest.mark.parametrize("old", CHANGED_LTA)
def test_bad_lta(old, tmp_path):
    text = write_transform(TURN, tmp_path / "a.lta", **BOTH).read_text()
    new, words = CHANGED_LTA[old]
    assert old in text
    with pytest.raises(InputError) as caught:
        read_text(tmp_path, "b.lta", text.replace(old, new, 1))
    assert "b.lta" in str(caught.value)
    assert words in str(caught.value) or old == "volume = 38 46"


def test_2d_transforms_and_fields_do_not_fit(tmp_path):
    flat = Affine(np.eye(3))
    for name, program in WRITABLE:
        if program != "itk" and name not in ("a.tfm", "a.mat"):
            with pytest.raises(InputError, match="2-D"):
                write_transform(flat, tmp_path / name, program=program, **BOTH)
    assert not list(tmp_path.iterdir())


def test_simpleitk_reads_an_xfm_without_a_turn(tmp_path):
    """Which is why it is not asked: SimpleITK 2.5.7 takes moving to fixed for fixed to moving."""
    place = write_transform(TURN, tmp_path / "a.xfm")
    itk = sitk.ReadTransform(str(place))
    assert_allclose(itk.TransformPoint((1.0, 2.0, 3.0)), TURN.inverse()([1.0, 2.0, 3.0]))
