"""The volumes that a page holds for its viewer: where they lie, what they say, and their size."""

import hashlib
import re
from base64 import b64decode
from importlib.resources import files

import nibabel as nib
import numpy as np
import pytest
import torch
from isal import igzip

from regkit import Affine, DisplacementField, Grid, Labels, Volume
from regkit.geometry.affines import homogeneous, rotation
from regkit.metrics.affine_part import affine_part
from regkit.report import Page, Section, render_page
from regkit.report.parts import viewer
from regkit.report.registration.layers import (
    CUBES,
    FIXED,
    FOLDING,
    JACOBIAN,
    MOVING,
    WARPED,
    registration_viewer,
)
from regkit.report.registration.page import registration_page
from regkit.report.scene import scene
from regkit.report.slices import planes
from regkit.report.small_copies import PAGE_LIMIT, focus, small_copy, small_grid, thinned_grid
from regkit.report.volumes import image_layer, label_layers, signed_layer
from regkit.resample import warp

_VOLUME = re.compile(
    r'<script type="application/gzip" class="volume" data-name="([^"]*)" data-kind="([^"]*)" '
    r'data-structures="([^"]*)">([^<]*)<'
)


def opened(nifti):
    """The image that a reader of NIfTI sees; one member of gzip, as NiiVue demands."""
    raw = igzip.decompress(nifti)
    assert igzip.compress(raw, compresslevel=2, mtime=0) == nifti
    return nib.Nifti1Image.from_bytes(raw)


def volumes(text):
    """Kind, structures and image by the names of the volumes of a page."""
    return {
        name: (kind, structures.split(), opened(b64decode(data)))
        for name, kind, structures, data in _VOLUME.findall(text)
    }


def viewer_page(result, **labels):
    """A page of the viewer alone."""
    cuts = scene(result.fixed, result.moving, result.warped)
    affine = affine_part(result.transform, result.fixed.grid)
    sections = registration_viewer(result, cuts, affine, labels, [])
    return render_page(Page("a", sections=sections))


@pytest.fixture(scope="module")
def page(result, parts):
    return viewer_page(result, parts=parts)


def test_niivue_is_the_one_of_npm_and_has_its_licences():
    folder = files("regkit.report").joinpath("niivue")
    recorded, name = folder.joinpath("niivue.umd.js.sha256").read_text().split()
    assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == recorded
    licence = folder.joinpath("LICENSE.txt").read_text()
    assert "BSD 2-Clause License" in licence
    assert "version 0.69.0" in licence
    assert b"<" + b"/script" not in folder.joinpath(name).read_bytes()


def test_a_registration_shows_both_images_labels_and_the_transform(page):
    kinds = {name: kind for name, (kind, _, _) in volumes(page).items()}
    assert kinds == {
        FIXED: "image",
        WARPED: "image",
        MOVING: "image",
        "parts": "labels",
        JACOBIAN: "signed",
        CUBES: "labels",
    }


def test_every_volume_has_one_grid_and_equal_forms(page, result):
    images = [image for _, _, image in volumes(page).values()]
    for image in images:
        header = image.header
        assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)
        assert np.allclose(header.get_qform(), header.get_sform(), atol=1e-5)
        assert image.get_data_dtype() in (np.uint8, np.uint16)
        assert header.get_xyzt_units()[0] == "mm"
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert image.shape == images[0].shape
        assert np.array_equal(image.affine, images[0].affine)
    stored = result.fixed.grid.reoriented("RAS")
    assert images[0].shape == stored.shape
    assert np.allclose(images[0].affine, stored.affine, atol=1e-4)


def test_labels_alone_have_the_intent_of_labels(page):
    for kind, _, image in volumes(page).values():
        assert (image.header.get_intent()[0] == "label") == (kind == "labels")


def test_values_and_places_are_those_of_the_image(page, result):
    image = volumes(page)[FIXED][2]
    values = result.fixed.reoriented("RAS").data[0].numpy()
    step = float(image.dataobj.slope)
    low, high = np.quantile(values, [0.02, 0.99])
    inner = (values > low) & (values < high)
    assert np.abs(np.asarray(image.dataobj) - values)[inner].max() <= 0.51 * step


