"""The viewer of a report as a person has it: in a real browser, from a file, without a network."""

import re
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy import ndimage

from regkit import Affine, Labels, Volume
from regkit.report import Page, Section, viewer, write_page
from regkit.report.registration.page import registration_page
from regkit.report.scene import scene
from regkit.report.slices import planes
from regkit.report.small_copies import small_grid
from regkit.report.volumes import series_layer

READY = "document.querySelector('.missing').hidden"
ABOVE, BELOW, OPACITY, TILES = (f".{name}" for name in ("above", "below", "opacity", "tiles"))


@pytest.fixture(scope="module")
def dotted(head):
    """A dim head with a bright cube, at the left of the patient, in the planes of the pictures."""
    stored = head.reoriented("RAS")
    at = [float(stored.grid.to_index(torch.from_numpy(plane.grid.centre))[axis])
          for plane, axis in zip(reversed(planes(head)), range(3), strict=True)]  # fmt: skip
    index = [round(at[0]) - 5, round(at[1]) + 3, round(at[2])]
    data = 0.4 * stored.data
    data[0, *(slice(at - 2, at + 3) for at in index)] = 200.0
    image = Volume(data, stored.grid, "dot.nii.gz").reoriented("LAS")
    return image, stored.grid.affine @ [*index, 1.0]


