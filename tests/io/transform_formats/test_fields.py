"""Fields of other programs, between an oblique, anisotropic, left-handed image and another one.

``oracles.json`` holds where fslpy 3.29.1 and antspyx 0.6.3 send points by files that regkit wrote;
``record.py`` made it. The others are judged by their definition.
"""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from regkit import DisplacementField, InputError, read_transform, write_transform
from regkit.io.formats.nifti.voxels import write_image
from regkit.io.formats.nifti.warps import FSL_DISPLACEMENTS
from regkit.io.transform_formats.afni import straight_affine
from regkit.io.transform_formats.fsl import fsl_to_world
from tests.io.conftest import forged
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, bend_on, inside
from tests.io.transform_formats.record import COMBINATIONS, ORACLES

ORACLE = json.loads(ORACLES.read_text())
POINTS = inside(FIXED)
BEND = bend_on(FIXED)
PHI = TURN @ BEND
BOTH = {"fixed": FIXED, "moving": MOVING}
NODES = FIXED.affine[:3] @ np.c_[ORACLE["index"], np.ones(len(ORACLE["index"]))].T
FIELDS = [("fsl", True), ("afni", True), ("niftyreg", False), ("spm", False), (None, False)]
NAMES = [program or "itk" for program, _ in FIELDS]


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_fsl_field_as_fslpy_reads_it(combination, tmp_path):
    """fslpy takes the nearest voxel, so that only their centres are compared."""
    fixed, moving = COMBINATIONS[combination]
    images = {"fixed": fixed, "moving": moving}
    place = write_transform(PHI, tmp_path / "a.nii.gz", program="fsl", **images)
    expected = ORACLE["fields"][combination]
    assert_allclose(PHI(NODES.T), expected, atol=1e-3)
    assert_allclose(read_transform(place, **images)(NODES.T), expected, atol=1e-3)
    assert_allclose(read_transform(place, moving=moving)(NODES.T), expected, atol=1e-3)


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_fsl_field_by_its_definition(combination, kind, tmp_path):
    """FSL's mm of fixed to FSL's mm of moving, whichever of the two kinds; 2006 in the header."""
    fixed, moving = COMBINATIONS[combination]
    here, there = (np.linalg.inv(fsl_to_world(grid)) for grid in (fixed, moving))
    points = fixed.world_points().numpy()
    values = PHI(points) @ there[:3, :3].T + there[:3, 3]
    if kind == "relative":
        values -= points @ here[:3, :3].T + here[:3, 3]
    write_image(values.astype(np.float32), fixed, tmp_path / "a.nii", intent=FSL_DISPLACEMENTS)
    for program in (None, "fsl", f"fsl-{kind}"):
        found = read_transform(tmp_path / "a.nii", moving=moving, program=program)
        assert_allclose(found(NODES.T), PHI(NODES.T), atol=1e-3)
    assert_allclose(found(POINTS), PHI(POINTS), atol=0.2)  # linear between the voxels


def test_ants_takes_the_same_files(tmp_path):
    """antspyx, ``[warp, affine]`` and ``[affine, 1]``: a point passes the first of them first."""
    warp = read_transform(write_transform(BEND, tmp_path / "a.nii.gz"))
    turn = write_transform(TURN, tmp_path / "b.mat")
    phi = read_transform(turn) @ warp
    assert_allclose(phi(POINTS), ORACLE["fields"]["ants"], atol=1e-3)
    back = read_transform(f"[{turn},1]")
    assert_allclose(back(POINTS), ORACLE["fields"]["ants inverse"], atol=1e-3)


def test_afni_warp_by_its_definition(tmp_path):
    """LPS displacements between the images as AFNI lays them straight."""
    turned = np.diag([-1.0, -1, 1, 1])
    here, there = (turned @ straight_affine(grid) for grid in (FIXED, MOVING))
    index = np.moveaxis(np.indices(FIXED.shape), 0, -1)
    start = index @ here[:3, :3].T + here[:3, 3]
    aim = MOVING.to_index(PHI(FIXED.world_points())).numpy()
    shift = aim @ there[:3, :3].T + there[:3, 3] - start
    data = shift[:, :, :, None].astype(np.float32)
    path = forged(tmp_path / "a.nii", data, affine=FIXED.affine, intent_code=1007)
    found = read_transform(path, program="afni", **BOTH)
    assert_allclose(found(NODES.T), PHI(NODES.T), atol=1e-3)


