"""Post-hoc slimming: the same encoder with the first part of every layer's channels.

After "How Much of a Model Do We Need? Redundancy and Slimmability in Remote Sensing Foundation
Models" (2026): width is reduced uniformly, nothing is trained again. Where a layer sees only a part
of its inputs, its weights are divided by that part, so that sums keep their size: an encoder whose
channels were all there twice is the same at half its width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from regkit.errors import InputError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)
_PASSING = (
    nn.ReLU, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.Identity, nn.Dropout, nn.Flatten,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.MaxPool3d, nn.AvgPool3d,
    nn.AdaptiveAvgPool3d,
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


def slim(encoder: nn.Module, width: float) -> nn.Module:
    """Cut the width of an encoder; a copy of :func:`slim_encoder` that stands alone.

    Parameters
    ----------
    encoder, width
        As there.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    >>> slim(net, 0.5)(torch.zeros(1, 3, 9, 9)).shape
    torch.Size([1, 2, 5, 5])
    """
    return slim_encoder(encoder, width).module


def slim_encoder(encoder: nn.Module, width: float) -> SlimEncoder:
    """Cut the width of an encoder, and keep how that was done.

    Parameters
    ----------
    encoder
        A residual network or a vision transformer of timm without its classifier
        (``num_classes=0``), or an ``nn.Sequential`` of convolutions, linear layers, normalisations,
        activations and pooling.
    width
        The share of channels, or of heads of attention, that stays in every layer; above 0, at most
        1.

    Returns
    -------
    SlimEncoder
        With a copy; ``encoder`` stays as it is. Its features are the first ones of every layer.

    Raises
    ------
    InputError
        If it is another kind of network, or the width is not allowed.
    """
    if not 0 < width <= 1:
        raise InputError(f"width {width:g} is not allowed; give a share above 0, at most 1")
    kind = type(encoder).__name__
    module = type(encoder).__module__.partition(".")[0]
    knife = _Knife(deepcopy(encoder), width)
    if isinstance(encoder, nn.Sequential):
        _check_sequence(encoder)
        return knife.convolutional()
    if module == "timm" and kind == "ResNet":
        return knife.convolutional()
    if module == "timm" and kind == "VisionTransformer":
        return knife.transformer()
    raise InputError(
        f"an encoder of the kind {kind} cannot be slimmed; allowed are ResNet and "
        "VisionTransformer of timm, and nn.Sequential of layers without branches"
    )


def flops(encoder: nn.Module, images: Tensor) -> int:
    """Count the floating-point operations of one forward pass, as PyTorch counts them.

    Parameters
    ----------
    encoder
        Any network.
    images
        ``(B, C, *spatial)``; the count is of all of them.

    Examples
    --------
    >>> flops(nn.Linear(10, 5, bias=False), torch.zeros(1, 10))
    100
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        encoder(images)
    return int(counter.get_total_flops())


def _check_sequence(encoder: nn.Sequential) -> None:
    allowed = (*_CONVOLUTIONS, nn.Linear, *_NORMS, *_PASSING, nn.Sequential)
    for name, part in encoder.named_modules():
        if not isinstance(part, allowed):
            raise InputError(
                f"layer {name} is a {type(part).__name__}, which cannot be slimmed in a sequence"
            )


def _kept(count: int, width: float) -> int:
    return max(1, round(count * width))


class _Knife:
    """Cuts the layers of one encoder, in place, and notes every cut."""

    def __init__(self, encoder: Any, width: float) -> None:
        self._encoder, self._width = encoder, width
        self._names = {part: name for name, part in encoder.named_modules()}
        self._cuts: dict[str, Cut] = {}

    def convolutional(self) -> SlimEncoder:
        """Every layer but the first keeps a part of its inputs, every one a part of its outputs."""
        layers = [p for p in self._names if isinstance(p, (*_CONVOLUTIONS, nn.Linear))]
        if not layers:
            raise InputError("the encoder has no convolution and no linear layer to be cut")
        for part in self._names:
            if isinstance(part, _CONVOLUTIONS) and part.groups > 1:
                raise InputError("grouped convolutions cannot be slimmed; take another network")
            if isinstance(part, (*_CONVOLUTIONS, nn.Linear)):
                self._layer(part, whole_input=part is layers[0])
            elif isinstance(part, _NORMS):
                self._norm(part)
        return SlimEncoder(self._encoder, self._cuts)

    def transformer(self) -> SlimEncoder:
        """Whole heads are kept, so that what they look at stays the same."""
        encoder = self._encoder
        heads = encoder.blocks[0].attn.num_heads
        self._width = _kept(heads, self._width) / heads
        embedding = _kept(encoder.embed_dim, self._width)
        self._layer(encoder.patch_embed.proj, whole_input=True)
        for name in ("pos_embed", "cls_token", "reg_token"):
            if isinstance(getattr(encoder, name, None), nn.Parameter):
                self._cut(encoder, name, lambda tokens: tokens[..., :embedding])
        for part in _norms(encoder):
            self._norm(part)
        for block in encoder.blocks:
            self._attention(block.attn)
            self._layer(block.mlp.fc1)
            self._layer(block.mlp.fc2)
            for scale in _scales(block):
                self._cut(scale, "gamma", lambda gamma: gamma[:embedding])
        encoder.embed_dim = encoder.num_features = embedding
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
        outputs = torch.arange(_kept(total, self._width)) if rows is None else rows
        inputs = before if whole_input else _kept(before, self._width)
        self._cut(part, "weight", lambda weight: weight[outputs, :inputs] * (before / inputs))
        if part.bias is not None:
            self._cut(part, "bias", lambda bias: bias[outputs])
        linear = isinstance(part, nn.Linear)
        setattr(part, "in_features" if linear else "in_channels", inputs)
        setattr(part, "out_features" if linear else "out_channels", len(outputs))

    def _norm(self, part: Any) -> None:
        values = ("weight", "bias", "running_mean", "running_var")
        own = [name for name in values if getattr(part, name, None) is not None]
        if not own:
            raise InputError("a normalisation without any values of its own cannot be slimmed")
        count = _kept(len(getattr(part, own[0])), self._width)
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
        kept = _kept(heads, self._width)
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
        if isinstance(part, nn.LayerNorm) and not name.endswith(("q_norm", "k_norm"))
    ]


def _scales(block: Any) -> Iterable[Any]:
    return [part for part in block.modules() if isinstance(getattr(part, "gamma", None), Tensor)]
