"""Segmentations and structure sets as labels, with their names."""

from __future__ import annotations

import csv
import pickle

import numpy as np
import pydicom
import pytest
import torch

from regkit import InputError, Labels, read, read_labels
from regkit.cli import main
from regkit.io.formats.dicom.polygon import fill_polygon
from tests.io.dicom.test_judges import check_same, values_at
from tests.io.dicom.writer import write_series, write_structures

NAMES = {1: "Liver", 2: "Left kidney", 4: "Spleen"}


@pytest.fixture
def organs(scan):
    """Three organs, none of them in slice 4, two of which touch."""
    data = torch.zeros(scan.shape, dtype=torch.uint8)
    data[3:9, 4:9, 1:4], data[9:12, 4:9, 2:4], data[5:8, 2:6, 5:7] = 1, 2, 4
    return Labels(data, scan.grid, "organs", names=NAMES)


def segmentation(image, organs, path, kind="BINARY"):
    """What highdicom writes of labels on a series."""
    hd = pytest.importorskip("highdicom")
    code = hd.sr.CodedConcept("91723000", "SCT", "Anatomical structure")
    described = [
        hd.seg.SegmentDescription(number, name, code, code, "MANUAL")
        for number, name in enumerate(organs.names.values(), start=1)
    ]
    sources = [pydicom.dcmread(each) for each in sorted(image.iterdir())]
    stored = organs.data[0].numpy().transpose(2, 1, 0)
    mask = np.stack([stored == value for value in organs.names], -1).astype(np.uint8)
    if kind == "LABELMAP":
        mask = (mask * np.arange(1, mask.shape[-1] + 1)).sum(-1).astype(np.uint8)
    if kind == "FRACTIONAL":
        mask = mask * np.array([1.0, 0.6, 0.25])
    made = hd.seg.Segmentation(
        sources, mask, kind, described, series_instance_uid=hd.UID(), series_number=30,
        sop_instance_uid=hd.UID(), instance_number=1, manufacturer="phantom",
        manufacturer_model_name="phantom", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    made.save_as(path)
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_a_segmentation_of_highdicom(kind, scan, organs, tmp_path):
    image = write_series(tmp_path / "ct", scan, PatientOrientation="", PatientSex="O")
    found = read_labels(segmentation(image, organs, tmp_path / "seg" / "a.dcm", kind))
    assert found.names == {1: "Liver", 2: "Left kidney", 3: "Spleen"}
    place = found.grid.to_index(scan.grid.world_points()).round().long()
    inside = ((place >= 0) & (place < torch.tensor(found.shape))).all(-1)
    given = torch.zeros(scan.shape, dtype=found.data.dtype)
    given[inside] = found.data[0][tuple(place[inside].T)]
    expected = torch.where(organs.data[0] == 4, 3, organs.data[0])
    assert torch.equal(given, expected.to(given.dtype))
    assert found.dtype is torch.uint8
    assert set(found.values) == {1, 2, 3}


@pytest.mark.filterwarnings("ignore")
def test_fractions_are_an_image_or_labels_from_a_share_on(scan, organs, tmp_path, capsys):
    image = write_series(tmp_path / "ct", scan, PatientOrientation="", PatientSex="O")
    path = segmentation(image, organs, tmp_path / "seg" / "a.dcm", "FRACTIONAL")
    found = read(path, channels="all")
    assert found.channels == 3
    shares = [float(each.max()) for each in found.data]
    np.testing.assert_allclose(shares, [1, 0.6, 0.25], atol=0.5 / 255)
    at = found.grid.to_world(torch.nonzero(found.data[1] > 0).double())
    lobes = organs.grid.to_index(at).round().long()
    assert set(organs.data[0][tuple(lobes.T)].tolist()) == {2}
    assert len(at) == int((organs.data == 2).sum())
    assert torch.equal(read(path, channels=("Spleen",)).data[0], found.data[2])
    assert read_labels(path, threshold=0.5).values == (1, 2)
    assert set(read_labels(path, threshold=0.2).values) == {1, 2, 3}
    with pytest.raises(InputError, match=r"voxels are not whole numbers.* Pass threshold=0.5"):
        read_labels(path, channel=1).load()
    with pytest.raises(InputError, match="threshold is 2; allowed: above 0, up to 1"):
        read_labels(path, threshold=2)
    assert main(["info", str(path)]) == 0
    told = capsys.readouterr().out
    assert "Left kidney" in told
    assert "fractions   probability" in told


@pytest.mark.filterwarnings("ignore")
def test_a_threshold_of_what_has_no_fractions(scan, organs, tmp_path):
    image = write_series(tmp_path / "ct", scan, PatientOrientation="", PatientSex="O")
    path = segmentation(image, organs, tmp_path / "seg" / "a.dcm")
    with pytest.raises(InputError, match=r"holds no fractions; leave out threshold=0\.5"):
        read_labels(path, threshold=0.5)


@pytest.mark.filterwarnings("ignore")
def test_segments_beside_their_image_are_not_taken_for_it(scan, organs, tmp_path):
    image = write_series(tmp_path / "ct", scan, PatientOrientation="", PatientSex="O")
    path = segmentation(image, organs, image / "seg.dcm")
    check_same(read(image), scan)
    assert read_labels(path).names[3] == "Spleen"
    assert read_labels(image, series=30).names[1] == "Liver"


def square(low, high, number):
    return [(low, low, number), (high, low, number), (high, high, number), (low, high, number)]


@pytest.fixture
def drawn(scan, tmp_path):
    """Makes a structure set on a series in the folder beside."""
    image = write_series(tmp_path / "ct", scan)
    return lambda contours: write_structures(tmp_path / "rs" / "a.dcm", image, scan, contours)


def test_contours_on_the_grid_of_their_image(drawn, scan):
    path = drawn(
        {"Box": [square(3, 8, k) for k in (2, 3)], "Far": [square(9.6, 12.4, 6)], "Point": []}
    )
    found = read_labels(path)
    assert found.names == {5: "Box", 6: "Far"}
    expected = np.zeros(scan.shape, np.uint8)
    expected[3:9, 3:9, 2:4], expected[10:13, 10:13, 6] = 5, 6
    check_same(found, scan, expected)
    assert str(found.load().data.dtype) == "torch.uint8"


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_a_square_keeps_its_centre(turn, shift):
    corners = np.array([[3, 4], [11, 4], [11, 12], [3, 12]], float)[::turn] + shift
    mask = fill_polygon(corners, (20, 20))
    # Of whole numbers from 3 to 11 nine are covered, and of 3.25 to 11.25 eight.
    assert np.argwhere(mask).mean(axis=0) == pytest.approx(np.array([7, 8]) + (shift > 0) / 2)
    assert np.array_equal(mask, fill_polygon(corners[:, ::-1], (20, 20)).T)


def test_a_polygon_against_its_area():
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = np.c_[40.3 + 25 * np.cos(turn), 38.7 + 20 * np.sin(turn)]
    assert fill_polygon(circle, (80, 80)).sum() == pytest.approx(np.pi * 25 * 20, rel=0.01)
    assert np.argwhere(fill_polygon(circle, (80, 80))).mean(axis=0) == pytest.approx(
        [40.3, 38.7], abs=0.1
    )
    assert fill_polygon(circle - 60, (80, 80)).sum() < np.pi * 125  # most of it is outside


def test_what_is_enclosed_twice_is_a_hole(drawn, scan):
    found = read_labels(drawn({"Ring": [square(2, 11, 4), square(4.5, 8.5, 4)]}))
    layer = values_at(found, scan)[:, :, 4]
    assert layer[2:12, 2:12].sum() == 5 * (100 - 16)
    assert layer[5:9, 5:9].sum() == 0


def test_structures_that_overlap(drawn):
    path = drawn({"Body": [square(2, 11, 4)], "Organ": [square(4, 8, 4)]})
    with pytest.raises(InputError, match=r"a.dcm: 'Organ' and 'Body' overlap, .* structures=NAME"):
        read_labels(path).load()
    found = read_labels(path, structures=("body", "organ"))
    assert found.names == {1: "Body", 2: "Organ"}
    assert [int((found.data == n).sum()) for n in (1, 2)] == [75, 25]
    assert set(read_labels(path, structures=["Organ", "Body"]).values) == {2}
    with pytest.raises(InputError, match="has no structure 'Heart'; it has Body, Organ"):
        read_labels(path, structures=["Heart"])
    with pytest.raises(InputError, match="structures is 'Body'; allowed: different names"):
        read_labels(path, structures="Body")


def test_contours_that_lie_in_no_slice(drawn):
    with pytest.raises(InputError, match="a contour of 'Box' lies in no slice of the image"):
        read_labels(drawn({"Box": [square(3, 8, 2.5)]})).load()


def test_a_structure_set_without_its_image(drawn, tmp_path):
    path = drawn({"Box": [square(3, 8, 2)]})
    for each in (tmp_path / "ct").iterdir():
        each.unlink()
    with pytest.raises(InputError, match="refers to an image that is neither in its folder nor"):
        read_labels(path)


def test_a_structure_set_without_contours(drawn):
    with pytest.raises(InputError, match="holds no structure"):
        read_labels(drawn({"Point": []}))


def test_labels_keep_their_names(organs, tmp_path):
    moved = organs.window((0, 0, 0), (5, 5, 5))
    again = pickle.loads(pickle.dumps(organs.with_data(organs.data * 2)))  # noqa: S301
    assert moved.names == again.names == organs.reoriented("RAS").names == NAMES
    assert read_labels(organs.save(tmp_path / "a.nii.gz")).names == {}


def test_a_series_and_its_labels_can_be_pickled(drawn, scan, tmp_path):
    path = drawn({"Box": [square(3, 8, 2)]})
    labels, image = (
        pickle.loads(pickle.dumps(each))  # noqa: S301
        for each in (read_labels(path), read(tmp_path / "ct"))
    )
    assert labels.values == (5,)
    check_same(image, scan)


def test_a_registration_compares_structures_by_name(drawn, scan, tmp_path):
    path = drawn({"Box": [square(3, 12, k) for k in (3, 4, 5)], "Core": [square(5, 9, 4)]})
    (tmp_path / "few.yaml").write_text("linear: {spacings: [4.0], iterations: 2}\n")
    words = ["register", tmp_path / "ct", tmp_path / "ct", "--fixed-labels", path]
    words += ["--moving-labels", path, "--structures", "Core,Box", "--transform", "rigid", "-q"]
    words += ["-o", tmp_path / "out", "--config", tmp_path / "few.yaml"]
    assert main([*map(str, words)]) == 0
    with (tmp_path / "out" / "structures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["name"]) for row in rows] == [("2", "Box")]
    assert "Box (2)" in (tmp_path / "out" / "report.html").read_text()


def test_one_label_with_two_names_is_refused(scan):
    from regkit.registration.label_place import check_structures

    data = torch.ones(scan.shape, dtype=torch.uint8)
    liver, heart = (Labels(data, scan.grid, name, names={1: name}) for name in ("Liver", "Heart"))
    with pytest.raises(InputError, match="Heart: label 1 is 'Heart', and 'Liver' in Liver; name"):
        check_structures(liver, heart)
    check_structures(liver, liver)
