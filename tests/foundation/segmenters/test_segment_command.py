import json
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from foundation.prompts import PromptKind
from foundation.segmenters import Capabilities, Segmentation
from foundation.segmenters.prompt_unet.segmenter import open_prompt_unet
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


def test_the_network_that_ships_says_how_little_it_has_seen(files, capsys):
    assert segment(files, "--mask", files / "mask.nii.gz") == 0
    assert "one brain and one chest" in capsys.readouterr().err
    record = json.loads((files / "out.json").read_text())
    assert "by a point or a box it is poor" in record["notices"][0]
    assert record["weights"] == open_prompt_unet(None).capabilities.weights


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
        (("--model", "echo"), "echo needs a prompt; allowed: box, mask"),
        (("--model", "echo", "--point", "1,2"), "give 3"),
        (("--model", "echo", "--point", "1,2,3"), "takes no prompt of the kind points"),
        (("--model", "echo", "--point", "here"), "is no place"),
        (("--model", "echo", "--box", "1,2,3,nan,5,6"), "--box '1,2,3,nan,5,6' is no place; write"),
        (("--model", "sam2", "--point", "1,2,3"), "model sam2: there is no config.json"),
        (("--model", "echo", "--box", "0,0,0,1,1"), "give 6"),
        (("--model", "echo", "--box", "9,9,9,0,0,0"), "lower corner first"),
        (("--model", "echo", "--mask", "nowhere.nii.gz"), "nowhere.nii.gz"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_writes_nothing(files, words, said, capsys):
    assert segment(files, *words) == 2
    assert said in capsys.readouterr().err
    assert not (files / "out.nii.gz").exists()


EVERYTHING = Capabilities(tuple(PromptKind), combinable=True)


@dataclass
class Told:
    """A model that takes everything, and what it was told."""

    told: list = field(default_factory=list)
    name: str = "told"
    capabilities: Capabilities = EVERYTHING

    def set_image(self, image):
        self.image = image

    def segment(self, prompts):
        self.told.append(prompts)
        return Segmentation.of(self.image.with_data((self.image.data > 50).float()))

    def reset(self):
        self.image = None


@pytest.fixture
def told(monkeypatch):
    model = Told()
    monkeypatch.setattr("foundation.segmenters.job.check_segmenter", lambda name: None)
    monkeypatch.setattr("foundation.segmenters.job.open_segmenter", lambda name: model)
    return model.told


def test_lines_examples_and_an_earlier_result_are_told_and_repeated(files, told):
    (files / "in.csv").write_text("x,y,z\n1,2,3\n2,3,4\n")
    (files / "out.csv").write_text("x,y,z,name\n9,9,9,outside\n8,9,9,outside\n")
    mask, head = files / "mask.nii.gz", files / "head.nii.gz"
    words = [
        "--scribble", files / "in.csv", "--scribble", files / "out.csv", "--previous", mask,
        "--example", head, "--example-labels", mask, "--example", head, "--example-labels", mask,
    ]  # fmt: skip
    assert segment(files, *words) == 0
    record = json.loads((files / "out.json").read_text())
    roles = [each["role"] for each in record["inputs"]]
    assert roles == [
        "image", "previous", "scribble 1", "scribble 2", "example 1", "example labels 1",
        "example 2", "example labels 2",
    ]  # fmt: skip
    assert main(["rerun", str(files / "out.json"), "-o", str(files / "again")]) == 0
    for prompts in told:
        assert [line.positive.tolist() for line in prompts.scribbles] == [[True] * 2, [False] * 2]
        assert prompts.scribbles[0].points.xyz.tolist() == [[1, 2, 3], [2, 3, 4]]
        assert prompts.previous.data.equal(read(mask).data)
        assert len(prompts.support) == 2
        assert prompts.support[1].image.grid == prompts.support[1].labels.grid
    assert len(told) == 2


def test_lines_and_examples_that_cannot_be_used_are_named(files, told, capsys):
    (files / "both.csv").write_text("x,y,z,name\n1,2,3,inside\n2,3,4,outside\n")
    assert segment(files, "--scribble", files / "both.csv") == 2
    assert "both.csv: a line needs places, all inside or all outside" in capsys.readouterr().err
    Labels(torch.ones(1, 3, 3, 3, dtype=torch.uint8), np.eye(4)).save(files / "other.nii.gz")
    words = ("--example", files / "head.nii.gz", "--example-labels", files / "other.nii.gz")
    assert segment(files, *words) == 2
    assert "other.nii.gz lies on 3x3x3" in capsys.readouterr().err
    assert segment(files, *words[:2]) == 2
    assert "1 --example and 0 --example-labels; give one of each" in capsys.readouterr().err
    assert not told


def test_points_of_a_file_are_inside_or_outside(files, capsys):
    (files / "points.csv").write_text("x,y,z,name\n1,2,3,beside\n")
    assert segment(files, "--model", "echo", "--points", files / "points.csv") == 2
    assert "allowed: inside, outside" in capsys.readouterr().err
