"""Small made-up trees in the layouts in which data sets come."""

import numpy as np
import pytest
import torch
from PIL import Image

from probes.table import read_study_table
from probes.table.columns import TableColumns
from regkit.errors import InputError
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import save
from regkit.volume import Volume

COLUMNS = TableColumns()


@pytest.fixture
def image():
    def made(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        save(Volume(np.random.default_rng(0).normal(size=(6, 7, 5)), np.eye(4)), path)

    return made


def test_adni_takes_the_visit_that_is_nearest_in_time(tmp_path, image):
    image(tmp_path / "ADNI/002_S_0295/MPR_GradWarp/2006-04-18_08_20_30.0/I45108/a.nii")
    image(tmp_path / "ADNI/002_S_0295/MPR_GradWarp/2007-05-25_07_11_28.0/I62942/b.nii")
    (tmp_path / "collection.csv").write_text(
        '"Image Data ID","Subject","Group","Sex","Age","Visit","Modality","Acq Date"\n'
        '"I45108","002_S_0295","CN","M","85","sc","MRI","4/18/2006"\n'
        '"I62942","002_S_0295","CN","M","86","m12","MRI","5/25/2007"\n'
    )
    (tmp_path / "ADNIMERGE.csv").write_text(
        '"RID","PTID","VISCODE","EXAMDATE","DX","MMSE"\n'
        '295,"002_S_0295","bl","2006-04-20","CN",28\n'
        '295,"002_S_0295","m12","2007-05-20","MCI",27\n'
        '295,"002_S_0295","m36","2009-05-20","Dementia",20\n'
    )
    table = read_study_table("adni", tmp_path, COLUMNS)
    assert [(row.subject, row.visit, row.values["DX"]) for row in table.rows] == [
        ("002_S_0295", "bl", "CN"), ("002_S_0295", "m12", "MCI"),
    ]  # fmt: skip
    assert [path.name for path in table.files] == ["collection.csv", "ADNIMERGE.csv"]
    (tmp_path / "ADNI/002_S_0295/MPR_GradWarp/2007-05-25_07_11_28.0/I62942/b.nii").unlink()
    with pytest.raises(InputError, match="line 3: image I62942 of 002_S_0295 is not in the folder"):
        read_study_table("adni", tmp_path, COLUMNS)


def _knees(root, image, folder, *, letter="0"):
    lines = ["ParticipantID,Folder,SeriesDescription,StudyDate"]
    for n, side in enumerate(("RIGHT", "LEFT")):
        series = f"{letter}.C.2/9000099/20050322/1{n}"
        image(root / folder / series / "series.nii.gz")
        lines.append(f"9000099,{series},SAG_3D_DESS_{side},20050322")
    lines.append(f"9000099,{letter}.C.2,LOCALIZER,20050322")
    (root / folder / "contents.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "folders", [("00m", "12m"), ("OAIBaselineImages/results", "OAI12MonthImages/results")]
)
def test_oai_knows_knees_of_one_person_at_every_visit(tmp_path, image, folders):
    """Cells, names and read projects are those that OAI hands out: V01 is the visit of month 12."""
    for letter, folder in enumerate(folders):
        _knees(tmp_path, image, folder, letter=letter)
    (tmp_path / "kxr_sq_bu00.txt").write_text(
        "ID|SIDE|READPRJ|V00XRKL|V00XRJSM\n9000099|1: Right|37|4|.A: Not Expected\n"
        "9000099|1: Right|15|3|2: 2\n9000099|2: Left|15|1|.T: Technical Problems\n"
    )
    (tmp_path / "kXR_SQ_BU01.txt").write_text("ID|SIDE|READPRJ|V01XRKL\n9000099|2: Left|15|2\n")
    (tmp_path / "AllClinical00.TXT").write_text(
        "ID|V00AGE|P02SEX|P01BMI\n9000099|59|1: Male|.: Missing Form/Incomplete Workbook\n"
    )
    (tmp_path / "OUTCOMES99.txt").write_text("ID|V99ERKDAYS\n9000099|1200\n")
    table = read_study_table("oai", tmp_path, TableColumns(image="DESS"))
    names = ("XRKL", "XRJSM", "AGE", "P02SEX", "P01BMI", "V99ERKDAYS")
    found = {(r.unit, r.visit): [r.values.get(each) for each in names] for r in table.rows}
    assert found == {
        ("RIGHT", "00"): ["3", "2", "59", "1", None, "1200"],
        ("LEFT", "00"): ["1", None, "59", "1", None, "1200"],
        ("RIGHT", "12"): [None, None, None, "1", None, "1200"],
        ("LEFT", "12"): ["2", None, None, "1", None, "1200"],
    }
    table.check_visits()


def test_oai_refuses_what_it_cannot_place(tmp_path, image):
    _knees(tmp_path, image, "00m")
    with pytest.raises(InputError, match="'LOCALIZER' does not say which knee it is"):
        read_study_table("oai", tmp_path, COLUMNS)
    dess, table = TableColumns(image="DESS"), tmp_path / "kxr_sq_bu00.txt"
    table.write_text("ID|SIDE|V00XRKL\n9000099|3: Both|3\n")
    with pytest.raises(InputError, match="SIDE of 9000099 is '3'; allowed: 1: Right, 2: Left"):
        read_study_table("oai", tmp_path, dess)
    table.write_text("SUBJECT|SIDE\n9000099|1: Right\n")
    with pytest.raises(InputError, match=r"kxr_sq_bu00.txt: has a row without an ID"):
        read_study_table("oai", tmp_path, dess)
    table.unlink()
    (tmp_path / "00m").rename(tmp_path / "first")
    with pytest.raises(
        InputError, match=r"first/contents.csv: the folder does not say which visit"
    ):
        read_study_table("oai", tmp_path, dess)
    (tmp_path / "first").rename(tmp_path / "00m")
    (tmp_path / "00m/contents.csv").write_text("Participant,Folder\n1,a\n")
    with pytest.raises(InputError, match=r"contents.csv: has no column 'ParticipantID'"):
        read_study_table("oai", tmp_path, dess)


def test_a_series_may_be_dicom(tmp_path):
    """As OAI and ADNI are handed out: with and without an ending."""
    pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    from tests.io.dicom.writer import MR, write_series

    oai, adni = tmp_path / "00m/0.C.2/9000099/20050322/10", tmp_path / "ADNI/002_S_0295/MPR/I45108"
    affine = homogeneous(rotation([0.2, -0.1, 0.3]) @ np.diag([-0.4, -0.5, 3.0]), [9, -4, 2])
    drawn = torch.randint(0, 900, (1, 6, 5, 4), generator=torch.Generator().manual_seed(0))
    knee = Volume(drawn.to(torch.int16), affine)
    for folder in (oai, adni):
        write_series(folder, knee, kind=MR)
    for file in adni.iterdir():
        file.rename(file.with_suffix(".dcm"))
    (tmp_path / "00m/contents.csv").write_text(
        "ParticipantID,Folder,SeriesDescription,StudyDate\n"
        "9000099,0.C.2/9000099/20050322/10,SAG_3D_DESS_RIGHT,20050322\n"
    )
    (tmp_path / "collection.csv").write_text(
        "Image Data ID,Subject,Visit,Acq Date\nI45108,002_S_0295,sc,4/18/2006\n"
    )
    for layout in ("oai", "adni"):
        (row,) = read_study_table(layout, tmp_path, COLUMNS).rows
        image = row.image.open()
        assert np.allclose(image.grid.affine, knee.grid.affine, atol=1e-3)
        assert image.data.equal(knee.data.to(image.data.dtype))
    empty = oai.with_name("11")
    empty.mkdir()
    oai.rename(oai.with_name("12"))
    empty.rename(oai)
    with pytest.raises(InputError, match="20050322/10 holds no NIfTI and no DICOM; put the series"):
        read_study_table("oai", tmp_path, COLUMNS)


@pytest.mark.parametrize(
    "names",
    [
        "sub-{sub}/ses-{day}/anat/sub-{sub}_ses-{day}_run-01_T1w.nii.gz",
        "sub-{sub}/ses-{day}/anat/sub-{sub}_T1w.nii.gz",
        "{sub}_MR_{day}/anat2/sub-{sub}_sess-{day}_T1w.nii.gz",
    ],
)
def test_oasis_goes_by_days(tmp_path, image, names):
    """Every way in which the download scripts leave images; all tables together."""
    for day in ("d0129", "d1200", "d3000"):
        image(tmp_path / names.format(sub="OAS30001", day=day))
        image(tmp_path / names.format(sub="OAS30001", day=day).replace("T1w", "T2w"))
    (tmp_path / "OASIS3_UDSb4_cdr.csv").write_text(
        "OASISID,OASIS_session_label,days_to_visit,age at visit,CDRTOT\n"
        "OAS30001,OAS30001_UDSb4_d0000,0000,65.2,0\nOAS30001,OAS30001_UDSb4_d1198,1198,68.5,0.5\n"
    )
    (tmp_path / "OASIS3_UDSd1_diagnoses.csv").write_text(
        "OASISID,OASIS_session_label,NORMCOG\nOAS30001,OAS30001_UDSd1_d1100,0\n"
    )
    (tmp_path / "demographics.csv").write_text("OASISID,GENDER\nOAS30001,2\n")
    found = read_study_table("oasis3", tmp_path, COLUMNS)
    names = ("CDRTOT", "NORMCOG", "GENDER", "days", "days_apart")
    assert [(row.visit, *(row.values.get(each) for each in names)) for row in found.rows] == [
        ("d0129", "0", None, "2", 129, -129),
        ("d1200", "0.5", "0", "2", 1200, -100),
        ("d3000", None, None, "2", 3000, None),
    ]


def test_oasis_names_a_day_that_is_none(tmp_path, image):
    image(tmp_path / "OAS30001_MR_d0129/anat1/sub-OAS30001_ses-d0129_T1w.nii.gz")
    with pytest.raises(InputError, match=r"has no .csv with a column OASISID"):
        read_study_table("oasis3", tmp_path, COLUMNS)
    table = tmp_path / "cdr.csv"
    table.write_text("OASISID,days_to_visit,CDRTOT\nOAS30001,soon,0\n")
    with pytest.raises(InputError, match=r"cdr.csv: line 2: days_to_visit is .soon.; allowed"):
        read_study_table("oasis3", tmp_path, COLUMNS)


def test_bids_takes_one_run_where_it_is_told(tmp_path, image):
    for run in "12":
        image(tmp_path / f"sub-01/anat/sub-01_acq-fast_run-{run}_T1w.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t60\n")
    with pytest.raises(InputError, match="are both visit ''"):
        read_study_table("bids", tmp_path, COLUMNS).check_visits()
    (row,) = read_study_table("bids", tmp_path, TableColumns(image="run-2_T1w")).rows
    assert row.image.path.name == "sub-01_acq-fast_run-2_T1w.nii.gz"


@pytest.mark.parametrize("word", ["n/a", "NA", "NaN", "-4"])
def test_what_is_not_known_has_no_value(tmp_path, image, word):
    """As BIDS, R, pandas and ADNI write it; taken for a word it would be a class of its own."""
    for sub in ("01", "02"):
        image(tmp_path / f"sub-{sub}/anat/sub-{sub}_T1w.nii.gz")
    (tmp_path / "participants.tsv").write_text(
        f"participant_id\tdx\tage\nsub-01\t{word}\t60\nsub-02\tAD\t{word}\n"
    )
    table = read_study_table("bids", tmp_path, TableColumns(missing=["-4"]))
    assert [dict(row.values) for row in table.rows] == [
        {"participant_id": "sub-01", "age": "60"}, {"participant_id": "sub-02", "dx": "AD"},
    ]  # fmt: skip


def test_bids_joins_people_and_sessions(tmp_path, image):
    for sub, ses in (("01", "a"), ("01", "b"), ("02", "a")):
        image(tmp_path / f"sub-{sub}/ses-{ses}/anat/sub-{sub}_ses-{ses}_run-1_T1w.nii.gz")
        image(tmp_path / f"sub-{sub}/ses-{ses}/anat/sub-{sub}_ses-{ses}_FLAIR.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t60\nsub-02\t70\n")
    (tmp_path / "sub-01/sub-01_sessions.tsv").write_text("session_id\tscore\nses-a\t1\nses-b\t4\n")
    table = read_study_table("bids", tmp_path, COLUMNS)
    assert [(r.subject, r.visit, r.values["age"], r.values.get("score")) for r in table.rows] == [
        ("01", "a", "60", "1"), ("01", "b", "60", "4"), ("02", "a", "70", None),
    ]  # fmt: skip
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t60\n")
    with pytest.raises(InputError, match="has no row of sub-02"):
        read_study_table("bids", tmp_path, COLUMNS)


def test_medmnist_says_whose_split_it_is(tmp_path):
    parts = {"train": 4, "val": 2, "test": 2}
    arrays = {f"{p}_images": np.zeros((n, 5, 5), np.uint8) for p, n in parts.items()}
    arrays |= {f"{p}_labels": np.ones((n, 1), np.uint8) for p, n in parts.items()}
    np.savez(tmp_path / "small.npz", **arrays)
    table = read_study_table("medmnist", tmp_path / "small.npz", COLUMNS)
    assert [row.values["split"] for row in table.rows] == ["train"] * 6 + ["test"] * 2
    assert table.rows[5].image.open().shape == (5, 5)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="is no archive of MedMNIST"):
        read_study_table("medmnist", tmp_path / "other.npz", COLUMNS)


