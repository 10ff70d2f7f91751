"""Grad-CAM, in networks of convolutions and in transformers (Selvaraju et al. 2017).

The maps of a layer are weighted by the means of their gradients. A layer may give maps with
channels first, with channels last, or as tokens, one a patch, behind those that stand for none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from probes.diagnosis.maps import covers
from regkit.errors import InputError
from regkit.settings import near

_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
_PREFIX = 8  # tokens at most that stand for no patch: of the class, of distillation, registers


def gradcam_maps(
    network: nn.Module, images: Tensor, targets: Tensor, layer: str | None = None
) -> Tensor:
    """Weight the maps of a layer by their gradients.

    Parameters
    ----------
    network
        Images ``(B, C, *spatial)`` to logits ``(B, K)``.
    images
        ``(B, C, *spatial)``.
    targets
        ``(B,)``: the class of each.
    layer
        The name of the layer; without it, the last one that gives maps on which the logit depends.
        In a transformer that answers by its class token, that is the input of the last attention.

    Returns
    -------
    Tensor
        ``(B, 1, *spatial)``, nowhere below zero.

    Raises
    ------
    InputError
        If there is no such layer, or it gives no maps.
    """
    seen = _Seen.by(network, images, targets)
    maps, gradients = seen.named(layer) if layer is not None else seen.last()
    axes = tuple(range(2, maps.ndim))
    found = (gradients.mean(axes, keepdim=True) * maps).sum(1, keepdim=True).relu()
    size = tuple(images.shape[2:])
    return interpolate(found.detach(), size, mode=_MODES[len(size)], align_corners=False)


@dataclass(eq=False)
class _Seen:
    """The outputs of all layers in one forward pass, and how the logits depend on them."""

    size: tuple[int, ...]
    layers: Mapping[str, nn.Module]
    outputs: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor | None] = field(default_factory=dict)

    @classmethod
    def by(cls, network: nn.Module, images: Tensor, targets: Tensor) -> _Seen:
        seen = cls(tuple(images.shape[2:]), dict(network.named_modules()))
        hooks = [
            module.register_forward_hook(seen._keeper(name))
            for name, module in seen.layers.items()
            if name
        ]
        try:
            with torch.enable_grad():
                logits = network(images.detach().clone().requires_grad_())
                asked = logits.gather(1, targets[:, None]).sum()
                kept = torch.autograd.grad(asked, list(seen.outputs.values()), allow_unused=True)
        finally:
            for hook in hooks:
                hook.remove()
        seen.gradients = dict(zip(seen.outputs, kept, strict=True))
        return seen

    def _keeper(self, name: str) -> Callable[[nn.Module, Any, Any], Tensor | None]:
        def keep(module: nn.Module, given: Any, result: Any) -> Tensor | None:
            if not isinstance(result, Tensor) or not result.requires_grad:
                return None
            self.outputs.pop(name, None)  # a layer that is used twice counts by its last time
            self.outputs[name] = result
            return result.clone()  # which what follows may change in place

        return keep

    def named(self, name: str) -> tuple[Tensor, Tensor]:
        """The maps of a layer and their gradients."""
        if name not in self.layers:
            raise InputError(f"there is no layer {name!r:.60}{near(name, self.layers)}")
        found = self._maps(name)
        if found is None:
            shape = tuple(self.outputs[name].shape) if name in self.outputs else "nothing"
            raise InputError(
                f"layer {name} gives {shape} for images of {'x'.join(map(str, self.size))}, which "
                "are no maps on which the logits depend; name another layer"
            )
        return found

    def last(self) -> tuple[Tensor, Tensor]:
        """The maps of the last layer that gives any, on which the logits depend."""
        for name in reversed(self.outputs):
            found = self._maps(name)
            if found is not None and bool((found[1] != 0).any()):
                return found
        raise InputError("gradcam needs a layer that gives maps; this network has none")

    def _maps(self, name: str) -> tuple[Tensor, Tensor] | None:
        output, gradient = self.outputs.get(name), self.gradients.get(name)
        if output is None or gradient is None:
            return None
        read = self._reader(output)
        return None if read is None else (read(output), read(gradient))

    def _reader(self, output: Tensor) -> Callable[[Tensor], Tensor] | None:
        """How an output is read as maps ``(B, C, *smaller)``."""
        shape, ndim = tuple(output.shape), len(self.size)
        if len(shape) == ndim + 2 and covers(self.size, shape[2:]):
            return lambda maps: maps
        if len(shape) == ndim + 2 and covers(self.size, shape[1:-1]):
            return lambda maps: maps.movedim(-1, 1)
        if len(shape) != 3 or ndim == 1 or shape[2] != self._token_width():
            return None
        grid = next((g for g in self._grids() if 0 <= shape[1] - prod(g) <= _PREFIX), None)
        if grid is None:
            return None
        first = shape[1] - prod(grid)
        return lambda tokens: tokens[:, first:].movedim(2, 1).unflatten(2, grid)

    def _token_width(self) -> int:
        """Of the first layer that gives tokens; queries, keys and hidden layers have others."""
        return next(each.shape[2] for each in self.outputs.values() if each.ndim == 3)

    def _grids(self) -> list[tuple[int, ...]]:
        """The sizes of maps with channels first, large ones first."""
        found = {tuple(o.shape[2:]) for o in self.outputs.values() if o.ndim == len(self.size) + 2}
        return sorted((each for each in found if covers(self.size, each)), key=prod, reverse=True)
