"""Run one training in several processes, as torchrun starts them, or in one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from regkit.registration.devices import resolve_device


@dataclass(frozen=True)
class Processes:
    """The number of this process, how many there are, and the device of this one."""

    rank: int
    count: int
    device: torch.device

    def average(self, network: nn.Module) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.count == 1:
            return
        weights = list(network.parameters())
        had = [float(weight.grad is not None) for weight in weights]
        anywhere = torch.tensor(had, device=self.device)
        distributed.all_reduce(anywhere)
        for weight, count in zip(weights, anywhere.tolist(), strict=True):
            if not count:  # what rests everywhere has no gradient, which is not one of zero
                continue
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            distributed.all_reduce(weight.grad)
            weight.grad /= self.count

    def agree(self, network: nn.Module) -> None:
        """Give all processes the weights and statistics of the first."""
        if self.count > 1:
            for value in network.state_dict().values():
                distributed.broadcast(value, 0)

    def gather(self, value: Tensor) -> list[Tensor]:
        """Return ``value`` of every process, in their order; a tensor of any shape."""
        if self.count == 1:
            return [value]
        found: list[Tensor | None] = [None] * self.count
        distributed.all_gather_object(found, value)
        return [each for each in found if each is not None]


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the other processes, if torchrun has started any."""
    count, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    here = resolve_device(device)
    if count == 1:
        yield Processes(0, 1, here)
        return
    if here.type == "cuda":
        here = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(here)
    distributed.init_process_group("nccl" if here.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, here)
    finally:
        distributed.destroy_process_group()