def test_a_picture_of_an_archive_is_that_of_a_png(tmp_path):
    picture = np.arange(20, dtype=np.uint8).reshape(4, 5)
    np.savez(tmp_path / "many.npz", x=picture[None])
    Image.fromarray(picture).save(tmp_path / "one.png")
    (tmp_path / "t.csv").write_text("image,subject\nmany.npz#x#0,p1\none.png,p2\n")
    first, second = (
        row.image for row in read_study_table("table", tmp_path / "t.csv", COLUMNS).rows
    )
    assert first.open().data.equal(second.open().data)
    assert first.grid() == second.grid()


def test_plain_tables_name_their_columns(tmp_path, image):
    image(tmp_path / "a.nii.gz")
    np.savez(tmp_path / "many.npz", x=np.arange(24.0).reshape(2, 3, 4))
    (tmp_path / "t.csv").write_text("file,who,y\na.nii.gz,p1,1\nmany.npz#x#1,p2,0\n")
    table = read_study_table("table", tmp_path / "t.csv", TableColumns(image="file", subject="who"))
    assert table.rows[1].image.open().data.sum() == sum(range(12, 24))
    for text, message in (
        ("image,who\na.nii.gz,p\n", "has no column 'subject'"),
        ("image,subject\nb.nii.gz,p\n", "line 2: b.nii.gz is not there"),
        ("image,subject\na.nii.gz#x,p\n", "is no image of an archive"),
        ("image,subject\n,p\n", "line 2: the column 'image' is empty"),
    ):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            read_study_table("table", tmp_path / "t.csv", COLUMNS)
    with pytest.raises(InputError, match=r"layout 'adnj' is not known; did you mean 'adni'\?"):
        read_study_table("adnj", tmp_path, COLUMNS)
