"""deepbet: an eager copy of its networks, whose weights are those of the package."""

from importlib.metadata import PackageNotFoundError, files
from os import environ
from pathlib import Path

import pytest
import torch

from foundation.prompts import Prompts
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.deepbet import BOX_FILE, BRAIN_FILE, Deepbet, link_net, open_deepbet
from foundation.segmenters.link_net import LinkNet3D
from regkit import InputError, Volume, read

from .conftest import dice

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def weights():
    """The folder of the networks: REGKIT_DEEPBET, or that of the installed package."""
    if environ.get("REGKIT_DEEPBET"):
        return Path(environ["REGKIT_DEEPBET"])
    try:
        found = [file for file in files("deepbet") or () if file.name == BRAIN_FILE]
    except PackageNotFoundError:
        found = []
    if not found:
        pytest.skip("deepbet 1.0.2 is not installed; REGKIT_DEEPBET names the folder of its models")
    return Path(found[0].locate()).parent


@pytest.mark.parametrize("file", [BRAIN_FILE, BOX_FILE])
def test_the_copy_computes_the_same_bits(file, weights):
    seen = torch.rand(1, 1, 64, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = torch.jit.load(str(weights / file))(seen)
        assert float((link_net(weights / file)(seen) - theirs).abs().max()) == 0.0


def test_it_finds_a_real_brain(weights, data):
    image = read(data / "brain_t1" / "b_t1.nii.gz").load()
    model = open_deepbet(weights / BRAIN_FILE)
    model.set_image(image)
    found = model.segment(Prompts(classes=("brain",))).mask
    assert dice(found.data, image.data > 0) > 0.95
    assert model.capabilities.licence == "MIT"


def test_the_order_of_storage_does_not_matter(weights, data):
    image = read(data / "brain_t1" / "b_t1.nii.gz").load()
    model = open_deepbet(weights)
    model.shape, model.small = 64, 64  # for time; it finds less of the brain
    found = []
    for codes in ("RAS", "PSR"):
        model.set_image(image.reoriented(codes))
        found.append(model.segment(Prompts()).mask.reoriented("RAS").data)
    assert dice(*found) > 0.999


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(MissingWeightsError, match=r"pip install --no-deps deepbet==1\.0\.2"):
        open_deepbet(tmp_path)
    (tmp_path / BRAIN_FILE).write_bytes(b"no network")
    with pytest.raises(MissingWeightsError, match=r"bbox_model\.pt is not here"):
        open_deepbet(tmp_path / BRAIN_FILE)
    with pytest.raises(InputError, match="is no network of deepbet"):
        link_net(tmp_path / BRAIN_FILE)


def test_an_image_is_looked_at_once(scan):
    torch.manual_seed(0)
    model = Deepbet(LinkNet3D(), LinkNet3D(), shape=64, small=64)
    model.set_image(scan)
    assert model.segment(Prompts()) is model.segment(Prompts(classes=("brain",)))
    with pytest.raises(UnsupportedPromptError, match="knows no class 'liver'; allowed: brain"):
        model.segment(Prompts(classes=("liver",)))
    model.set_image(Volume(torch.ones(1, *scan.shape), scan.grid))
    with pytest.raises(InputError, match="needs an image with contrast"):
        model.segment(Prompts())
