"""Layers that are listened to."""

import pytest
import torch
from torch import nn

from regkit import InputError
from regkit.features import check_layers, layer_outputs


class _Counted(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x + 1, "and more"


def test_layers_come_in_the_order_asked_for_and_the_rest_is_not_run():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), _Counted())
    x = torch.ones(1, 2, requires_grad=True)
    second, first = layer_outputs(net, ["1", "0"], lambda: net(x))
    torch.testing.assert_close(second, first.relu())
    assert net[2].calls == 0
    assert torch.autograd.grad(first.sum(), x)[0].abs().sum() > 0
    assert not any(part._forward_hooks for part in net.modules())


def test_of_several_tensors_the_first_is_taken():
    net = _Counted()
    outer = nn.Sequential(net)
    assert float(layer_outputs(outer, ["0"], lambda: outer(torch.zeros(1)))[0]) == 1


def test_a_network_that_fails_keeps_no_hook():
    net = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(RuntimeError):
        layer_outputs(net, ["0"], lambda: net(torch.ones(1, 5)))
    assert not net[0]._forward_hooks


def test_an_unknown_layer_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match=r"features:net: no layer 'x'; there are 0, 1"):
        check_layers(nn.Sequential(nn.ReLU(), nn.ReLU()), ["x"], "net")