@pytest.fixture(scope="module")
def report(dotted, make_result, tmp_path_factory):
    """The report of the head with a dot, its mirror image, dark at the dot, and its labels."""
    image, _ = dotted
    mirrored = image.data.clamp(max=40).flip(1).masked_fill(image.data > 100, 0)
    other = replace(image, name="other.nii.gz", data=mirrored)
    result = make_result(image, other, Affine.identity())
    parts = Labels((image.data[0] > 15).int(), image.grid)
    page = registration_page(result, labels={"parts": parts})
    return write_page(page, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def shared(report, chromium):
    with chromium() as browser:
        browser.open(report, READY)
        yield browser


@pytest.fixture
def browser(shared):
    """The page with fixed below and nothing above it."""
    choose(shared, BELOW, 0)
    choose(shared, ABOVE, "''")
    slide(shared, TILES, 0)
    return shared


def choose(browser, selector, value):
    browser.value(
        f"(e => {{e.value = {value}; e.dispatchEvent(new Event('change'))}})"
        f"(document.querySelector('{selector}'))"
    )


def slide(browser, selector, value):
    browser.value(
        f"(e => {{e.value = {value}; e.dispatchEvent(new Event('input'))}})"
        f"(document.querySelector('{selector}'))"
    )


def readout(browser):
    return browser.value("document.querySelector('.readout').textContent")


def world(browser):
    return [float(x) for x in re.findall(r"(?:right|front|up) (-?[\d.]+)", readout(browser))]


def seen(browser):
    return browser.shot(".stage").astype(float)


def bright_spot(pixels):
    """Centre, column and row, of the largest bright patch of the axial plane."""
    grey = pixels[:, : pixels.shape[1] // 3].min(axis=2)
    patches, count = ndimage.label(grey > 180)
    sizes = ndimage.sum(grey > 180, patches, range(1, count + 1))
    row, column = ndimage.center_of_mass(patches == 1 + int(np.argmax(sizes)))
    return column, row


def click_dot(browser):
    """Put the crosshair where the dot is seen; return column and row."""
    left, top, *_ = browser.box(".stage")
    column, row = bright_spot(seen(browser))
    browser.click(left + column, top + row)
    return column, row


def voxels_from(browser, image, place):
    """Voxels within the axial plane from where the crosshair says it is."""
    inverse = np.linalg.inv(image.grid.reoriented("RAS").affine)
    return np.abs(inverse[:2, :3] @ (world(browser) - place[:3])).max()


def test_nothing_is_complained_of_and_nothing_asked_for(browser):
    assert browser.console == []
    asked = {address.partition(":")[0] for address in browser.requests}
    assert asked <= {"file", "data", "blob"}
    assert sum(address.startswith("file:") for address in browser.requests) == 1


def test_the_canvas_shows_three_planes(browser):
    third = seen(browser).mean(axis=2)
    for part in np.array_split(third, 3, axis=1):
        assert part.std() > 5


@pytest.mark.parametrize("width", [1003, 201, 151])
def test_the_crosshair_is_seen_at_any_width(browser, width):
    browser.value(f"document.querySelector('.stage').style.width = '{width}px'")
    browser.wait(f"document.querySelector('.stage canvas').clientWidth === {width}")
    browser.value("new Promise(done => setTimeout(done, 200))")
    pixels = seen(browser)
    browser.value("document.querySelector('.stage').style.width = ''")
    orange = pixels[..., 0] - pixels[..., 2] > 60
    for part in np.array_split(orange, 3, axis=1):
        assert part.sum(axis=0).max() > 0.3 * len(part)
        assert part.sum(axis=1).max() > 0.3 * width / 3


def test_a_dot_is_where_the_picture_beside_it_has_it(browser, dotted):
    image, place = dotted
    width = browser.box(".stage")[2]
    column, row = click_dot(browser)
    assert voxels_from(browser, image, place) < 1
    axial = scene(image, image, image).planes[0]
    shades = scene(image, image, image).fixed[0]
    in_picture = ndimage.center_of_mass(shades == shades.max())
    per_voxel = [size * width / _across(image) / n for size, n in zip(
        axial.size, reversed(shades.shape), strict=True)]  # fmt: skip
    assert abs(column / per_voxel[0] - in_picture[1] - 0.5) < 1
    assert abs(row / per_voxel[1] - in_picture[0] - 0.5) < 1


def _across(image):
    """Length of the three planes side by side, in world units."""
    return sum(plane.size[0] for plane in planes(image))


def test_left_is_left(browser, dotted):
    column, _ = bright_spot(seen(browser))
    middle = browser.box(".stage")[2] / 6
    _, place = dotted
    image, _ = dotted
    assert place[0] < image.grid.centre[0]  # at the patient's left: x grows to the right
    assert column > middle  # which is on the right of a radiological view
    said = browser.value("document.querySelector('.viewer').textContent")
    assert "right is on the left of the axial and coronal planes" in said


def test_the_keyboard_moves_the_crosshair_voxel_by_voxel(browser, dotted):
    image, _ = dotted
    browser.value("document.querySelector('.stage canvas').focus()")
    browser.press("ArrowLeft")  # from wherever it was, to the middle of a voxel
    turn = image.grid.reoriented("RAS").affine[:3, :3]
    for key, axis, sign in (("ArrowLeft", 0, 1), ("ArrowUp", 1, 1), ("PageDown", 2, -1)):
        before = np.array(world(browser))
        browser.press(key)
        moved = np.array(world(browser)) - before
        assert np.abs(moved - sign * turn[:, axis]).max() < 0.11, key  # each rounded to 0.1 mm


def test_values_are_those_of_the_voxel(browser):
    click_dot(browser)
    assert "fixed: ≥ " in readout(browser)
    assert "parts: 1" in readout(browser)
    assert "log Jacobian: 0.000" in readout(browser)


def test_flicker_alternates_both_images(browser):
    choose(browser, ABOVE, 1)
    both = [seen(browser)]
    browser.value("document.querySelector('.stage canvas').focus()")
    browser.press("f")
    pressed = "document.querySelector('.flicker').getAttribute('aria-pressed')"
    assert browser.value(pressed) == "true"
    both += [_after(browser, both[0])]
    assert np.abs(both[0] - both[1]).max() > 50
    browser.press("f")
    assert browser.value(pressed) == "false"
    assert np.abs(seen(browser) - both[0]).max() < 3


def _after(browser, before, tries=30):
    for _ in range(tries):
        now = seen(browser)
        if np.abs(now - before).max() > 50:
            break
    return now


def test_opacity_and_checkerboard_mix_both_images(browser):
    under = seen(browser)
    choose(browser, ABOVE, 1)
    over = seen(browser)
    slide(browser, OPACITY, 50)
    assert np.abs(seen(browser) - (under + over) / 2).mean() < 1
    slide(browser, OPACITY, 100)
    slide(browser, TILES, 4)
    apart = [np.abs(seen(browser) - image).max(axis=2) for image in (under, over)]
    assert np.minimum(*apart).mean() < 0.2 * np.maximum(*apart).mean()
    assert all(image.mean() > 0.3 for image in apart)


def test_dark_voxels_hide_what_is_below(browser):
    """NiiVue 0.69.0 by itself leaves them out: findings/niivue_dark_overlay.sh."""
    choose(browser, BELOW, 1)
    alone = seen(browser)
    choose(browser, BELOW, 0)
    choose(browser, ABOVE, 1)
    assert np.abs(seen(browser) - alone).max() < 3


def test_labels_and_maps_lie_over_the_image(browser):
    for number in (3, 5):
        choose(browser, ABOVE, number)
        slide(browser, OPACITY, 100)
        blue = np.abs(seen(browser) - [86, 180, 233]).max(axis=2) < 12
        assert blue.mean() > 0.02
    choose(
        browser, ABOVE, 4
    )  # nothing changed its volume: the middle of the colours, which is white
    slide(browser, OPACITY, 100)
    assert np.median(seen(browser)) == pytest.approx(247, abs=1)
    assert browser.value("document.querySelector('.tiles').disabled")


def test_files_are_opened_at_full_resolution(browser, dotted, tmp_path):
    image, place = dotted
    paths = []
    for name, codes in (("fixed.nii.gz", "LAS"), ("warped.nii", "PIR")):
        stored = image.reoriented(codes)
        fine = stored.grid.with_shape([2 * n for n in stored.shape])
        data = stored.data[0].repeat_interleave(2, 0).repeat_interleave(2, 1)
        paths.append(Volume(data.repeat_interleave(2, 2), fine, name).save(tmp_path / name))
    click_dot(browser)
    before = world(browser)
    browser.choose_files(".files", paths)
    browser.wait("document.querySelector('.readout').textContent.includes('warped.nii')")
    assert world(browser) == pytest.approx(before, abs=0.1)
    click_dot(browser)
    assert voxels_from(browser, image, place) < 1
    values = re.findall(r"(?:fixed.nii.gz|warped.nii): \D*([\d.]+)", readout(browser))
    assert len(values) == 2
    assert values[0] == values[1]
    assert not browser.value("document.querySelector('.tiles').disabled")
    assert browser.console == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("int32", "type that the viewer would draw wrong"),
        ("forms", "a qform and an sform that disagree"),
        ("nowhere", "neither qform nor sform"),
        ("metres", "is not measured in mm"),
        ("text", "is no NIfTI-1 file"),
    ],
)
def test_files_that_would_be_drawn_wrong_are_refused(browser, dotted, tmp_path, damage, said):
    image, _ = dotted
    path = tmp_path / f"{damage}.nii"
    nifti = nib.Nifti1Image(
        image.data[0].numpy().astype("i4" if damage == "int32" else "f4"), image.affine
    )
    if damage == "forms":
        moved = image.affine.copy()
        moved[0, 3] += 5
        nifti.set_qform(moved, 1)
        nifti.set_sform(image.affine, 1)
    if damage == "nowhere":
        nifti.set_qform(image.affine, 0)
        nifti.set_sform(image.affine, 0)
    if damage == "metres":
        nifti.header.set_xyzt_units("meter")
    path.write_bytes(b"x" * 999 if damage == "text" else nifti.to_bytes())
    browser.choose_files(".files", [path])
    browser.wait("document.querySelector('.note').textContent")
    assert f"{damage}.nii" in browser.value("document.querySelector('.note').textContent")
    assert said in browser.value("document.querySelector('.note').textContent")


