"""Results as DICOM objects, read back by other programs and by the formulas of the standard."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
import torch
from numpy.testing import assert_allclose

from regkit import Volume, read, read_labels, read_transform
from regkit.cli import main
from regkit.io.dicom_objects.image_series import stored_values
from regkit.io.dicom_objects.registration import fitting_nodes, vector_nodes
from tests.io.dicom.conftest import AXIAL, VIEWS, phantom
from tests.io.dicom.test_judges import by_dcm2niix, check_same, series_by_simpleitk
from tests.io.dicom.writer import MR, PATIENT, write_series, write_structures

FEW = "linear: {spacings: [4.0], iterations: 8}\nfield: {factors: [2, 1], iterations: [8, 4]}\n"
FLIP = np.array([-1.0, -1.0, 1.0])
SPACE = "1.2.826.0.1.3680043.8.498.4"


@pytest.fixture(scope="module", params=["rigid", "deformable"])
def exported(request, tmp_path_factory):
    """A registration of two visits with labels, and what was exported of it."""
    place = tmp_path_factory.mktemp("export")
    fixed = phantom(VIEWS["oblique"], shape=(24, 20, 12))
    image = write_series(place / "fixed", fixed, number=2)
    moving = phantom(AXIAL, shape=(26, 21, 13), origin=(22.0, -12, 1))
    other = write_series(
        place / "moving", moving, kind=MR, number=5, FrameOfReferenceUID=SPACE,
        StudyInstanceUID="1.2.826.0.1.3680043.8.498.9", EchoTime=4.5,
    )  # fmt: skip
    box = [(5, 5), (16, 5), (16, 14), (5, 14)]
    boxes = [[(x, y, k) for x, y in box] for k in range(4, 9)]
    labels = write_structures(place / "rs" / "rs.dcm", other, moving, {"Leber für M": boxes})
    (place / "few.yaml").write_text(FEW)
    words = ["register", image, other, "--transform", request.param, "--moving-labels", labels]
    words += ["--config", place / "few.yaml", "-o", place / "run", "-q", "--threads", "1"]
    assert main([*map(str, words)]) == 0
    words = ["dicom", "export", place / "run", image, other, "-o", place / "out", "-q"]
    assert main([*map(str, words)]) == 0
    return place


def series_of(folder, modality):
    """The files of one modality alone."""
    out = folder.parent / f"only_{modality}"
    out.mkdir(exist_ok=True)
    for path in folder.glob("*.dcm"):
        if pydicom.dcmread(path, stop_before_pixels=True).Modality == modality:
            shutil.copy(path, out)
    return out


def test_the_series_is_the_warped_image(exported, tmp_path):
    warped = read(exported / "run" / "warped.nii.gz")
    folder = series_of(exported / "out", "MR")
    check_same(read(folder), warped)
    check_same(series_by_simpleitk(folder), warped)
    check_same(by_dcm2niix(folder, tmp_path / "nii"), warped)
    check_same(read(exported / "out", series=1005), warped)


def test_the_series_is_derived_in_the_study_of_fixed(exported):
    data = pydicom.dcmread(exported / "out" / "warped_0003.dcm")
    fixed = pydicom.dcmread(sorted((exported / "fixed").iterdir())[0])
    moving = [pydicom.dcmread(path) for path in sorted((exported / "moving").iterdir())]
    for keyword in ("FrameOfReferenceUID", "StudyInstanceUID", "PatientName", "PatientID"):
        assert data[keyword].value == fixed[keyword].value
    assert (data.ImageType[0], data.Modality, data.EchoTime) == ("DERIVED", "MR", 4.5)
    assert {each.ReferencedSOPInstanceUID for each in data.SourceImageSequence} == {
        each.SOPInstanceUID for each in moving
    }
    known = {each.SeriesInstanceUID for each in (fixed, *moving)}
    files = [pydicom.dcmread(path) for path in (exported / "out").glob("*.dcm")]
    assert not known & {each.SeriesInstanceUID for each in files}
    assert len({each.SOPInstanceUID for each in files}) == len(files)
    assert all(each.file_meta.MediaStorageSOPInstanceUID == each.SOPInstanceUID for each in files)


def points_of(grid):
    generator = torch.Generator().manual_seed(0)
    index = torch.rand(1000, 3, generator=generator, dtype=torch.float64)
    return grid.to_world(index * (torch.tensor(grid.shape) - 1))


def test_the_registration_is_the_transform(exported):
    data = pydicom.dcmread(exported / "out" / "registration.dcm")
    phi = read_transform(exported / "run" / "transform.h5")
    points = points_of(read(exported / "run" / "warped.nii.gz").grid)
    target = phi(points).numpy() * FLIP
    start = points.numpy() * FLIP
    if "RegistrationSequence" in data:
        check_matrices(data, start, target)
    else:
        (only,) = data.DeformableRegistrationSequence
        error = float(only.FrameOfReferenceTransformationComment.split()[-2])
        assert error < 0.05
        assert_allclose(deformed(data, start), target, atol=error * 1.5)
    studies = data.StudiesContainingOtherReferencedInstancesSequence
    assert [each.StudyInstanceUID for each in studies] == ["1.2.826.0.1.3680043.8.498.9"]


def check_matrices(data, start, target):
    """Those of PS3.3 C.20.2: from each series to the space of the object."""
    fixed, moving = data.RegistrationSequence
    assert moving.FrameOfReferenceUID == SPACE
    assert fixed.FrameOfReferenceUID == data.FrameOfReferenceUID != SPACE
    found, same = (each.MatrixRegistrationSequence[0].MatrixSequence[0] for each in (moving, fixed))
    assert found.FrameOfReferenceTransformationMatrixType == "RIGID"
    matrix = np.array(found.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
    assert_allclose(target @ matrix[:3, :3].T + matrix[:3, 3], start, atol=1e-3)
    assert same.FrameOfReferenceTransformationMatrix == np.eye(4).ravel().tolist()


def deformed(data, points):
    """Points in LPS through the grid of a deformable registration, by PS3.3 C.20.3.1.1."""
    (only,) = data.DeformableRegistrationSequence
    assert only.SourceFrameOfReferenceUID == SPACE
    (field,) = only.DeformableRegistrationGridSequence
    nx, ny, nz = field.GridDimensions
    vectors = np.frombuffer(field.VectorGridData, "<f4").reshape(nz, ny, nx, 3)
    rows = np.array(field.ImageOrientationPatient, float).reshape(2, 3)
    axes = np.array([*rows, np.cross(*rows)]) * np.array(field.GridResolution)[:, None]
    index = (points - np.array(field.ImagePositionPatient, float)) @ np.linalg.inv(axes)
    low = np.clip(np.floor(index).astype(int), 0, np.array([nx, ny, nz]) - 2)
    out, share = points.copy(), index - low
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        i, j, k = (low + corner).T
        out += weight[:, None] * vectors[k, j, i]
    return out


def test_the_registration_is_read_as_a_transform(exported):
    """By any command that takes one, such as `regkit apply` and `regkit convert-transform`."""
    phi = read_transform(exported / "run" / "transform.h5")
    found = read_transform(exported / "out" / "registration.dcm")
    points = points_of(read(exported / "run" / "warped.nii.gz").grid)
    assert_allclose(found(points).numpy(), phi(points).numpy(), atol=0.05)
    path = exported / "again.h5"
    words = ["convert-transform", exported / "out" / "registration.dcm", path, "-q"]
    assert main([*map(str, words)]) == 0
    assert_allclose(read_transform(path)(points).numpy(), found(points).numpy(), atol=1e-3)


def test_the_segmentation_is_the_warped_labels(exported):
    labels = read_labels(exported / "run" / "warped_rs.nii.gz")
    found = read_labels(exported / "out" / "seg_rs.dcm")
    assert found.names == {1: "Leber für M"}
    hd = pytest.importorskip("highdicom")
    other = hd.seg.segread(exported / "out" / "seg_rs.dcm")
    assert other.get_segment_description(1).segment_label == "Leber für M"
    volume = other.get_volume(combine_segments=True)
    affine = np.diag([-1.0, -1, 1, 1]) @ volume.affine
    for each in (found, Volume(volume.array.astype(np.uint8), affine)):
        inside = labels.grid.to_index(each.grid.world_points()).round().long()
        given = labels.data[0][tuple(inside.reshape(-1, 3).T)].reshape(each.shape)
        assert torch.equal(given > 0, each.data[0] > 0)
        assert int((each.data > 0).sum()) == int((labels.data > 0).sum()) > 0


def test_the_record_tells_nothing_of_the_patient_and_can_be_run_again(exported, capsys):
    text = (exported / "out" / "run.json").read_text()
    assert PATIENT not in text
    assert "ID-1066" not in text
    words = ["rerun", exported / "out" / "run.json", "-q"]
    for folder in (exported, exported / "run"):
        words += ["--data", folder]
    assert main([*map(str, words)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the result is identical"


def refused(capsys, *words):
    assert main(["dicom", "export", *map(str, words)]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    return told


def test_other_images_than_those_of_the_run(exported, capsys, tmp_path):
    run, fixed, moving = (exported / name for name in ("run", "fixed", "moving"))
    told = refused(capsys, run, moving, fixed, "-o", tmp_path / "x")
    assert "moving: is not the fixed image of this registration" in told
    told = refused(capsys, fixed, fixed, moving, "-o", tmp_path / "x")
    assert "fixed: holds no transform.h5" in told
    told = refused(capsys, run, fixed, moving, "-o", exported / "out")
    assert "exists" in told
    assert not (tmp_path / "x").exists()


def test_two_patients_are_not_mixed(tmp_path, capsys):
    scan = phantom(AXIAL, shape=(16, 15, 10))
    fixed = write_series(tmp_path / "fixed", scan)
    moving = write_series(tmp_path / "moving", scan, number=4, PatientID="ID-1789")
    words = ["register", fixed, moving, "--transform", "rigid", "-q", "-o", tmp_path / "run"]
    (tmp_path / "few.yaml").write_text(FEW)
    assert main([*map(str, words), "--config", str(tmp_path / "few.yaml")]) == 0
    told = refused(capsys, tmp_path / "run", fixed, moving, "-o", tmp_path / "out")
    assert "fixed and moving are of two patients" in told
    assert "ID-1" not in told


@pytest.mark.parametrize(
    ("values", "slope", "kind"),
    [
        ([-1000.0, 3000.0], 1.0, "int16"),
        ([0, 60000], 1.0, "uint16"),
        ([0.0, 0.25], 0.25 / 65535, "uint16"),
        ([-2.0, 1.5], 2 / 32767, "int16"),
        ([0.0, 0.0], 1.0, "int16"),
        ([0, 100000], 100000 / 65535, "uint16"),
    ],
)
def test_values_in_sixteen_bits(values, slope, kind):
    stored, found = stored_values(np.array(values))
    assert (str(stored.dtype), found) == (kind, pytest.approx(slope, rel=1e-8))
    assert_allclose(stored * found, values, atol=found / 2 * (1 + 1e-6))


def test_vectors_lie_on_a_right_handed_grid():
    for view in VIEWS.values():
        nodes, grid = vector_nodes(phantom(view).grid), phantom(view).grid
        assert np.linalg.det(np.diag(FLIP) @ nodes.affine[:3, :3]) > 0
        assert_allclose(np.sort(nodes.corners(), axis=0), np.sort(grid.corners(), axis=0))


def test_coarser_vectors_still_reach_every_voxel(grid, bend, monkeypatch):
    monkeypatch.setattr("regkit.io.dicom_objects.registration._MOST_VECTORS", 2000)
    nodes, error = fitting_nodes(bend, grid)
    assert np.prod(nodes.shape) < 3500
    assert nodes.contains(torch.from_numpy(grid.corners())).all()
    assert 0.01 < error < 1
