"""Post-hoc slimming: the same encoder with the first part of every layer's channels.

After "How Much of a Model Do We Need? Redundancy and Slimmability in Remote Sensing Foundation
Models" (2026): width is reduced uniformly, nothing is trained again. Where a layer sees only a part
of its inputs, its weights are divided by that part, so that sums keep their size: an encoder whose
channels were all there twice is the same at half its width.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
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


def slim(encoder: nn.Module, width: float) -> nn.Module:
    """Cut the width of an encoder.

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
    nn.Module
        A copy; ``encoder`` stays as it is. Its features are the first ones of every layer.

    Raises
    ------
    InputError
        If it is another kind of network, or the width is not allowed.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    >>> slim(net, 0.5)(torch.zeros(1, 3, 9, 9)).shape
    torch.Size([1, 2, 5, 5])
    """
    if not 0 < width <= 1:
        raise InputError(f"width {width:g} is not allowed; give a share above 0, at most 1")
    kind = type(encoder).__name__
    module = type(encoder).__module__.partition(".")[0]
    if isinstance(encoder, nn.Sequential):
        _check_sequence(encoder)
        return _slim_convolutional(deepcopy(encoder), width)
    if module == "timm" and kind == "ResNet":
        return _slim_convolutional(deepcopy(encoder), width)
    if module == "timm" and kind == "VisionTransformer":
        return _slim_transformer(deepcopy(encoder), width)
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


def _slim_convolutional(encoder: nn.Module, width: float) -> nn.Module:
    """Every layer but the first keeps a part of its inputs, every layer a part of its outputs."""
    layers = [p for p in encoder.modules() if isinstance(p, (*_CONVOLUTIONS, nn.Linear))]
    if not layers:
        raise InputError("the encoder has no convolution and no linear layer; nothing can be cut")
    for part in encoder.modules():
        if isinstance(part, _CONVOLUTIONS) and part.groups > 1:
            raise InputError("grouped convolutions cannot be slimmed; take a network without them")
        if isinstance(part, (*_CONVOLUTIONS, nn.Linear)):
            _slim_layer(part, width, whole_input=part is layers[0])
        elif isinstance(part, _NORMS):
            _slim_norm(part, width)
    return encoder


def _slim_layer(part: Any, width: float, *, whole_input: bool, rows: Tensor | None = None) -> None:
    weight = part.weight
    outputs = torch.arange(_kept(len(weight), width)) if rows is None else rows
    inputs = weight.shape[1] if whole_input else _kept(weight.shape[1], width)
    scale = weight.shape[1] / inputs
    part.weight = nn.Parameter(weight[outputs, :inputs] * scale, requires_grad=False)
    if part.bias is not None:
        part.bias = nn.Parameter(part.bias[outputs], requires_grad=False)
    names = (
        ("in_features", "out_features")
        if isinstance(part, nn.Linear)
        else ("in_channels", "out_channels")
    )
    setattr(part, names[0], inputs)
    setattr(part, names[1], len(outputs))


def _slim_norm(part: Any, width: float) -> None:
    count = _kept(len(part.weight), width) if part.weight is not None else None
    for name in ("weight", "bias", "running_mean", "running_var"):
        values = getattr(part, name, None)
        if values is None:
            continue
        count = count or _kept(len(values), width)
        cut = values[:count].detach().clone()
        is_weight = isinstance(values, nn.Parameter)
        setattr(part, name, nn.Parameter(cut, requires_grad=False) if is_weight else cut)
    if count is None:
        raise InputError("a normalisation without any values of its own cannot be slimmed")
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


def _slim_transformer(encoder: Any, width: float) -> nn.Module:
    """Whole heads are kept, so that what they look at stays the same."""
    heads = encoder.blocks[0].attn.num_heads
    width = _kept(heads, width) / heads
    embedding = _kept(encoder.embed_dim, width)
    _slim_layer(encoder.patch_embed.proj, width, whole_input=True)
    for name in ("pos_embed", "cls_token", "reg_token"):
        tokens = getattr(encoder, name, None)
        if isinstance(tokens, nn.Parameter):
            setattr(encoder, name, nn.Parameter(tokens[..., :embedding], requires_grad=False))
    for part in _norms(encoder):
        _slim_norm(part, width)
    for block in encoder.blocks:
        _slim_attention(block.attn, width)
        _slim_layer(block.mlp.fc1, width, whole_input=False)
        _slim_layer(block.mlp.fc2, width, whole_input=False)
        for scale in _scales(block):
            scale.gamma = nn.Parameter(scale.gamma[:embedding], requires_grad=False)
    encoder.embed_dim = encoder.num_features = embedding
    slim: nn.Module = encoder
    return slim


def _norms(encoder: nn.Module) -> Iterable[nn.LayerNorm]:
    """Those of the width of the embedding; heads keep their own size, and so do their norms."""
    return [
        part
        for name, part in encoder.named_modules()
        if isinstance(part, nn.LayerNorm) and not name.endswith(("q_norm", "k_norm"))
    ]


def _scales(block: Any) -> Iterable[Any]:
    return [part for part in block.modules() if isinstance(getattr(part, "gamma", None), Tensor)]


def _slim_attention(attention: Any, width: float) -> None:
    heads, size = attention.num_heads, attention.head_dim
    kept = _kept(heads, width)
    every = torch.arange(3 * heads * size).reshape(3, heads, size)
    _slim_layer(attention.qkv, width, whole_input=False, rows=every[:, :kept].flatten())
    _slim_layer(attention.proj, width, whole_input=False)
    attention.num_heads = kept
    if hasattr(attention, "attn_dim"):
        attention.attn_dim = kept * size
