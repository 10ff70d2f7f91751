"""What every segmenter owes, whatever it is."""

import pytest
import torch

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters import Segmenter, UnsupportedPromptError
from foundation.segmenters.deepbet import Deepbet
from foundation.segmenters.echo import open_echo
from foundation.segmenters.function import CallableSegmenter, open_torchscript_segmenter
from foundation.segmenters.link_net import LinkNet3D
from foundation.segmenters.monai_bundle import open_monai_bundle
from foundation.segmenters.prompt_unet.network import PromptNetwork
from foundation.segmenters.prompt_unet.segmenter import PromptUnet
from foundation.segmenters.random_walker import open_random_walker
from foundation.segmenters.region_growing import open_region_growing
from foundation.segmenters.slices import SliceCarrier, SliceWise
from regkit import InputError

from .small_models import Fill, small_sam_med3d


def _deepbet(folder):
    torch.manual_seed(0)
    return Deepbet(LinkNet3D(), LinkNet3D(), shape=64, small=64)


def _unet(folder):
    torch.manual_seed(0)
    return PromptUnet(PromptNetwork())


def _torchscript(folder):
    torch.manual_seed(0)
    torch.jit.trace(torch.nn.Conv3d(1, 3, 3, padding=1), torch.rand(1, 1, 8, 8, 8)).save(
        folder / "net.pt"
    )
    return open_torchscript_segmenter(folder / "net.pt")


def _callable(folder):
    return CallableSegmenter.taking(lambda image, _: image.data > 50, PromptKind.NONE)


# Each with what it is asked.
OPENERS = {
    "echo": (lambda folder: open_echo(None), ("mask",)),
    "region-growing": (lambda folder: open_region_growing(None), ("points", "mask")),
    "random-walker": (lambda folder: open_random_walker(None), ("points", "mask", "box")),
    "prompt-unet": (_unet, ("points", "mask", "box")),
    "deepbet": (_deepbet, ("none",)),
    "sam-med3d": (lambda folder: small_sam_med3d(), ("points", "mask")),
    "slices": (lambda folder: SliceWise(SliceCarrier(Fill())), ("points", "mask", "box")),
    "torchscript": (_torchscript, ("none",)),
    "callable": (_callable, ("none",)),
    "monai-bundle": (lambda folder: open_monai_bundle(_bundle(folder)), ("none",)),
}
CASES = [(name, kind) for name, (_, kinds) in OPENERS.items() for kind in kinds]
TORCHSCRIPT = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def _bundle(folder):
    from tests.foundation.segmenters.bundle import write_bundle

    return write_bundle(folder)


@pytest.fixture
def opened(request, tmp_path):
    return OPENERS[request.param][0](tmp_path)


@TORCHSCRIPT
@pytest.mark.parametrize(("opened", "kind"), CASES, indirect=["opened"])
def test_a_result_lies_on_the_grid_of_the_image(opened, kind, scan, prompts):
    opened.set_image(scan)
    one, two = (opened.segment(prompts[kind]) for _ in range(2))
    assert isinstance(opened, Segmenter)
    for volume in (one.probability, one.mask):
        assert volume.grid == scan.grid
        assert volume.data.shape == (1, *scan.shape)
    assert 0 <= float(one.probability.data.min()) <= float(one.probability.data.max()) <= 1
    assert torch.equal(one.probability.data, two.probability.data)
    opened.reset()
    with pytest.raises(InputError, match="was given no image"):
        opened.segment(prompts[kind])


@TORCHSCRIPT
@pytest.mark.parametrize("opened", list(OPENERS), indirect=True)
def test_prompts_that_it_does_not_take_are_refused(opened, scan):
    opened.set_image(scan)
    with pytest.raises(UnsupportedPromptError, match="takes no prompt of the kind text"):
        opened.segment(Prompts(text=("brain",)))


@pytest.mark.parametrize(
    ("opened", "kind"), [case for case in CASES if case[1] == "mask"], indirect=["opened"]
)
def test_an_empty_mask_is_refused_or_echoed(opened, kind, scan, body):
    opened.set_image(scan)
    empty = Prompts(mask=body.with_data(torch.zeros_like(body.data)))
    if opened.name == "echo":
        assert not opened.segment(empty).mask.data.any()
        return
    with pytest.raises(InputError, match="the mask holds no voxel"):
        opened.segment(empty)
