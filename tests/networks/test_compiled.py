"""Compiled networks find the same, and a compiler that fails is no failure.

The compiler itself runs in a process of its own: beside ITK it crashes Python as it ends.
"""

import subprocess
import sys

import pytest
import torch

from regkit.networks.compiled import CompiledUNet
from regkit.networks.inference import (
    compile_network,
    displacement,
    not_compiled,
    optimize_for_inference,
)

_COMPARED = """
import functools
import torch
torch.compile = functools.partial(torch.compile, backend="eager")  # all but the machine code
from regkit.networks.gradicon import gradicon
from regkit.networks.inference import compile_network, displacement, not_compiled
torch.manual_seed(0)
plain = gradicon(2).eval()
with torch.no_grad():
    for name, value in plain.state_dict().items():
        if "lastConv.weight" in name:
            value.normal_(std=0.02)
found, images = compile_network(plain), torch.rand(2, 1, 1, 34, 41)
wanted = displacement(plain, *images)
assert wanted.abs().max() > 0.1
torch.testing.assert_close(displacement(found, *images), wanted, atol=1e-4, rtol=0)
assert not_compiled(found) == "", not_compiled(found)
"""


@pytest.fixture
def compiler(monkeypatch):
    """Call with what `torch.compile` shall be."""

    def put(function):
        monkeypatch.setattr(torch, "compile", function)

    return put


def test_compiled_it_is_the_same():
    done = subprocess.run(
        [sys.executable, "-c", _COMPARED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_where_it_cannot_be_compiled_it_is_the_folded_network(network, images, compiler):
    tried = []

    def broken(*_):
        tried.append(1)
        raise RuntimeError("no compiler\nand much more")

    compiler(lambda *_, **__: broken)
    plain, (moving, fixed) = network(2), images((34, 41))
    found, wanted = (
        compile_network(plain),
        displacement(optimize_for_inference(plain, precision="fp32"), moving, fixed),
    )
    for _ in range(2):
        assert torch.equal(displacement(found, moving, fixed), wanted)
    assert not_compiled(found) == "no compiler"
    assert len(tried) == sum(isinstance(part, CompiledUNet) for part in found.modules())


def test_an_error_that_is_not_the_compilers_is_told(network, compiler):
    compiler(lambda net, **_: net)
    image, other = torch.zeros(1, 1, 34, 41), torch.zeros(1, 1, 34, 40)
    with pytest.raises(RuntimeError):
        compile_network(network(2))(image, other)
