"""Knife: cuts the layers of one encoder, in place, and notes every cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from regkit.errors import InputError

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)
HEAD_NORMS = ("q_norm", "k_norm")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


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
            elif isinstance(part, NORMS):
                self._norm(part)
        return self._slimmed()

    def transformer(self) -> SlimEncoder:
        """Whole heads are kept, so that what they look at stays the same."""
        encoder = self._encoder
        heads = encoder.blocks[0].attn.num_heads
        self._width = kept_count(heads, self._width) / heads
        embedding = kept_count(encoder.embed_dim, self._width)
        self._layer(encoder.patch_embed.proj, whole_input=True)
        for name in ("pos_embed", "cls_token", "reg_token", "dist_token"):
            if isinstance(getattr(encoder, name, None), nn.Parameter):
                self._cut(encoder, name, lambda tokens: tokens[..., :embedding])
        for part in _norms(encoder):
            self._norm(part)
        for block in encoder.blocks:
            self._attention(block.attn)
            self._perceptron(block.mlp)
            for scale in _scales(block):
                self._cut(scale, "gamma", lambda gamma: gamma[:embedding])
        encoder.embed_dim = encoder.num_features = embedding
        return self._slimmed()

    def _slimmed(self) -> SlimEncoder:
        """Weights that stayed whole would meet cut ones, or stand for a part that nobody cut."""
        encoder = self._encoder
        held = {name for name, _ in encoder.named_parameters()} - set(self._cuts)
        held |= {name for name, _ in encoder.named_buffers()}
        for name in sorted(held):
            layer, _, own = name.rpartition(".")
            if own not in _STATISTICS and not layer.endswith(HEAD_NORMS):
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

    def _layer(self, part: Any, *, whole_input: bool = False, rows: Tensor | None = None) -> None:
        total, before = part.weight.shape[:2]
        if getattr(part, "groups", 1) > 1:
            self._grouped(part)
            return
        outputs = torch.arange(kept_count(total, self._width)) if rows is None else rows
        inputs = before if whole_input else kept_count(before, self._width)
        self._cut(part, "weight", lambda weight: weight[outputs, :inputs] * (before / inputs))
        if part.bias is not None:
            self._cut(part, "bias", lambda bias: bias[outputs])
        linear = isinstance(part, nn.Linear)
        setattr(part, "in_features" if linear else "in_channels", inputs)
        setattr(part, "out_features" if linear else "out_channels", len(outputs))

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

    def _perceptron(self, perceptron: Any) -> None:
        """Where the first layer holds gates as well, the first part of each."""
        first, hidden = perceptron.fc1, perceptron.fc2.in_features
        every = torch.arange(first.out_features).reshape(-1, hidden)
        self._layer(first, rows=every[:, : kept_count(hidden, self._width)].flatten())
        self._layer(perceptron.fc2)

    def _norm(self, part: Any) -> None:
        values = ("weight", "bias", "running_mean", "running_var")
        own = [name for name in values if getattr(part, name, None) is not None]
        if not own:
            raise InputError("a normalisation without any values of its own cannot be slimmed")
        count = kept_count(len(getattr(part, own[0])), self._width)
        for name in own:
            self._cut(part, name, lambda each: each[:count])
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

    def _attention(self, attention: Any) -> None:
        heads, size = attention.num_heads, attention.head_dim
        kept = kept_count(heads, self._width)
        every = torch.arange(3 * heads * size).reshape(3, heads, size)
        self._layer(attention.qkv, rows=every[:, :kept].flatten())
        self._layer(attention.proj)
        attention.num_heads = kept
        if hasattr(attention, "attn_dim"):
            attention.attn_dim = kept * size


def _norms(encoder: nn.Module) -> Iterable[nn.LayerNorm]:
    """Those of the width of the embedding; heads keep their own size, and so do their norms."""
    return [
        part
        for name, part in encoder.named_modules()
        if isinstance(part, nn.LayerNorm) and not name.endswith(HEAD_NORMS)
    ]


def _scales(block: Any) -> Iterable[Any]:
    return [part for part in block.modules() if isinstance(getattr(part, "gamma", None), Tensor)]
