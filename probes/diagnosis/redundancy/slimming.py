"""Post-hoc slimming: the same encoder with the first part of every layer's channels.

After "How Much of a Model Do We Need? Redundancy and Slimmability in Remote Sensing Foundation
Models" (2026): width is reduced uniformly, nothing is trained again. Where a layer sees only a part
of its inputs, its weights are divided by that part, so that sums keep their size: an encoder whose
channels were all there twice is the same at half its width.
"""

from __future__ import annotations

from copy import deepcopy

from torch import nn

from probes.diagnosis.redundancy.knife import CONVOLUTIONS, NORMS, Knife, SlimEncoder
from probes.diagnosis.redundancy.transformer_knife import TransformerKnife
from regkit.errors import InputError

_PASSING = (
    nn.ReLU, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.Identity, nn.Dropout, nn.Flatten,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.MaxPool3d, nn.AvgPool3d,
    nn.AdaptiveAvgPool3d,
)  # fmt: skip
_CONVOLUTIONAL = tuple(
    (package, name) for package in ("timm", "torchvision") for name in ("ResNet", "ConvNeXt")
)
_TRANSFORMER = (("timm", "VisionTransformer"),)
_WINDOWED = (("timm", "SwinTransformer"),)
_CLASSIFIERS = ("fc", "head.fc", "classifier.2")


def slim(encoder: nn.Module, width: float) -> nn.Module:
    """Cut the width of an encoder; a copy of :func:`slim_encoder` that stands alone.

    Parameters
    ----------
    encoder, width
        As there.

    Examples
    --------
    >>> import torch
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
        A ResNet, ConvNeXt, vision or Swin transformer of timm without its classifier
        (``num_classes=0``), masked autoencoders among them, or one of a class that is derived from
        theirs; a ResNet or ConvNeXt of torchvision; or an ``nn.Sequential`` of convolutions, linear
        layers, normalisations, activations and pooling.
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
        If it is another kind of network or has layers whose width cannot be cut, by name, or the
        width is not allowed.
    """
    if not 0 < width <= 1:
        raise InputError(f"width {width:g} is not allowed; give a share above 0, at most 1")
    _check_end(encoder)
    try:
        if _is_kind(encoder, _CONVOLUTIONAL):
            return Knife(deepcopy(encoder), width).convolutional()
        if _is_kind(encoder, _TRANSFORMER):
            return TransformerKnife(deepcopy(encoder), width).plain()
        if _is_kind(encoder, _WINDOWED):
            return TransformerKnife(deepcopy(encoder), width).windowed()
    except AttributeError as error:  # blocks of another make
        raise InputError(
            f"a {type(encoder).__name__} with such blocks cannot be slimmed: {error}"
        ) from error
    if isinstance(encoder, nn.Sequential):
        _check_sequence(encoder)
        return Knife(deepcopy(encoder), width).convolutional()
    raise InputError(
        f"an encoder of the kind {type(encoder).__name__} cannot be slimmed; allowed are ResNet "
        "and ConvNeXt of timm and torchvision, VisionTransformer and SwinTransformer of timm, what "
        "is derived from them, and nn.Sequential of layers without branches"
    )


def _is_kind(encoder: nn.Module, kinds: tuple[tuple[str, str], ...]) -> bool:
    """Whether it is of a class of a package, or of one that is derived from it."""
    made = [(each.__module__.partition(".")[0], each.__name__) for each in type(encoder).__mro__]
    return any(kind in made for kind in kinds)


def _check_end(encoder: nn.Module) -> None:
    parts = dict(encoder.named_modules())
    for name in _CLASSIFIERS:
        if not isinstance(encoder, nn.Sequential) and isinstance(parts.get(name), nn.Linear):
            raise InputError(
                f"the encoder ends in a classifier; replace its layer {name} by nn.Identity()"
            )


def _check_sequence(encoder: nn.Sequential) -> None:
    allowed = (*CONVOLUTIONS, nn.Linear, *NORMS, *_PASSING, nn.Sequential)
    for name, part in encoder.named_modules():
        if not isinstance(part, allowed):
            raise InputError(
                f"layer {name} is a {type(part).__name__}, which cannot be slimmed in a sequence"
            )
