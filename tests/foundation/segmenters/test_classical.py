"""Region growing and the random walker find a body that is brighter than what is around it."""

import numpy as np
import pytest
import torch

from foundation.prompts import Box, PointPrompt, Prompts
from foundation.segmenters import UnsupportedPromptError
from foundation.segmenters.echo import open_echo
from foundation.segmenters.random_walker import open_random_walker
from foundation.segmenters.region_growing import open_region_growing
from regkit import InputError
from regkit.volume import Points

from .conftest import dice


def test_the_echo_of_a_box_is_what_lies_in_it(scan, prompts, tilted):
    """Of an oblique grid, by the world points of all voxels; a box beyond the image is empty."""
    model = open_echo(None)
    model.set_image(scan)
    (box,) = prompts["box"].boxes
    points = tilted.world_points()
    inside = ((points >= torch.tensor(box.lower)) & (points <= torch.tensor(box.upper))).all(-1)
    assert torch.equal(model.segment(prompts["box"]).mask.data[0] > 0, inside)
    assert 500 < int(inside.sum()) < inside.numel() / 2
    shift = (500.0, 0, 0)
    away = Prompts(boxes=(box.moved(shift, shift),))
    assert not model.segment(away).mask.data.any()


@pytest.mark.parametrize("kind", ["points", "mask"])
def test_region_growing_finds_the_body(kind, scan, body, prompts):
    model = open_region_growing(None)
    model.set_image(scan)
    found = model.segment(prompts[kind])
    assert dice(found.mask.data, body.data) > 0.95
    assert len(found.details["seeds"]) == 1


@pytest.mark.parametrize(("kind", "least"), [("points", 0.85), ("mask", 0.97), ("box", 0.95)])
def test_the_random_walker_finds_the_body(kind, least, scan, body, prompts):
    model = open_random_walker(None)
    model.set_image(scan)
    assert dice(model.segment(prompts[kind]).mask.data, body.data) > least


@pytest.mark.parametrize("opener", [open_region_growing, open_random_walker])
@pytest.mark.parametrize("codes", ["RAS", "PSR"])
def test_the_order_of_storage_does_not_matter(opener, codes, scan, body, prompts):
    model = opener(None)
    model.set_image(scan)
    here = model.segment(prompts["mask"]).probability
    model.set_image(scan.reoriented(codes))
    there = model.segment(Prompts(mask=body.reoriented(codes))).probability
    assert torch.allclose(here.reoriented(codes).data, there.data, atol=1e-3)


@pytest.mark.parametrize("opener", [open_region_growing, open_random_walker])
def test_a_line_shows_every_voxel_that_it_crosses(opener, scan, body, centre, tilted):
    """Of two corners, and of another line in the background, which holds the region back."""
    model = opener(None)
    model.set_image(scan)
    through = torch.from_numpy(np.add(centre, [[-5.0, 0, 0], [5.0, 0, 0]]))
    beside = torch.from_numpy(np.add(centre, [[-14.0, -12, 0], [14.0, -12, 0]]))
    lines = (PointPrompt(Points(through)), PointPrompt(Points(beside), torch.tensor([False] * 2)))
    found = model.segment(Prompts(scribbles=lines))
    crossed = torch.from_numpy(np.add(centre, np.outer(np.linspace(-5, 5, 30), [1, 0, 0])))
    for places, inside in ((crossed, 1), (beside, 0)):
        index = tilted.to_index(places).round().long()
        assert (found.mask.data[0][tuple(index.T)] == inside).all()
    assert dice(found.mask.data, body.data) > 0.9


def test_region_growing_stops_before_negative_points(scan, centre, body):
    model = open_region_growing(None)
    model.set_image(scan)
    away = torch.from_numpy(np.add(centre, [[0.0, 0, 0], [0, 3.0, 0]]))
    found = model.segment(Prompts(points=PointPrompt(Points(away), torch.tensor([True, False]))))
    assert not bool(found.mask.data[0][tuple(scan.grid.to_index(away[1]).round().long())])


def test_negative_points_hold_a_walk_back(scan, centre, tilted):
    model = open_random_walker(None)
    model.set_image(scan)
    places = torch.from_numpy(np.add(centre, [[-6.0, 0, 0], [6.0, 0, 0]]))
    found = model.segment(Prompts(points=PointPrompt(Points(places), torch.tensor([True, False]))))
    there = tilted.to_index(places).round().long()
    chances = found.probability.data[0][tuple(there.T)]
    assert chances.tolist() == [1.0, 0.0]


def test_a_large_part_is_solved_on_coarser_voxels(scan, body, centre):
    model = open_random_walker(None)
    model.set_image(scan)
    big = Prompts(boxes=(Box(tuple(centre - 30), tuple(centre + 30)),))
    details = model.segment(big).details
    assert details["solved_shape"] <= details["part_shape"]


@pytest.mark.parametrize("opener", [open_region_growing, open_random_walker])
def test_points_that_say_too_little_are_refused(opener, scan, centre):
    model = opener(None)
    model.set_image(scan)
    here = Points(torch.from_numpy(centre)[None])
    with pytest.raises(UnsupportedPromptError, match="needs a point inside the structure"):
        model.segment(Prompts(points=PointPrompt(here, torch.tensor([False]))))
    with pytest.raises(InputError, match="outside the image"):
        model.segment(Prompts(points=PointPrompt(Points(here.xyz + 900))))


@pytest.mark.parametrize("opener", [open_region_growing, open_random_walker, open_echo])
def test_what_has_no_weights_takes_no_path(opener, tmp_path):
    with pytest.raises(InputError, match="it has no weights"):
        opener(tmp_path)
