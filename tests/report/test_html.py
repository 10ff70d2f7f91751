import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, InputError, RegisterConfig, Volume, World
from regkit.geometry.affines import homogeneous
from regkit.metrics.structures import StructureScore
from regkit.metrics.surface import SurfaceDistance
from regkit.report import render_page
from regkit.report.registration.page import registration_page

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


RECORD = {
    "inputs": [
        {"role": "fixed", "file": "f.nii.gz", "sha256": "0123456789abcdef"},
        {"role": "moving_mask", "file": "m.nii.gz", "sha256": "fedcba9876543210"},
    ],
    "preset": "fast",
    "seconds": 12.34,
    "peak_memory_mb": 512.6,
    "notices": ["f.nii.gz is sheared"],
    "versions": {"regkit": "9.9", "python": "3"},
}


def render(result, record=None, **more):
    return render_page(registration_page(result, **more), record=record)


@pytest.fixture(scope="module")
def html(result):
    return render(result, RECORD, before={"dice_mean": 0.5})


def test_writes_one_small_file_and_nothing_else(result, tmp_path):
    path = result.report(tmp_path / "report.html")
    assert [*tmp_path.iterdir()] == [path]
    assert path.stat().st_size < 2_000_000
    assert path.read_text(encoding="utf-8").lstrip().startswith("<!DOCTYPE html>")


def test_replaces_a_report_whole_or_not_at_all(result, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("regkit.report.page.render_page", lambda *_, **__: "new")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        result.report(path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_missing_folder_is_refused(result, tmp_path):
    with pytest.raises(InputError, match=r"none: the output folder does not exist"):
        result.report(tmp_path / "none" / "report.html")


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
        "Reached the iteration limit while still improving: field.",
        "24 x 28 x 20 voxels",
        "1.3 x 1.1 x 1.9 mm",
        "LAS",
        "float32",
        "Dice, mean 0.5",
        "both are of one contrast",
        "iteration limit",
        "centres of mass",
        "field.factors",
        "doi:10.1016/j.media.2007.06.004",
        "Total time 12.3 s",
        "Peak memory 513 MB",
        "moving mask m.nii.gz fedcba987654",
        "f.nii.gz is sheared",
    ):
        assert words in text


def test_the_same_result_gives_the_same_bytes(result, html):
    assert render(result, RECORD, before={"dice_mean": 0.5}) == html


def test_one_run_has_one_time_and_nothing_is_called_none(html, result):
    text = " ".join(Page(html).text.split())
    assert len(re.findall(r"\d s\b", text)) == 1
    assert not re.search(r"\b(None|inputs 1|nan)\b", text)
    assert "Total time" not in Page(render(result)).text


def test_a_phone_a_dark_screen_and_a_printer_can_show_it(html):
    assert 'name="viewport" content="width=device-width' in html
    assert "@media screen and (prefers-color-scheme: dark)" in html
    assert "@media print" in html


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
    text = render(hostile, {"notices": [bad], "preset": bad})
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("<script") == render(result).count("<script")
    assert Page(text).open == []


def test_the_record_of_a_run_keeps_folders_private_and_is_not_shown_twice(result):
    private = replace(
        result,
        fixed=replace(result.fixed, name="/home/jane doe/a.nii.gz"),
        moving=replace(result.moving, name=r"C:\Users\jane doe\b.nii.gz"),
        reason="read from /home/jane/c.yaml",
    )
    record = {**RECORD, "stages": [{"name": "hidden stage"}]}
    text = strip_data(render(private, record))
    for absent in ("jane", "hidden stage"):
        assert absent not in text
    for shown in ("a.nii.gz", "c.yaml", "<td>m.nii.gz</td>", "9.9"):
        assert shown in text


def test_lengths_are_in_the_unit_of_the_world(flat_result):
    grid = replace(flat_result.fixed.grid, world=World.pixels())
    fixed = replace(flat_result.fixed, grid=grid)
    page = Page(render(replace(flat_result, fixed=fixed, moving=fixed)))
    assert "pixel" in page.text
    assert not re.search(r"\d mm\b", page.text)


def test_two_dimensions(flat_result):
    page = Page(render(flat_result))
    assert "x points to the right and y upwards" in page.text
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 12


def test_a_volume_of_one_slice(make_result):
    grid = Grid((12, 14, 1), np.diag([-1.0, 1.0, 5.0, 1.0]))
    image = Volume(torch.arange(12 * 14).reshape(12, 14, 1).to(torch.int16), grid, "one")
    text = Page(render(make_result(image, image, Affine.identity()))).text
    assert "Axial slice through the middle of the fixed object" in text
    assert "show channel" not in text


@pytest.mark.parametrize(("count", "pictures"), [(2, 14), (4, 16), (5, 12)])
def test_every_channel_is_shown_where_there_are_a_few(make_result, head, count, pictures):
    image = Volume.stacked([head] * count)
    page = Page(render(make_result(image, image, Affine.identity())))
    assert len([tag for tag, _ in page.tags if tag == "img"]) == pictures
    assert f"The pictures show channel 0 of {count}, counted from 0" in page.text
    assert ("the others are not shown" in page.text) == (count == 5)


def test_channels_are_told_apart(make_result, head):
    image = Volume.stacked([head, head.with_data(head.data.flip(1))])
    text = render(make_result(image, image, Affine.identity()))
    small = re.search(r'<div class="gallery">(.*?)</div>', text, re.S)[1]
    first, second = re.findall(r'src="([^"]+)"', small)
    assert first != second
    assert 'alt="Channel 1 of ' in small


SCORES = (
    StructureScore(4, 0.5, 0.81, SurfaceDistance(0.5, 1.25, 3.0)),
    StructureScore(17, 0.25, 0.414, SurfaceDistance(2.0, 6.5, 9.0)),
    StructureScore(99, 0.0, 0.6, None),
)


def test_every_structure_has_a_row_and_the_worst_has_its_name(result):
    text = " ".join(Page(render(result, structures=SCORES)).text.split())
    assert "3 structures were compared. The worst is label 17: its Dice is 0.414" in text
    assert "its surface distance (95 %) 6.5 mm" in text
    rows = ["Label 17 0.250 0.414 2.00 6.50 9.00", "Label 99 0.000 0.600 - - -", "Label 4 0.500"]
    places = [text.index(row) for row in rows]
    assert places == sorted(places)
    assert "Structures" not in Page(render(result)).text


def test_structures_that_guided_are_no_measure(result):
    guided = replace(result, config=result.config.model_copy(update={"dice": 1.0}))
    assert "These labels guided" in Page(render(guided, structures=SCORES)).text


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
    held = re.sub(r'(<script type="application/gzip"[^>]*>)[A-Za-z0-9+/=]+<', r"\1<", text)
    return re.sub(rf'{re.escape(SVG)}[^"]+', "", held)
