"""Data sets as Python objects: items like those of torchgeo, and pairs of image and truth."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from probes.images.reading import read_samples
from probes.images.settings import DataSettings
from regkit import InputError
from regkit.cli import main


class Scenes:
    """Items as torchgeo's: a mapping of tensors, the class as a tensor without axes."""

    def __init__(self, count: int = 12, **change: object) -> None:
        self.count, self.change = count, change

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, object]:
        generator = torch.Generator().manual_seed(number)
        image = torch.randn(4, 16, 16, generator=generator)
        image[number % 2] += 1
        item = {
            "image": image, "label": torch.tensor(number % 2), "mask": (image[0] > 0).long(),
            "name": f"scene {number}", "subject": f"place {number // 2}",
        }  # fmt: skip
        return {k: v for k, v in {**item, **self.change}.items() if v is not None}


class Pairs(Scenes):
    """Items as torchvision's: image and class."""

    def __getitem__(self, number: int) -> tuple[object, object]:
        item = super().__getitem__(number)
        return item["image"].numpy(), int(item["label"])


class Odd(Scenes):
    """One item is of another size."""

    def __getitem__(self, number: int) -> dict[str, object]:
        item = super().__getitem__(number)
        return item if number != 3 else {**item, "image": item["image"][:, :8]}


def _raise(**_: object) -> None:
    raise RuntimeError("no root\nmore lines")


class Unreadable(Scenes):
    """One item cannot be read."""

    def __getitem__(self, number: int) -> dict[str, object]:
        return super().__getitem__(number) if number != 3 else _raise()


@pytest.fixture(autouse=True)
def mine(monkeypatch) -> None:
    """A module of the user's own."""
    module = ModuleType("mine")
    for each in (Scenes, Pairs, Odd, Unreadable):
        setattr(module, each.__name__, each)
    module.number, module.broken, module.none = lambda: 3, _raise, lambda: []
    module.words = lambda: SequenceOf("a word")
    module.typed = lambda: Scenes(image="picture.png")
    monkeypatch.setitem(sys.modules, "mine", module)


class SequenceOf(SimpleNamespace):
    """Two items of anything."""

    def __init__(self, item: object) -> None:
        super().__init__(item=item)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> object:
        return self.item


def _read(dataset: str, truth: str = "class", **more: object):
    given = {"name": "set", "kind": "python", "dataset": dataset, **more}
    return read_samples(DataSettings.model_validate(given), truth)


def test_items_of_torchgeo_are_samples():
    found = _read("mine:Scenes")
    assert found.images.shape == (12, 4, 16, 16)
    assert found.truth.tolist() == [0, 1] * 6
    assert found.names[3] == "scene 3"
    assert found.subjects[:4] == ["place 0", "place 0", "place 1", "place 1"]
    assert _read("mine:Scenes", options={"count": 4}).images.shape[0] == 4
    assert _read("mine:Scenes", bands=[2]).images.shape[1] == 1
    assert _read("mine:Scenes", limit=3).names == ["scene 0", "scene 4", "scene 8"]


def test_masks_are_label_maps():
    found = _read("mine:Scenes", "map")
    assert found.truth is None
    assert torch.equal(found.labels, (found.images[:, :1] > 0).long())


def test_several_labels_are_rows():
    label = torch.tensor([1, 0, 1])
    assert _read("mine:Scenes", "several", options={"label": label}).truth[0].tolist() == [1, 0, 1]


def test_pairs_of_image_and_class_are_samples():
    found, wanted = _read("mine:Pairs"), _read("mine:Scenes")
    assert torch.equal(found.images, wanted.images)
    np.testing.assert_array_equal(found.truth, wanted.truth)


def test_a_study_of_objects_can_be_rerun(tmp_path):
    model = {"name": "m", "source": "python=tests.probes.networks:brighter_band"}
    given = {
        "study": "Scenes", "models": [model], "suppressors": ["grayscale"], "resamples": 100,
        "data": [{"name": "scenes", "kind": "python", "dataset": "mine:Scenes",
                  "options": {"count": 40}}],
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(json.dumps(given))
    out = tmp_path / "out"
    words = ["reliance", "run", str(tmp_path / "study.yaml"), "-o", str(out), "--quiet"]
    assert main(words) == 0
    assert json.loads((out / "run.json").read_text())["inputs"] == []
    assert main(["rerun", str(out / "run.json"), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "skill.csv").read_bytes() == (out / "skill.csv").read_bytes()


@pytest.mark.parametrize(
    ("dataset", "truth", "more", "message"),
    [
        ("nowhere:Scenes", "class", {}, "imported and called: No module named"),
        ("mine:Nothing", "class", {}, "'mine:Nothing' is no function that can be"),
        ("mine:broken", "class", {}, "imported and called: no root$"),
        ("mine:number", "class", {}, "returns int; a data set has a length above 0"),
        ("mine:none", "class", {}, "returns list; a data set has a length above 0"),
        ("mine:words", "class", {}, "item 0 is str; an item is a mapping with image"),
        ("mine:typed", "class", {}, "item 0 has image of type str; it must be a tensor"),
        ("mine:Unreadable", "class", {}, "item 3 cannot be read: no root$"),
        ("mine:Odd", "class", {}, r"item 3 has image of shape \(4, 8, 16\), the first one"),
        ("mine:Scenes", "class", {"label": None}, "item 0 has no label, which the task needs"),
        ("mine:Scenes", "map", {"mask": None}, "item 0 has no mask, which the task needs; it has"),
        ("mine:Scenes", "class", {"label": torch.ones(3)}, "has 3 labels an image; use the task"),
        ("mine:Scenes", "class", {"image": torch.ones(3)}, "bands come first"),
        ("mine:Scenes", "map", {"mask": torch.ones(8, 8)}, r"has masks of \(8, 8\) for images"),
        ("mine:Scenes", "map", {"mask": torch.zeros(16, 16)}, "scene 0 has no structure"),
    ],
)
def test_what_is_no_data_set_is_named(dataset, truth, more, message):
    with pytest.raises(InputError, match=message):
        _read(dataset, truth, options=more)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "python"}, "of the kind python has a dataset, and no other"),
        ({"kind": "npz", "dataset": "mine:Scenes"}, "of the kind npz has a path, and no other"),
        ({"kind": "npz", "path": "a.npz", "options": {"a": 1}}, "options are for the kind python"),
        ({"kind": "python", "dataset": "mine.Scenes"}, "should match pattern"),
    ],
)
def test_a_data_set_is_in_one_place(given, message):
    with pytest.raises(ValueError, match=message):
        DataSettings.model_validate({"name": "set", **given})
