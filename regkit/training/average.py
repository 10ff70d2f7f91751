"""Average the weights of a network as it trains: calmer than where the last step left them."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """The running mean of a network that is being trained.

    Parameters
    ----------
    network
        It is followed from its first step on.
    slowness
        The share of the mean that a step leaves as it was; 0: what is kept is the network itself.
    """

    def __init__(self, network: nn.Module, slowness: float) -> None:
        self._network, self._mean = network, None
        if slowness:
            # PyTorch gives it no types.
            rule: Any = get_ema_multi_avg_fn(slowness)
            self._mean = AveragedModel(network, multi_avg_fn=rule)

    @property
    def kept(self) -> nn.Module:
        """The network with the mean of the weights."""
        return self._network if self._mean is None else self._mean.module

    def follow(self) -> None:
        """Move the mean by one step, after the optimiser's."""
        if self._mean is not None:
            self._mean.update_parameters(self._network)  # and the statistics as they are

    def state(self) -> dict[str, Any]:
        """Return all that :meth:`resume` needs."""
        return {} if self._mean is None else dict(self._mean.state_dict())

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        if self._mean is not None:
            self._mean.load_state_dict(state)
