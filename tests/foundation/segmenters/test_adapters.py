"""Functions, TorchScript and MONAI bundles as segmenters."""

from fractions import Fraction

import pytest
import torch

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.function import CallableSegmenter, open_torchscript_segmenter
from foundation.segmenters.monai_bundle import open_monai_bundle
from foundation.studies.asking import answer
from regkit import InputError

from .bundle import CONFIG, NETWORK, write_bundle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_function_must_keep_to_the_grid(scan):
    model = CallableSegmenter.taking(lambda image, _: image.data[:, 1:], PromptKind.NONE)
    model.set_image(scan)
    with pytest.raises(InputError, match="one channel on the grid of the image"):
        model.segment(Prompts())


class _Bright(torch.nn.Module):
    def forward(self, x):
        return torch.cat([torch.zeros_like(x), 40 * (x - 0.5), torch.full_like(x, -40.0)], 1)


def test_torchscript_by_class(scan, body, tmp_path):
    torch.jit.script(_Bright()).save(tmp_path / "bright.pt")
    model = open_torchscript_segmenter(tmp_path / "bright.pt")
    model.set_image(scan)
    found = model.segment(Prompts(classes=("1",)))
    assert torch.equal(found.mask.data > 0, body.data > 0)
    assert not model.segment(Prompts(classes=("2",))).mask.data.any()
    with pytest.raises(UnsupportedPromptError, match="knows no class '3'; allowed: 1, 2"):
        model.segment(Prompts(classes=("3",)))


def test_torchscript_that_is_none(tmp_path):
    with pytest.raises(MissingWeightsError, match="write torchscript=FILE"):
        open_torchscript_segmenter(tmp_path / "net.pt")
    (tmp_path / "net.pt").write_bytes(b"none")
    with pytest.raises(InputError, match="is no TorchScript module"):
        open_torchscript_segmenter(tmp_path / "net.pt")


class _NoNumbers(torch.nn.Module):
    def forward(self, x):
        return x * float("nan")


def test_values_that_are_not_numbers_are_an_error_not_an_empty_mask(scan, tmp_path):
    """A comparison with one half would be false everywhere: nothing found, without a word."""
    torch.jit.script(_NoNumbers()).save(str(tmp_path / "net.pt"))
    model = open_torchscript_segmenter(tmp_path / "net.pt")
    model.set_image(scan)
    with pytest.raises(InputError, match="the model returned values that are not numbers"):
        model.segment(Prompts())
    cell = answer(model, Prompts())
    assert cell[0] == "error"


@pytest.mark.parametrize("yaml", [False, True])
def test_a_bundle_knows_its_classes_and_looks_once(yaml, tmp_path, scan):
    model = open_monai_bundle(write_bundle(tmp_path / "b", yaml=yaml))
    assert model.capabilities.classes == ("spleen", "liver")
    model.set_image(scan)
    every, spleen, liver = (
        model.segment(Prompts(classes=names)).probability.data
        for names in ((), ("spleen",), ("liver",))
    )
    assert torch.allclose(every, spleen + liver, atol=1e-5)
    assert model.segment(Prompts()).details["seen_spacing"] == pytest.approx([2.0, 2.0, 2.0])
    with pytest.raises(UnsupportedPromptError, match="knows no class 'brain'"):
        model.segment(Prompts(classes=("brain",)))


def test_a_bundle_does_not_depend_on_the_order_of_storage(tmp_path, scan):
    model = open_monai_bundle(write_bundle(tmp_path / "b"))
    model.set_image(scan)
    here = model.segment(Prompts()).probability
    model.set_image(scan.reoriented("RAS"))
    there = model.segment(Prompts()).probability
    assert torch.allclose(here.reoriented("RAS").data, there.data, atol=1e-2)


@pytest.mark.parametrize(
    "change",
    [
        {"network_def": "$__import__('os').system('true')"},
        {"network_def": {"_target_": "os.system", "command": "true"}},
        {"network_def": {"_target_": "run_cmd", "cmd_list": ["true"]}},
        {"network_def": {"_target_": "monai.transforms.io.array.os.system", "command": "true"}},
        {"network_def": "@other", "other": {"_target_": "subprocess.run", "args": "true"}},
        {"network_def": "%elsewhere.json::x"},
        {"inferer": {"_target_": "SimpleInferer", "_requires_": "$print(1)"}},
    ],
)
def test_a_bundle_that_runs_code_is_refused(change, tmp_path):
    folder = write_bundle(tmp_path / "b", {**CONFIG, **change})
    with pytest.raises(InputError, match="would run code"):
        open_monai_bundle(folder)


def test_code_may_be_allowed(tmp_path, scan):
    network = {**NETWORK, "out_channels": "$1 + 2"}
    folder = write_bundle(tmp_path / "b", {**CONFIG, "network_def": network})
    assert open_monai_bundle(folder, allow_code=True).capabilities.classes == ("spleen", "liver")


def test_bundles_that_are_incomplete(tmp_path):
    with pytest.raises(MissingWeightsError, match="a bundle is a folder with configs"):
        open_monai_bundle(tmp_path)
    with pytest.raises(MissingWeightsError, match="a bundle is a folder with configs"):
        open_monai_bundle(None)
    other = {**CONFIG, "network_def": {**NETWORK, "out_channels": 2}}
    with pytest.raises(InputError, match="is of another network"):
        open_monai_bundle(write_bundle(tmp_path / "b", other))
    wrong = {**CONFIG, "network_def": {**NETWORK, "sizes": 2}}
    with pytest.raises(InputError, match="network_def cannot be made"):
        open_monai_bundle(write_bundle(tmp_path / "c", wrong))


def test_weights_are_tensors_alone(tmp_path):
    folder = write_bundle(tmp_path / "b")
    torch.save({"code": Fraction(1, 2)}, folder / "models" / "model.pt")
    with pytest.raises(InputError, match="holds more than tensors"):
        open_monai_bundle(folder)
