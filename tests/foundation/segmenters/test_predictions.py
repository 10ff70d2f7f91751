"""Label maps of another program as a segmenter."""

import json

import pytest
import torch

from foundation.prompts import Prompts
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.predictions import open_predictions
from regkit import InputError, read


@pytest.fixture
def folder(parts, head, tmp_path):
    """As nnU-Net leaves it: the image has a channel in its name, the label map has none."""
    head.save(tmp_path / "case_0000.nii.gz")
    place = tmp_path / "predicted"
    place.mkdir()
    parts.reoriented("PSL").save(place / "case.nii.gz")
    names = {"background": 0, "outer": 1, "inner": 2, "whole": [1, 2, 5]}
    (place / "dataset.json").write_text(json.dumps({"labels": names}))
    return place


def test_structures_are_found_by_name_on_the_grid_of_the_image(folder, parts):
    model = open_predictions(folder)
    assert model.capabilities.classes == ("outer", "inner", "whole")
    model.set_image(read(folder.parent / "case_0000.nii.gz"))
    inner = model.segment(Prompts(classes=("inner",))).mask
    assert torch.equal(inner.data > 0, parts.data == 2)
    assert torch.equal(model.segment(Prompts()).mask.data > 0, parts.data > 0)
    with pytest.raises(UnsupportedPromptError, match="no class 'iner'; allowed: outer"):
        model.segment(Prompts(classes=("iner",)))
    model.reset()
    with pytest.raises(InputError, match="was given no image"):
        model.segment(Prompts())


def test_an_image_without_a_label_map_is_refused(folder, head):
    with pytest.raises(InputError, match="holds no label map of that name"):
        open_predictions(folder).set_image(head)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "names no labels"),
        ('{"labels": {"a": "one"}}', "label 'a' is 'one'"),
        ('{"labels": {"a": []}}', "label 'a'"),
        ('{"labels": {"a": true}}', "label 'a' is True"),
    ],
)
def test_names_that_are_no_labels_are_refused(folder, text, said):
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=said):
        open_predictions(folder)


@pytest.mark.parametrize("path", [None, "nowhere"])
def test_where_the_folder_goes_is_said(path, tmp_path):
    with pytest.raises(MissingWeightsError, match="write predictions=FOLDER"):
        open_predictions(None if path is None else tmp_path / path)


def test_a_folder_an_image_and_a_file_a_structure(parts, head, tmp_path):
    """As TotalSegmentator leaves it."""
    head.save(tmp_path / "case.nii.gz")
    place = tmp_path / "total" / "case"
    place.mkdir(parents=True)
    for name, value in (("outer", 1), ("inner", 2)):
        stored = parts.with_data((parts.data == value).to(torch.uint8)).reoriented("PSL")
        stored.save(place / f"{name}.nii.gz")
    model = open_predictions(tmp_path / "total")
    assert model.capabilities.classes == ("inner", "outer")
    model.set_image(read(tmp_path / "case.nii.gz"))
    inner = model.segment(Prompts(classes=("inner",))).mask
    assert torch.equal(inner.data > 0, parts.data == 2)
    both = (parts.data == 1) | (parts.data == 2)
    assert torch.equal(model.segment(Prompts()).mask.data > 0, both)
    with pytest.raises(UnsupportedPromptError, match="no class 'iner'; allowed: inner, outer"):
        model.segment(Prompts(classes=("iner",)))
    other = tmp_path / "total" / "other"
    other.mkdir()
    (place / "outer.nii.gz").rename(other / "outer.nii.gz")
    model.set_image(read(tmp_path / "case.nii.gz"))
    with pytest.raises(InputError, match="there is no mask of 'outer'"):
        model.segment(Prompts(classes=("outer",)))
    head.save(tmp_path / "third.nii.gz")
    with pytest.raises(InputError, match="put the masks of its structures into total/third"):
        model.set_image(read(tmp_path / "third.nii.gz"))
    model.reset()
    with pytest.raises(InputError, match="was given no image"):
        model.segment(Prompts())
