"""Compiled networks find the same, and a compiler that fails is no failure."""

from functools import partial

import pytest
import torch

from regkit.networks.compiled import CompiledNet
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


def test_where_it_cannot_be_compiled_it_runs_as_it_is(network, images, compiler):
    tried = []

    def broken(*_):
        tried.append(1)
        raise RuntimeError("no compiler\nand much more")

    compiler(lambda *_, **__: broken)
    network = faster(network(2))
    found, (moving, fixed) = compiled(network), images((34, 41))
    for _ in range(2):
        assert torch.equal(displacement(found, moving, fixed), displacement(network, moving, fixed))
    assert not_compiled(found) == "no compiler"
    assert len(tried) == sum(isinstance(part, CompiledNet) for part in found.modules())