def test_a_dot_lies_in_the_voxel_that_holds_it():
    linear = rotation([0.2, -0.1, 0.3]) @ np.diag([-0.5, 0.7, 0.9])
    grid = Grid((70, 60, 50), homogeneous(linear, [9.0, -4.0, 2.0]))
    data = torch.zeros(grid.shape)
    data[11, 40, 29] = 100.0
    small = grid.with_shape((35, 30, 25)).reoriented("RAS")
    image = opened(image_layer("a", Volume(data, grid), small, (0.0, 20.0)).nifti)
    brightest = np.unravel_index(np.argmax(np.asarray(image.dataobj)), image.shape)
    apart = np.linalg.inv(image.affine) @ (grid.affine @ [11, 40, 29, 1.0])
    assert np.abs(apart[:3] - brightest).max() <= 0.5
    assert np.asarray(image.dataobj).max() == pytest.approx(100 / 8, abs=0.05)


def test_what_has_no_data_is_told_from_black():
    grid = Grid((4, 4, 4), np.eye(4))
    valid = torch.ones(grid.shape, dtype=torch.bool)
    valid[0] = False
    image = Volume(torch.full(grid.shape, -5.0), grid, valid=valid)
    wider = grid.window((0, 0, 0), (6, 4, 4))
    codes = opened(image_layer("a", image, wider, (0.0, 1.0)).nifti).dataobj.get_unscaled()
    assert codes[:, 0, 0].tolist() == [0, 1, 1, 1, 0, 0]


def test_means_leave_out_what_has_no_data():
    grid = Grid((4, 2, 2), np.eye(4))
    valid = torch.tensor([True, False, True, True])[:, None, None].expand(grid.shape)
    data = torch.tensor([1.0, 99.0, 2.0, 4.0])[:, None, None].expand(grid.shape)
    small = small_copy(Volume(data, grid, valid=valid), grid.with_shape((2, 1, 1)))
    assert small.data.flatten().tolist() == [1.0, 3.0]


def test_zero_is_the_middle_of_a_signed_map():
    grid = Grid((2, 2, 2), np.eye(4))
    image = opened(signed_layer("a", torch.zeros(2, 2, 2), grid, 0.3).nifti)
    assert image.dataobj.get_unscaled().flatten().tolist() == [128] * 8
    assert np.allclose(image.get_fdata(), 0, atol=1e-7)


def test_large_and_sparse_labels_keep_their_names_and_one_colour():
    grid = Grid((3, 1, 1), np.eye(4))
    one, other = (
        Labels(torch.tensor(values).reshape(3, 1, 1), grid)
        for values in ([0, 70_000, 2**40], [2**40, 5, 0])
    )
    layers = label_layers({"one": one, "other": other}, grid)
    assert [each.structures for each in layers] == [("5", "70000", str(2**40))] * 2
    codes = [np.asarray(opened(each.nifti).dataobj).ravel().tolist() for each in layers]
    assert codes == [[0, 2, 3], [3, 1, 0]]


def test_more_structures_than_a_byte_counts():
    grid = Grid((300, 1, 1), np.eye(4))
    layer = label_layers({"a": Labels(torch.arange(300).reshape(300, 1, 1), grid)}, grid)[0]
    assert opened(layer.nifti).get_data_dtype() == np.uint16


def test_more_structures_than_can_be_told_apart_are_left_out():
    grid = Grid((70_000, 1, 1), np.eye(4))
    assert label_layers({"a": Labels(torch.arange(70_000).reshape(-1, 1, 1), grid)}, grid) == []
    assert label_layers({}, grid) == []


def test_voxels_are_as_many_as_a_page_has_room_for():
    grid = Grid((512, 500, 300), homogeneous(np.diag([0.6, -0.6, 1.2]), [0, 0, 0]))
    pictures = [Section("Pictures", ["x" * 4_000_000])]
    for count in (4, 9):
        small = small_grid(grid, count, pictures)
        whole = count * np.prod(small.shape) * 4 / 3 + 4_000_000
        assert PAGE_LIMIT / 2 < whole < PAGE_LIMIT - 1_200_000
        assert max(small.spacing) / min(small.spacing) < 2


