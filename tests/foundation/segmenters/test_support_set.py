"""Segmented examples as a prompt: what a network is shown of them."""

import pytest
import torch

from foundation.prompts import Prompts, SupportPair
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.slices.support_set import (
    SupportSetSegmenter,
    open_support_set,
    picture_grid,
)
from regkit import InputError
from regkit.volume import Labels

from .conftest import dice


class AsBright(torch.nn.Module):
    """What is nearer in brightness to the masks of the examples than to the rest of them."""

    def forward(self, picture, images, masks):
        inside = (images * masks).sum() / masks.sum()
        outside = (images * (1 - masks)).sum() / (1 - masks).sum()
        return 40 * ((picture - outside).abs() - (picture - inside).abs())


@pytest.fixture
def support(scan, body):
    """The same body in an image that is stored otherwise."""
    labels = Labels(body.data.to(torch.uint8) * 7, body.grid)
    return (SupportPair(scan.reoriented("PSR"), labels.reoriented("SLA")),)


def test_the_body_is_found_by_example(scan, body, support):
    model = SupportSetSegmenter(AsBright(), side=64)
    found = []
    for stored in (scan, scan.reoriented("PSR")):
        model.set_image(stored)
        found.append(model.segment(Prompts(support=support)).mask)
    assert dice(found[0].data, body.data) > 0.85
    assert found[0].grid == scan.grid
    assert torch.equal(*[each.reoriented("RAS").data for each in found])


def test_examples_are_spread_over_the_structure(scan, support):
    shown = []

    def network(picture, images, masks):
        shown.append((images, masks))
        return picture

    model = SupportSetSegmenter(network, side=32, most=3)
    model.set_image(scan)
    details = model.segment(Prompts(support=support)).details
    images, masks = shown[0]
    assert images.shape == masks.shape == (1, 3, 1, 32, 32)
    assert details == {"examples": 3, "slices": 20}
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    sizes = masks.sum((0, 2, 3, 4)).tolist()
    assert sizes[1] > max(sizes[0], sizes[2])  # the middle of an ellipsoid, and its ends
    assert len(shown) == 20


def test_pictures_are_square(tilted):
    grid = picture_grid(tilted)
    assert grid.shape[0] == grid.shape[1]
    assert grid.spacing[:2] == pytest.approx((1.2, 1.2), rel=0.03)


def test_a_file_is_opened_or_named(tmp_path, scan, support):
    pictures = torch.rand(1, 1, 128, 128), torch.rand(1, 4, 1, 128, 128)
    masks = (torch.rand(1, 4, 1, 128, 128) > 0.5).float()
    torch.jit.trace(AsBright(), (*pictures, masks)).save(tmp_path / "net.pt")
    model = open_support_set(tmp_path / "net.pt")
    assert len(model.capabilities.weights) == 64
    model.set_image(scan)
    assert model.segment(Prompts(support=support)).mask.data.any()
    (tmp_path / "none.pt").write_bytes(b"none")
    with pytest.raises(InputError, match="is no TorchScript module"):
        open_support_set(tmp_path / "none.pt")
    for path in (None, tmp_path / "nowhere.pt"):
        with pytest.raises(MissingWeightsError, match="write support-set=FILE"):
            open_support_set(path)


def test_what_it_cannot_take_is_refused(scan, support, prompts):
    model = SupportSetSegmenter(lambda picture, images, masks: picture[..., 1:], side=32)
    with pytest.raises(InputError, match="was given no image"):
        model.segment(Prompts(support=support))
    model.set_image(scan)
    with pytest.raises(UnsupportedPromptError, match="no prompt of the kind mask"):
        model.segment(prompts["mask"])
    empty = SupportPair(scan, Labels(torch.zeros(1, *scan.shape, dtype=torch.uint8), scan.grid))
    with pytest.raises(InputError, match="nothing is labelled in the examples"):
        model.segment(Prompts(support=(empty,)))
    with pytest.raises(InputError, match="it must return logits of"):
        model.segment(Prompts(support=support))
    model.set_image(scan.with_data(0 * scan.data))
    with pytest.raises(InputError, match="needs an image with contrast"):
        model.segment(Prompts(support=support))


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
