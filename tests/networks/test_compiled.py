"""Compiled networks find the same, and a compiler that fails is no failure."""

from functools import partial

import pytest
import torch

from regkit.networks.compiled import CompiledUNet
from regkit.networks.inference import compiled, displacement, faster, not_compiled


@pytest.fixture
def compiler(monkeypatch):
    """Call with what `torch.compile` shall be."""

    def put(function):
        monkeypatch.setattr(torch, "compile", function)

    return put


def test_compiled_it_is_the_same(network, images, compiler):
    compiler(partial(torch.compile, backend="eager"))  # all but the machine code
    plain, (moving, fixed) = network(2), images((34, 41))
    found = compiled(plain)
    wanted = displacement(plain, moving, fixed)
    assert torch.allclose(displacement(found, moving, fixed), wanted, atol=1e-4)
    assert not_compiled(found) == ""


def test_where_it_cannot_be_compiled_it_is_the_folded_network(network, images, compiler):
    tried = []

    def broken(*_):
        tried.append(1)
        raise RuntimeError("no compiler\nand much more")

    compiler(lambda *_, **__: broken)
    plain, (moving, fixed) = network(2), images((34, 41))
    found, wanted = compiled(plain), displacement(faster(plain, precision="fp32"), moving, fixed)
    for _ in range(2):
        assert torch.equal(displacement(found, moving, fixed), wanted)
    assert not_compiled(found) == "no compiler"
    assert len(tried) == sum(isinstance(part, CompiledUNet) for part in found.modules())


def test_an_error_that_is_not_the_compilers_is_told(network, compiler):
    compiler(partial(torch.compile, backend="eager"))
    image, other = torch.zeros(1, 1, 34, 41), torch.zeros(1, 1, 34, 40)
    with pytest.raises(RuntimeError):
        compiled(network(2))(image, other)