def test_noise_keeps_its_strength_on_a_thinned_grid(generator):
    grid = Grid(
        (140, 150, 121), homogeneous(rotation([0.1, 0.2, 0.3]) @ np.diag([-1, 1, 2]), [0] * 3)
    )
    image = Volume(torch.randn(grid.shape, generator=generator), grid)
    thin = thinned_grid(grid, 3, [Section("Pictures", ["x" * 8_000_000])])
    kept = warp(image, Affine.identity(3), onto=thin)
    assert float(kept.data.std()) == pytest.approx(1, abs=0.02)
    assert float(small_copy(image, small_grid(grid, 3, [])).data.std()) < 0.8
    at = grid.to_index(thin.world_points()[3, 4, 5])
    assert at.numpy() == pytest.approx(at.round().numpy(), abs=1e-6)
    i, j, k = at.round().int().tolist()
    assert float(kept.data[0, 3, 4, 5]) == pytest.approx(float(image.data[0, i, j, k]), abs=1e-4)


def test_niivue_takes_no_more_than_its_share_of_a_page(page):
    program = re.search(r'class="niivue">([^<]*)<', page)[1]
    assert len(program) < 1_200_000
    assert igzip.decompress(b64decode(program)).startswith(b"(function")


def test_a_page_of_noise_stays_below_its_limit(make_result, generator):
    grid = Grid((128, 130, 120), homogeneous(np.diag([-1.1, 1.0, 1.2]), [3.0, 4.0, 5.0]))
    noise = Volume(torch.randn(grid.shape, generator=generator), grid, "noise")
    text = render_page(registration_page(make_result(noise, noise, Affine.identity())))
    assert 0.3 * PAGE_LIMIT < len(text.encode()) < PAGE_LIMIT


def test_cubes_are_whole_where_nothing_is_bent(make_result, head):
    page = viewer_page(make_result(head, head, Affine.identity()))
    cubes = np.asarray(volumes(page)[CUBES][2].dataobj)
    flips = [np.count_nonzero(np.diff(cubes.astype(int), axis=axis)) for axis in range(3)]
    edges = [np.any(np.diff(cubes.astype(int), axis=axis), axis=tuple({0, 1, 2} - {axis})).sum()
             for axis in range(3)]  # fmt: skip
    for axis in range(3):
        assert flips[axis] == edges[axis] * cubes.size / cubes.shape[axis]


def test_folds_are_marked_however_small(make_result, head):
    smooth = make_result(head, head, Affine.identity())
    determinants = torch.ones_like(smooth.jacobian.data)
    assert FOLDING not in volumes(viewer_page(smooth))
    determinants[0, 3, 4, 5] = -0.5
    folded = make_result(
        head, head, Affine.identity(), jacobian=smooth.jacobian.with_data(determinants)
    )
    where = np.asarray(volumes(viewer_page(folded))[FOLDING][2].dataobj)
    assert where.sum() == 1


def test_the_crosshair_begins_where_the_pictures_are_cut(head):
    small = small_grid(head.grid, 4)
    start = focus(small, planes(head))
    for axis, plane in enumerate(reversed(planes(head))):
        at = small.to_index(torch.from_numpy(plane.grid.centre))[axis]
        assert start[axis] == pytest.approx((float(at) + 0.5) / small.shape[axis])


def test_flat_images_have_pictures_alone(flat_result, make_result):
    assert 'class="volume"' not in viewer_page(flat_result)
    grid = Grid((12, 14, 1), np.eye(4))
    image = Volume(torch.arange(12 * 14.0).reshape(12, 14, 1), grid, "one")
    assert 'class="volume"' not in viewer_page(make_result(image, image, Affine.identity()))


def test_a_bent_field_is_seen_in_the_cubes(make_result, head, bend):
    flat, bent = (
        np.asarray(volumes(viewer_page(make_result(head, head, phi)))[CUBES][2].dataobj)
        for phi in (Affine.identity(), DisplacementField(bend.u, bend.grid))
    )  # fmt: skip
    assert 0.02 < np.mean(flat != bent) < 0.5


def test_names_are_only_text(head):
    small = small_grid(head.grid, 4)
    bad = "<script>alert(1)</script>\"'>"
    layers = [image_layer(bad, head, small, (0.0, 1.0))] * 2
    text = render_page(Page("a", sections=[Section("b", [viewer(layers, small, (0.5,) * 3)])]))
    assert "<script>alert" not in text
    assert 'data-name="&lt;script&gt;' in text
