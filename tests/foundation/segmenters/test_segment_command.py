import json

import pytest
import torch

from regkit import Labels, read
from regkit.cli import main


@pytest.fixture
def files(head, parts, tmp_path):
    head.save(tmp_path / "head.nii.gz")
    Labels((parts.data == 1).to(torch.uint8), parts.grid).save(tmp_path / "mask.nii.gz")
    return tmp_path


def segment(folder, *words, image="head.nii.gz", output="out.nii.gz"):
    return main(["segment", str(folder / image), "-o", str(folder / output), *map(str, words)])


def test_a_mask_becomes_a_segmentation_with_a_record(files):
    assert segment(files, "--model", "echo", "--mask", files / "mask.nii.gz") == 0
    found = read(files / "out.nii.gz")
    assert torch.equal(found.data > 0, read(files / "mask.nii.gz").data > 0)
    record = json.loads((files / "out.json").read_text())
    assert record["kind"] == "segment"
    assert record["asked"]["model"] == "echo"
    assert record["voxels"] == int((found.data > 0).sum())


def test_the_probability_is_written_where_it_is_wanted(files):
    words = ("--model", "echo", "--mask", files / "mask.nii.gz")
    assert segment(files, *words, "--probability", files / "p.nii.gz") == 0
    assert float(read(files / "p.nii.gz").data.max()) == 1.0


def test_a_finished_segmentation_is_skipped_and_can_be_repeated(files):
    words = ("--model", "echo", "--mask", files / "mask.nii.gz")
    assert segment(files, *words) == 0
    assert segment(files, *words) == 2  # it is there
    assert segment(files, *words, "--resume") == 0
    assert main(["rerun", str(files / "out.json"), "-o", str(files / "again")]) == 0
    assert (files / "again" / "out.nii.gz").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "ecko"), "did you mean 'echo'"),
        (("--model", "echo"), "takes no prompt of the kind none"),
        (("--model", "echo", "--point", "1,2"), "give 3"),
        (("--model", "echo", "--point", "1,2,3"), "takes no prompt of the kind points"),
        (("--model", "echo", "--point", "here"), "is no place"),
        (("--model", "echo", "--box", "0,0,0,1,1"), "give 6"),
        (("--model", "echo", "--box", "9,9,9,0,0,0"), "lower corner first"),
        (("--model", "echo", "--mask", "nowhere.nii.gz"), "nowhere.nii.gz"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_writes_nothing(files, words, said, capsys):
    assert segment(files, *words) == 2
    assert said in capsys.readouterr().err
    assert not (files / "out.nii.gz").exists()


def test_points_of_a_file_are_inside_or_outside(files, capsys):
    (files / "points.csv").write_text("x,y,z,name\n1,2,3,beside\n")
    assert segment(files, "--model", "echo", "--points", files / "points.csv") == 2
    assert "allowed: inside, outside" in capsys.readouterr().err
