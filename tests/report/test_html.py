import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, InputError, RegisterConfig, Volume, World
from regkit.geometry.affines import homogeneous
from regkit.report.html import render, write_report

SVG = "data:image/svg+xml;charset=utf-8,"


class Page(HTMLParser):
    """Collects the tags of a page and checks that they nest."""

    VOID = frozenset({"meta", "img", "input", "source", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "script" not in self.open:
            self.text += data + " "


@pytest.fixture(scope="module")
def html(result):
    return render(result, run={"threads": 2}, before={"dice_mean": 0.5})


def test_writes_one_small_file_and_nothing_else(result, tmp_path):
    path = write_report(result, tmp_path / "report.html")
    assert [*tmp_path.iterdir()] == [path]
    assert path.stat().st_size < 1_000_000
    assert path.read_text(encoding="utf-8").lstrip().startswith("<!DOCTYPE html>")


def test_replaces_a_report_whole_or_not_at_all(result, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("regkit.report.html.render", lambda *_, **__: "new")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(result, path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_missing_folder_is_refused(result, tmp_path):
    with pytest.raises(InputError, match=r"none: the output folder does not exist"):
        write_report(result, tmp_path / "none" / "report.html")


def test_nothing_is_fetched_from_anywhere(html):
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<iframe", strip_data(html))
    for tag, attributes in Page(html).tags:
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, SVG).startswith(SVG), tag


def test_tags_nest_and_every_picture_has_words(html):
    page = Page(html)
    assert page.open == []
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 12
    assert all(len(attributes["alt"]) > 20 for attributes in pictures)
    for attributes in pictures:
        drawing = Page(unquote(attributes["src"].removeprefix(SVG)))
        assert drawing.tags[0][0] == "svg"
        assert drawing.open == []


def test_says_what_a_reader_looks_for(html):
    text = " ".join(Page(html).text.split())
    for words in (
        "visit2.nii.gz registered to head.nii.gz",
        "Quality: doubtful. 1 of 2 automatic checks did not pass.",
        "The map does not fold.",
        "It drifts.",
        "Stopped at the bound on iterations while still improving: field.",
        "24 x 28 x 20 voxels",
        "1.3 x 1.1 x 1.9 mm",
        "LAS",
        "float32",
        "Dice, mean 0.5",
        "both are of one contrast",
        "at its bound",
        "centres of mass",
        "field.factors",
        "doi:10.1016/j.media.2007.06.004",
        "threads 2",
    ):
        assert words in text


def test_the_same_result_gives_the_same_bytes(result, html):
    assert render(result, run={"threads": 2}, before={"dice_mean": 0.5}) == html


def test_hostile_names_and_notes_are_only_text(result):
    bad = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&$x$.nii.gz"
    hostile = replace(
        result,
        fixed=replace(result.fixed, name=bad),
        moving=replace(result.moving, name=bad),
        reason=bad,
        stages=tuple(replace(stage, name=bad, note=bad) for stage in result.stages),
        metrics=result.metrics | {bad: 1.0},
    )
    text = render(hostile, run={bad: bad})
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("<script") == 1
    assert Page(text).open == []


def test_the_record_of_a_run_keeps_folders_private_and_is_not_shown_twice(result):
    private = replace(
        result,
        fixed=replace(result.fixed, name="/home/jane doe/a.nii.gz"),
        moving=replace(result.moving, name=r"C:\Users\jane doe\b.nii.gz"),
        reason="read from /home/jane/c.yaml",
    )
    record = {
        "command": ["regkit", "/home/jane doe/a.nii.gz", "--out=/home/jane/o"],
        "inputs": [{"role": "fixed", "file": "f.nii.gz"}, {"role": "moving", "file": "m.nii.gz"}],
        "stages": [{"name": "hidden stage"}],
        "versions": {"regkit": "9.9", "python": "3"},
    }
    text = render(private, run=record)
    for absent in ("jane", "hidden stage"):
        assert absent not in text
    for shown in ("a.nii.gz", "c.yaml", "--out=o", "role moving, file m.nii.gz", "9.9"):
        assert shown in text


def test_lengths_are_in_the_unit_of_the_world(flat_result):
    grid = replace(flat_result.fixed.grid, world=World.pixels())
    fixed = replace(flat_result.fixed, grid=grid)
    page = Page(render(replace(flat_result, fixed=fixed, moving=fixed)))
    assert "pixel" in page.text
    assert not re.search(r"\d mm\b", page.text)


def test_two_dimensions(flat_result):
    page = Page(render(flat_result))
    assert "x to the right, y upwards" in page.text
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 12


def test_a_volume_of_one_slice_and_channels(make_result):
    grid = Grid((12, 14, 1), np.diag([-1.0, 1.0, 5.0, 1.0]))
    image = Volume(torch.arange(12 * 14 * 2).reshape(2, 12, 14, 1).to(torch.int16), grid, "rgb")
    text = Page(render(make_result(image, image, Affine.identity()))).text
    assert "Axial of the fixed image" in text
    assert "The first channel is shown." in text


def test_constant_images(result):
    flat = replace(result.fixed, data=torch.zeros_like(result.fixed.data))
    assert Page(render(replace(result, fixed=flat, moving=flat, warped=flat))).open == []


def test_images_that_do_not_meet_by_their_headers(result):
    away = Grid(result.moving.grid.shape, homogeneous(np.eye(3), [900.0, 0, 0]))
    moved = replace(result, moving=replace(result.moving, grid=away))
    assert "share none of the planes shown" in Page(render(moved)).text


def test_other_contrasts_and_a_run_without_iterations(result):
    config = RegisterConfig(similarity="mind")
    text = Page(render(replace(result, config=config, stages=result.stages[:1]))).text
    assert "compared across contrasts (mind)" in text
    assert "there is no similarity curve" in text


def strip_data(text):
    return re.sub(rf'{re.escape(SVG)}[^"]+', "", text)
