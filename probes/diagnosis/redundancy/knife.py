"""Knife: cuts the layers of one encoder, in place, and notes every cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from regkit.errors import InputError

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)
HEAD_NORMS = ("q_norm", "k_norm")
_RESPONSE_NORM = "GlobalResponseNorm"  # of ConvNeXt V2
_SCALES = ("gamma", "layer_scale")  # of timm and torchvision
_OTHERS = (  # buffers that no width changes, or that are cut with their layer
    "running_mean", "running_var", "num_batches_tracked", "relative_position_index", "attn_mask",
)  # fmt: skip


Cut = Callable[[Tensor], Tensor]
"""Values of a whole layer to those that its narrow form keeps."""


@dataclass(frozen=True, eq=False)
class SlimEncoder:
    """An encoder at a part of its width.

    Parameters
    ----------
    module
        A copy with the values of the whole encoder, cut.
    cuts
        How the values of a parameter follow from those of the whole encoder, by its name; others
        stay whole.
    """

    module: nn.Module
    cuts: Mapping[str, Cut]

    def shared(self, whole: nn.Module, images: Tensor) -> Tensor:
        """Encode images ``(B, C, *spatial)`` by the values of ``whole``, which learns by them."""
        values = dict(whole.named_parameters())
        narrow = {name: cut(values[name]) for name, cut in self.cuts.items()}
        found: Tensor = torch.func.functional_call(self.module, values | narrow, (images,))
        return found


def kept_count(count: int, width: float) -> int:
    """How many of so many channels or heads stay at a width: one at least."""
    return max(1, round(count * width))


class Knife:
    """Cuts the layers of one encoder, in place, and notes every cut."""

    def __init__(self, encoder: Any, width: float) -> None:
        self._encoder, self._width = encoder, width
        self._names = {part: name for name, part in encoder.named_modules()}
        self._cuts: dict[str, Cut] = {}

    def convolutional(self) -> SlimEncoder:
        """Every layer but the first keeps a part of its inputs, every one a part of its outputs."""
        layers = [p for p in self._names if isinstance(p, (*CONVOLUTIONS, nn.Linear))]
        if not layers:
            raise InputError("the encoder has no convolution and no linear layer to be cut")
        for part in self._names:
            if isinstance(part, (*CONVOLUTIONS, nn.Linear)):
                self._layer(part, whole_input=part is layers[0])
            elif isinstance(part, NORMS) or type(part).__name__ == _RESPONSE_NORM:
                self._norm(part)
        self._scales(self._encoder)
        return self._slimmed()

    def _slimmed(self) -> SlimEncoder:
        """Weights that stayed whole would meet cut ones, or stand for a part that nobody cut."""
        encoder = self._encoder
        held = {name for name, _ in encoder.named_parameters()} - set(self._cuts)
        held |= {name for name, _ in encoder.named_buffers()}
        for name in sorted(held):
            layer, _, own = name.rpartition(".")
            if own not in _OTHERS and not layer.endswith(HEAD_NORMS):
                kind = type(encoder.get_submodule(layer)).__name__
                raise InputError(
                    f"{name}, of a {kind}, is no layer whose width can be cut; take another network"
                )
        return SlimEncoder(encoder, self._cuts)

    def _cut(self, part: Any, name: str, cut: Cut) -> None:
        """Cut a parameter, or the buffer of a statistic, which is never learned."""
        values = getattr(part, name)
        cut_values = cut(values.detach()).clone()
        if isinstance(values, nn.Parameter):
            path = self._names[part]
            self._cuts[f"{path}.{name}" if path else name] = cut
            cut_values = nn.Parameter(cut_values, requires_grad=False)
        setattr(part, name, cut_values)

    def _layer(
        self,
        part: Any,
        *,
        whole_input: bool = False,
        rows: Tensor | None = None,
        columns: Tensor | None = None,
    ) -> None:
        total, before = part.weight.shape[:2]
        if getattr(part, "groups", 1) > 1:
            self._grouped(part)
            return
        outputs = self._first(total) if rows is None else rows
        taken = self._first(before) if columns is None else columns
        taken = torch.arange(before) if whole_input else taken
        inputs = len(taken)
        self._cut(part, "weight", lambda weight: weight[outputs][:, taken] * (before / inputs))
        if part.bias is not None:
            self._cut(part, "bias", lambda bias: bias[outputs])
        linear = isinstance(part, nn.Linear)
        setattr(part, "in_features" if linear else "in_channels", inputs)
        setattr(part, "out_features" if linear else "out_channels", len(outputs))

    def _first(self, count: int) -> Tensor:
        return torch.arange(kept_count(count, self._width))

    def _grouped(self, part: Any) -> None:
        """The first groups are kept; each sees all of its inputs."""
        groups = kept_count(part.groups, self._width)
        inputs = part.weight.shape[1] * groups
        outputs = part.out_channels // part.groups * groups
        wanted = [kept_count(n, self._width) for n in (part.in_channels, part.out_channels)]
        if [inputs, outputs] != wanted:
            raise InputError(
                f"{wanted[0]} of {part.in_channels} channels do not fill whole groups of "
                f"{part.weight.shape[1]}; give another width"
            )
        for name in ("weight", "bias"):
            if getattr(part, name) is not None:
                self._cut(part, name, lambda each: each[:outputs])
        part.groups, part.in_channels, part.out_channels = groups, inputs, outputs

    def _norm(self, part: Any, places: Tensor | None = None) -> None:
        values = ("weight", "bias", "running_mean", "running_var")
        own = [name for name in values if getattr(part, name, None) is not None]
        if not own:
            raise InputError("a normalisation without any values of its own cannot be slimmed")
        kept = self._first(len(getattr(part, own[0]))) if places is None else places
        count = len(kept)
        for name in own:
            self._cut(part, name, _those(kept))
        if isinstance(part, nn.LayerNorm):
            part.normalized_shape = (count,)
        elif isinstance(part, nn.GroupNorm):
            if count % part.num_groups:
                raise InputError(
                    f"{count} channels do not make {part.num_groups} groups; give another width"
                )
            part.num_channels = count
        else:
            part.num_features = count

    def _scales(self, block: Any) -> None:
        """What multiplies every channel of a branch, along the first axis."""
        for part in block.modules():
            for name in _SCALES:
                if isinstance(getattr(part, name, None), nn.Parameter):
                    self._cut(part, name, _those(self._first(len(getattr(part, name)))))


def _those(places: Tensor) -> Cut:
    return lambda values: values[places]
