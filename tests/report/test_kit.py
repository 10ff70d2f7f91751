"""The kit by itself: what any product may put into a report."""

import re

import pytest
from matplotlib.figure import Figure

from regkit.report import (
    Check,
    Page,
    Section,
    blend,
    details,
    figure,
    gallery,
    hint,
    legend,
    pairs,
    render_page,
    table,
)
from regkit.report.charts import picture
from regkit.report.parts import link, small_picture
from regkit.report.photo import Photo
from regkit.report.picture import Picture

BAD = "<script>alert(1)</script>\"'><img src=x onerror=y>&.nii"
DOT = Picture('<svg xmlns="http://www.w3.org/2000/svg"/>', BAD)


@pytest.mark.parametrize(
    "part",
    [
        BAD,
        hint(BAD),
        legend([(BAD, BAD)]),
        figure(DOT, BAD, BAD),
        gallery([figure(DOT, BAD)]),
        blend(DOT, DOT, (BAD, BAD)),
        table((BAD, BAD), [(BAD, BAD)], numbers=[BAD]),
        pairs([(BAD, BAD)]),
        details(BAD, pairs([(BAD, BAD)])),
        link(BAD, BAD),
        small_picture(Photo(b"", BAD)),
    ],
)
def test_every_part_escapes_what_it_is_given(part):
    page = Page(
        BAD, [Check(False, BAD)], [Section(BAD, [part])], [BAD], BAD,
        notes=[BAD], settings={BAD: BAD}, citations=[BAD],
    )  # fmt: skip
    text = render_page(page, record={"notices": [BAD], "inputs": [dict.fromkeys(
        ("role", "file", "sha256"), BAD)]})  # fmt: skip
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert not re.search(r'(alt|aria-label|data-below|style)="[^"]*<', text)
    assert text.count("<script") == 1


def test_every_picture_has_its_words():
    shown = figure(picture(Figure(), "two lungs"), "Lungs")
    assert 'alt="two lungs"' in shown


def test_the_verdict_is_what_the_checks_say():
    good, bad = Check(True, "It fits."), Check(False, "It folds.")
    assert "All automatic checks passed." in render_page(Page("a", [good]))
    text = render_page(Page("a", [good, bad]))
    assert '<p class="verdict doubtful">1 of 2 automatic checks did not pass.' in text
    assert '<li class="look">It folds.</li>' in text
    assert '<p class="verdict' not in render_page(Page("a"))
    mine = render_page(Page("a", [good], verdict="Mine.", grade="fail"))
    assert '<p class="verdict fail">Mine.</p>' in mine


def test_sections_keep_their_order_and_the_run_comes_last():
    sections = [Section(name, ["text"]) for name in ("One", "Two")]
    titles = re.findall(r"<h2>(.*)</h2>", render_page(Page("a", (), sections, citations=["b"])))
    assert titles == ["One", "Two", "The run", "How to cite"]


def test_the_software_is_always_cited():
    assert re.search(r"<ol>\s*<li>regkit, version [\d.]+ \(Apache", render_page(Page("a")))


def test_numbers_are_aligned_and_the_first_column_names_the_row():
    text = table(("A", "B"), [("x", "1")], numbers=["B"])
    assert '<th scope="row">x</th>' in text
    assert '<td class="number">1</td>' in text


def test_the_phases_of_a_run_have_their_times():
    text = render_page(Page("a"), record={"seconds": {"learning": 2.0, "applying": 0.5}})
    assert '<th scope="row">Time for learning</th><td>2.0 s</td>' in text
    assert "Total time" not in text


def test_what_was_asked_for_is_shown_where_a_product_says_nothing():
    text = render_page(Page("a"), record={"asked": {"factor": 2, "none": None}})
    assert '<th scope="row">factor</th><td>2</td>' in text
    assert '<th scope="row">none</th>' not in text