@pytest.mark.parametrize(("program", "needs"), FIELDS, ids=NAMES)
def test_written_and_read_again(program, needs, tmp_path):
    place = write_transform(PHI, tmp_path / "a.nii.gz", program=program, **BOTH)
    given = BOTH if needs else {}
    found = read_transform(place, program=program, **given)
    assert_allclose(found(NODES.T), PHI(NODES.T), atol=1e-3)
    again = write_transform(PHI, tmp_path / "b.nii.gz", program=program, **BOTH)
    assert again.read_bytes() == place.read_bytes()


@pytest.mark.parametrize("program", ["niftyreg", "spm"])
def test_positions_are_known_by_their_intent(program, tmp_path):
    place = write_transform(BEND, tmp_path / "y_a.nii", program=program)
    found = read_transform(place)
    assert isinstance(found, DisplacementField)
    assert_allclose(found.u, BEND.u, atol=1e-4)
    other = write_transform(BEND, tmp_path / "itk.nii")
    with pytest.raises(InputError, match=r"itk.nii: does not have the intent name"):
        read_transform(other, program=program)


def test_a_field_of_fsl_keeps_its_own_grid(tmp_path):
    place = write_transform(BEND, tmp_path / "a.nii", program="fsl", moving=FIXED)
    found = read_transform(place, moving=FIXED)
    assert isinstance(found, DisplacementField)
    assert_allclose(found.u, BEND.u, atol=1e-4)


def test_a_field_that_may_be_either(tmp_path):
    """Where all is doubled nobody can tell; the user says it."""
    points = FIXED.world_points().numpy()
    inverse = np.linalg.inv(fsl_to_world(FIXED))
    values = 1.7 * (points @ inverse[:3, :3].T + inverse[:3, 3])
    path = tmp_path / "a.nii"
    write_image(values.astype(np.float32), FIXED, path, intent=FSL_DISPLACEMENTS)
    with pytest.raises(InputError, match=r"a.nii: may hold displacements or positions; say which"):
        read_transform(path, moving=FIXED)
    grown = [read_transform(path, moving=FIXED, program=f"fsl-{kind}") for kind in
             ("absolute", "relative")]  # fmt: skip
    sizes = [np.linalg.norm(np.diff(phi(NODES.T[:2]), axis=0)) for phi in grown]
    assert_allclose(sizes[1] / sizes[0], 2.7 / 1.7, rtol=1e-3)


def test_what_a_field_needs(tmp_path):
    place = write_transform(PHI, tmp_path / "a.nii", program="fsl", **BOTH)
    with pytest.raises(InputError, match="give that image as moving"):
        read_transform(place)
    with pytest.raises(InputError, match="give that image as moving"):
        write_transform(PHI, tmp_path / "b.nii", program="fsl", fixed=FIXED)
    with pytest.raises(InputError, match="give that image as fixed"):
        write_transform(PHI, tmp_path / "b.nii", program="fsl", moving=MOVING)
    with pytest.raises(InputError, match="or give the fixed image, on whose grid it is sampled"):
        write_transform(PHI, tmp_path / "b.nii")
    assert not (tmp_path / "b.nii").exists()


@pytest.mark.parametrize("program", ["fsl", "afni"])
def test_bad_fields(program, tmp_path):
    read = {"program": program, **BOTH}
    flat = forged(tmp_path / "flat.nii", np.zeros((8, 9, 10, 2), np.float32))
    with pytest.raises(InputError, match=r"flat.nii: is not a displacement field: .* 8x9x10x2"):
        read_transform(flat, **read)
    values = np.zeros((8, 9, 10, 3), np.float32)
    values[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"nan.nii: 1 of 2160 displacements are NaN"):
        read_transform(forged(tmp_path / "nan.nii", values), **read)
    cut = tmp_path / "cut.nii"
    cut.write_bytes(forged(tmp_path / "whole.nii", values).read_bytes()[:3000])
    with pytest.raises(InputError, match=r"cut.nii: "):
        read_transform(cut, **read)
    large = forged(tmp_path / "large.nii", values, dim={1: 30000, 2: 30000})
    with pytest.raises(InputError, match=r"large.nii: "):
        read_transform(large, **read)
    (tmp_path / "other.nii").write_bytes(b"NRRD0004\n")
    with pytest.raises(InputError, match=r"other.nii: the content is NRRD"):
        read_transform(tmp_path / "other.nii", **read)
