"""Which series of a place is meant, which frame of it, and what people are told of them."""

from __future__ import annotations

import json
import shutil

import pydicom
import pytest
import torch
from pydicom.fileset import FileSet
from pydicom.uid import RLELossless, generate_uid

from regkit import InputError, Volume, read
from regkit.cli import main
from regkit.io import ReadOptions, contents_of, open_image, read_header
from tests.io.dicom.test_judges import check_same
from tests.io.dicom.writer import MR, PATIENT, write_enhanced, write_series

UID = "1.2.826.0.1.3680043.8.498.77"


@pytest.fixture
def study(scan, tmp_path):
    """A CT and an MR of which the files lie in one folder, and a localiser."""
    folder = tmp_path / "study"
    write_series(folder, scan, number=3, uid=UID)
    write_series(folder, scan.with_data(scan.data + 1), kind=MR, number=7)
    write_series(folder / "scout", scan, number=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    return folder


def test_several_series_are_listed_and_one_is_chosen(study, scan):
    told = r"study: holds 3 series \(1: CT 18x14x9, 3: CT 18x14x9, 7: MR 18x14x9\); pass series=N"
    with pytest.raises(InputError, match=told):
        read(study)
    check_same(read(study, series=3), scan)
    check_same(read(study, series=UID), scan)
    check_same(read(study, series="7"), scan.with_data(scan.data + 1))
    with pytest.raises(InputError, match="has no series 4: 1: CT"):
        read(study, series=4)
    with pytest.raises(InputError, match="is a localiser"):
        read(study, series=1)


def test_a_number_that_two_series_have(study, scan):
    write_series(study, scan, number=7)
    with pytest.raises(InputError, match=r"has 2 series 7: .*; pass its UID"):
        read(study, series=7)


def test_info_lists_series(study, capsys):
    assert main(["info", str(study)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "series", "description", "modality", "shape", "spacing", "frames", "time", "uid", "problem"
    ]  # fmt: skip
    assert lines[1].split()[:4] == ["1", "thin", "slices", "CT"]
    assert "localiser" in lines[1]
    assert lines[2].split()[3:7] == ["CT", "18x14x9", "1.1x1.4x2.5", "1"]
    assert "10:12:13" in lines[2]
    assert main(["info", str(study), "--json"]) == 0
    assert [row["series"] for row in json.loads(capsys.readouterr().out)] == [1, 3, 7]


def test_info_of_one_series_tells_of_it(study, capsys):
    assert main(["info", str(study), "--series", "3", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["modality"], facts["format"], facts["shape"]) == ("CT", "DICOM", [18, 14, 9])


def test_info_shows_the_value_of_padding(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan, intercept=-1024, PixelPaddingValue=-2000)
    assert read_header(folder).about["padding"] == -3024


def test_nothing_of_the_patient_is_told(study, capsys):
    for words in (["info", str(study)], ["info", str(study), "--series", "3"]):
        main(words)
    header = read_header(study, ReadOptions(series=3))
    told = capsys.readouterr().out + str(header.about) + str(contents_of(study)) + header.name
    for secret in (PATIENT, "Doe", "ID-1066", "19700101"):
        assert secret not in told


@pytest.fixture
def disc(scan, tmp_path):
    """A folder with a DICOMDIR, and files in folders of their own."""
    files = FileSet()
    for path in sorted(write_series(tmp_path / "a", scan).iterdir()):
        files.add(path)
    files.write(tmp_path / "disc")
    files._stage["t"].cleanup()
    return tmp_path / "disc"


def test_a_dicomdir_stands_for_its_folder(scan, disc):
    assert len([*disc.iterdir()]) > 1
    check_same(read(disc / "DICOMDIR"), scan)
    check_same(read(disc), scan)


@pytest.mark.filterwarnings("ignore:Invalid value")
def test_what_a_dicomdir_says_of_files_leads_nowhere(scan, disc):
    index = pydicom.dcmread(disc / "DICOMDIR")
    for record in index.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = ["..", "a", "SECRET"]
    index.save_as(disc / "DICOMDIR")
    check_same(read(disc / "DICOMDIR"), scan)


def test_labels_beside_an_image_are_no_second_image(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    kind = "1.2.840.10008.5.1.4.1.1.481.3"
    data = pydicom.dcmread(sorted(folder.iterdir())[0])
    del data.PixelData
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = kind
    data.SOPInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.save_as(folder / "structures.dcm")
    check_same(read(folder), scan)


def echoes(data, number):
    data.EchoTime = 4.6 if data.SeriesDescription == "late" else 2.3


def test_echoes_are_frames(scan, tmp_path):
    for late in (1, 0):
        values = scan.with_data(scan.data + late)
        word = "late" if late else "early"
        write_series(
            tmp_path / "a", values, kind=MR, uid=UID, change=echoes, SeriesDescription=word
        )
    header = read_header(tmp_path / "a")
    assert (header.frames, header.about["frames_by"]) == (2, "EchoTime")
    for frame in (0, 1):
        check_same(read(tmp_path / "a", frame=frame), scan.with_data(scan.data + frame))
    with pytest.raises(InputError, match="has 2 frames, and one can be read; pass frame=N"):
        read(tmp_path / "a")


def test_times_are_frames_where_nothing_else_differs(scan, tmp_path):
    for time in (1, 0):
        values = scan.with_data(scan.data + time)
        write_series(tmp_path / "a", values, uid=UID, AcquisitionTime=f"10111{time}.5")
    header = read_header(tmp_path / "a")
    assert (header.frames, header.about["frames_by"]) == (2, "AcquisitionTime")
    check_same(read(tmp_path / "a", frame=1), scan.with_data(scan.data + 1))


def test_frames_of_time_in_one_file(scan, tmp_path):
    path = write_enhanced(
        tmp_path / "a.dcm",
        scan,
        order=[*range(9), *reversed(range(9))],
        extra=iter_times(),
        scale=lambda number: (1.0, 0.0),
    )
    header = read_header(path)
    assert (header.frames, header.about["frames_by"]) == (2, "TemporalPositionIndex")
    check_same(read(path, frame=0), scan)
    check_same(read(path, frame=1), scan)


def iter_times():
    """The first nine frames are of one time, and the others of the next."""
    seen = []

    def extra(number):
        seen.append(number)
        return {"TemporalPositionIndex": 1 + (len(seen) > 9)}

    return extra


def test_a_window_reads_its_slices_alone(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    whole = read(folder)
    part = read(folder).window((2, 3, 4), (5, 6, 2))
    assert torch.equal(part.data, whole.data[:, 2:7, 3:9, 4:6])


def test_a_file_that_changes_before_its_voxels_are_read(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    image = read(folder)
    sorted(folder.iterdir())[4].write_bytes(b"other")
    with pytest.raises(InputError, match="has changed since its header was read"):
        image.load()


@pytest.mark.parametrize("between", [True, False])
def test_a_single_slice_has_its_thickness(between, scan, tmp_path):
    """SimpleITK 2.5.7 has 1 mm without SpacingBetweenSlices; findings/simpleitk_single_slice.sh."""
    more = {"SpacingBetweenSlices": 3.5} if between else {}
    found = read(write_series(tmp_path / "a", scan, order=[2], **more))
    assert found.shape == (18, 14, 1)
    assert found.spacing[2] == pytest.approx(3.5 if between else 2.5)

    def without(data, number):
        del data.SliceThickness

    bare = write_series(tmp_path / "b", scan, order=[2], change=without)
    with pytest.raises(InputError, match="does not say how far apart its slices are; pass spacing"):
        read(bare)


def test_one_picture_without_a_place(scan, tmp_path):
    def without(data, number):
        del data.ImagePositionPatient, data.ImageOrientationPatient

    folder = write_series(tmp_path / "a", scan, order=[2], change=without)
    found = read(folder)
    assert (found.ndim, found.grid.orientation) == (2, "LP")
    assert found.spacing == pytest.approx((1.1, 1.4))
    assert torch.equal(found.data[0], scan.data[0, :, :, 2])


def test_colours_are_channels(tmp_path):
    from pydicom.data import get_testdata_file

    path = shutil.copy(get_testdata_file("SC_rgb_small_odd.dcm"), tmp_path / "a.dcm")
    header = read_header(path)
    assert header.channel_names == ("red", "green", "blue")
    expected = pydicom.dcmread(path).pixel_array
    found = read(path, channels="all")
    assert torch.equal(found.data, torch.tensor(expected.transpose(2, 1, 0)))


def test_products_that_pass_the_type_of_the_result_lose_nothing(scan, tmp_path):
    """10 * 4095 is no int16, and 10 * 4095 - 20000 is one."""
    stored = (scan.data.double() / scan.data.max() * 4095).clamp(0).round().to(torch.int16)
    folder = write_series(
        tmp_path / "a", scan.with_data(stored), slope=10, intercept=-20000, bits=12,
        change=lambda data, _: setattr(data, "PixelRepresentation", 0),
    )  # fmt: skip
    found = read(folder)
    assert found.data.dtype is torch.int16
    check_same(found, scan.with_data((10 * stored.int() - 20000).to(torch.int16)))


def test_more_slices_than_are_written_together(scan, tmp_path):
    grid = scan.grid.with_shape((18, 14, 37))
    values = torch.arange(18 * 14 * 37, dtype=torch.int16).reshape(18, 14, 37)
    image = Volume(values, grid)
    folder = write_series(tmp_path / "a", image)
    check_same(read(folder), image)
    part = open_image(folder, window=_box((2, 3, 5), (9, 8, 30)))
    assert torch.equal(part.data, read(folder).data[:, 2:9, 3:8, 5:30])


def _box(start, stop):
    return tuple(slice(a, b) for a, b in zip(start, stop, strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_slices_that_threads_decode_are_in_order(scan, tmp_path, threads):
    grid = scan.grid.with_shape((18, 14, 23))
    image = Volume(torch.arange(18 * 14 * 23, dtype=torch.int16).reshape(18, 14, 23), grid)
    folder = write_series(
        tmp_path / "a", image,
        change=lambda data, _: data.compress(RLELossless, generate_instance_uid=False),
    )  # fmt: skip
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        check_same(read(folder), image)
    finally:
        torch.set_num_threads(before)
