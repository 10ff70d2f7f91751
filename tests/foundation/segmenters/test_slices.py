"""A model of pictures on a volume: what it is told, and how its results go on."""

import numpy as np
import pytest
import torch

from foundation.prompts import Box, PointPrompt, PromptKind, Prompts
from foundation.segmenters import UnsupportedPromptError
from foundation.segmenters.slices import SliceCarrier, SlicePrompts, SliceWise
from foundation.segmenters.slices.in_slices import SlicedPrompts
from foundation.segmenters.slices.seen_slices import SeenSlices
from foundation.segmenters.slices.slice_wise import slice_grid
from regkit import InputError
from regkit.volume import Points

from .conftest import dice
from .small_models import Fill


@pytest.fixture
def model():
    return SliceWise(SliceCarrier(Fill()))


def asked(body, centre):
    low, high = centre - [10.0, 8, 9], np.add(centre, [10.0, 8, 9])
    flat_low, flat_high = low.copy(), high.copy()
    flat_low[2] = flat_high[2] = centre[2]
    return {
        "mask": Prompts(mask=body),
        "box": Prompts(boxes=(Box(tuple(low), tuple(high)),)),
        "slice_box": Prompts(boxes=(Box(tuple(flat_low), tuple(flat_high)),)),
        "points": Prompts(points=PointPrompt(Points(torch.from_numpy(centre)[None]))),
    }


@pytest.mark.parametrize("carry", [(PromptKind.BOX,), (PromptKind.MASK, PromptKind.BOX)])
@pytest.mark.parametrize("kind", ["mask", "box", "slice_box", "points"])
def test_the_body_is_found_in_both_directions(kind, carry, scan, body, centre):
    model = SliceWise(SliceCarrier(Fill(), carry))
    found = []
    for stored in (scan, scan.reoriented("PSR")):
        model.set_image(stored)
        found.append(model.segment(asked(body, centre)[kind]))
    assert dice(found[0].mask.data, body.data) > 0.9
    assert found[0].mask.grid == scan.grid
    assert torch.equal(*[each.mask.reoriented("RAS").data for each in found])
    first, last = found[0].details["found_slices"]
    keys = found[0].details["prompted_slices"]
    assert first < keys[0] or kind == "mask"
    assert last > keys[-1] or kind == "mask"


def test_slices_are_cut_where_voxels_are_longest(scan):
    grid = slice_grid(scan.grid)
    assert grid.spacing == pytest.approx((1.2, 1.2, 2.5), rel=0.03)
    turned = slice_grid(scan.reoriented("SLA").grid)
    assert turned.shape == grid.shape
    assert np.allclose(turned.affine, grid.affine)


def test_a_mask_in_one_slice_goes_on_as_a_box_in_one_slice_does(model, scan, body):
    model.set_image(scan)
    drawn = body.data.clone()
    drawn[..., torch.arange(20) != 10] = 0
    found = model.segment(Prompts(mask=body.with_data(drawn)))
    assert found.details["prompted_slices"] == [10]
    assert found.details["followed_by"] == "box"
    assert dice(found.mask.data, body.data) > 0.9
    whole = model.segment(Prompts(mask=body))
    assert len(whole.details["prompted_slices"]) > 5
    assert whole.details["followed_by"] == "nothing"


def test_a_box_that_no_slice_crosses_shows_the_nearest():
    told = SlicedPrompts({4: SlicePrompts()}, (4,), range(5, 5))
    assert [list(path) for path in told.paths(4)] == [[4], [4]]


def test_embeddings_are_kept_but_not_without_end(scan):
    seen = []
    slices = SeenSlices(scan, lambda picture: seen.append(1), most=2)
    for number in (0, 1, 1, 0, 2, 1, 0):
        slices[number]
    assert len(seen) == 4  # 0, 1, 2, and 0 again
    assert len(slices) == 20


def test_a_box_ends_where_it_ends(model, scan, centre):
    model.set_image(scan)
    low, high = centre - [10.0, 8, 2], np.add(centre, [10.0, 8, 2])
    narrow = model.segment(Prompts(boxes=(Box(tuple(low), tuple(high)),)))
    first, last = narrow.details["found_slices"]
    assert last - first <= 4
    wide = model.segment(asked(scan, centre)["slice_box"])
    assert wide.details["found_slices"][1] - wide.details["found_slices"][0] >= 5


def test_a_place_outside_counts_in_its_own_slice(model, scan, body, centre):
    model.set_image(scan)
    up = torch.from_numpy(np.add(centre, [0.0, 0, 5]))
    both = PointPrompt(
        Points(torch.stack([torch.from_numpy(centre), up])), torch.tensor([True, False])
    )
    found = model.segment(Prompts(points=both))
    above = (scan.grid.world_points() - up)[..., 2] > 3
    assert not bool((found.mask.data[0][above] > 0).any())
    assert found.mask.data.any()


def test_a_slice_is_embedded_once(model, scan, body, centre):
    model.set_image(scan)
    prompts = asked(body, centre)
    model.segment(prompts["box"])
    before = model.model.model.embedded
    model.segment(prompts["box"])
    assert model.model.model.embedded == before
    model.set_image(scan)
    model.segment(prompts["box"])
    assert model.model.model.embedded == 2 * before


def test_what_it_cannot_take_is_refused(model, scan, body, prompts):
    model.set_image(scan)
    far = Box((900, 0, 0), (910, 5, 5))
    out = PointPrompt(Points(torch.full((1, 3), 900.0)))
    for given, error, said in (
        (Prompts(text=("a",)), UnsupportedPromptError, "no prompt of the kind text"),
        (Prompts(), UnsupportedPromptError, "needs a prompt; allowed"),
        (Prompts(boxes=(far, far)), UnsupportedPromptError, "takes one box, not 2"),
        (Prompts(boxes=(far,)), InputError, "box lies outside"),
        (Prompts(points=out), InputError, "lies outside the image"),
        (Prompts(mask=body.with_data(0 * body.data)), InputError, "mask holds no voxel"),
    ):
        with pytest.raises(error, match=said):
            model.segment(given)
    with pytest.raises(InputError, match="needs an image with contrast"):
        model.set_image(scan.with_data(0 * scan.data))
    with pytest.raises(InputError, match="carried on by box or mask"):
        SliceCarrier(Fill(), (PromptKind.POINTS,))
    model.reset()
    with pytest.raises(InputError, match="was given no image"):
        model.segment(prompts["mask"])