def test_print_shows_the_planes_in_place_of_the_canvas(browser):
    assert len(browser.printed()) > 10_000
    copied = browser.value(
        "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce("
        "(most, x, i) => i % 4 < 3 ? Math.max(most, x) : most, 0))"
        "(document.querySelector('.printed canvas'))"
    )
    assert copied > 100
    said = browser.value("document.querySelector('.printed figcaption').textContent")
    assert said == "Shown: fixed."


def test_no_column_of_a_table_is_cut_off_on_paper(browser):
    rights = (
        "[...document.querySelectorAll('.wide table')].map(e => e.getBoundingClientRect().right)"
    )
    assert max(browser.on_paper(rights, 718)) <= 718


def test_a_dark_screen_gets_a_dark_page(browser):
    browser.dark()
    colour = browser.value("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(16, 19, 23)"


def test_a_series_is_a_movie(chromium, dotted, tmp_path):
    image, _ = dotted
    grid = small_grid(image.grid, 9)
    frames = torch.stack([torch.full(grid.shape, float(level)) for level in (10, 20, 40)], dim=-1)
    layers = [series_layer(name, frames, grid, (0.0, 50.0)) for name in ("before", "after")]
    part = viewer(layers, grid, (0.5, 0.5, 0.5), (0, 7, 14))
    page = write_page(Page("series", sections=[Section("a", [part])]), tmp_path / "series.html")
    with chromium() as browser:
        browser.open(page, READY)
        assert readout(browser).startswith("frame 0 · ")
        dark = seen(browser).mean()
        slide(browser, ".frame", 2)
        assert "frame 14 · " in readout(browser)
        assert re.findall(r"(?:before|after): ([\d.]+)", readout(browser)) == ["40.0", "40.0"]
        assert seen(browser).mean() > 2 * dark
        browser.value("document.querySelector('.play').click()")
        browser.wait("document.querySelector('.readout').textContent.startsWith('frame 7')")
        browser.value("document.querySelector('.play').click()")
        assert browser.value("document.querySelector('.play').textContent") == "Play"
        assert browser.console == []


def test_without_webgl_a_line_says_so_and_the_pictures_stay(report, chromium):
    with chromium("--disable-3d-apis") as browser:
        browser.open(report, "document.querySelector('.missing').offsetHeight > 0")
        assert browser.value("document.querySelector('.live').hidden")
        assert "pictures below" in browser.value("document.querySelector('.missing').textContent")
        assert browser.value("document.querySelectorAll('img').length") >= 12
        assert browser.console == []
