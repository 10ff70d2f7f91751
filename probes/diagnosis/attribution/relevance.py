"""Layer-wise relevance propagation through any network of known operations.

After Bach et al. 2015 and, for the choice of rules, Montavon et al. 2019. The rules, which a report
states: convolutions pass relevance on by the positive products of inputs and weights (z+), linear
layers and sums by all products (epsilon), averages likewise, a maximum to what was largest,
activations and dropout unchanged. A BatchNorm that follows a convolution is merged into it; another
one passes relevance unchanged. Biases of convolutions take none: what they add is shared out among
the inputs. In linear layers they take their share, as the epsilon rule has it: were it shared out,
all signs would turn where the bias outweighs the products. What they took is returned, so that
conservation can be seen. Attention and its normalisations have the rules of AttnLRP, in
:mod:`probes.diagnosis.attribution.attention_rules`. Operations are seen as they are called,
whatever modules they are in: residual additions need no canonizer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from probes.diagnosis.attribution.attention_rules import (
    apply_joined,
    apply_product,
    apply_softmax,
    share_attention,
    share_layer_norm,
)
from probes.diagnosis.attribution.rules import (
    Apply,
    apply_passed,
    apply_shared,
    apply_summed,
    apply_summed_in_place,
    apply_weighted,
)
from regkit.errors import InputError

_CONVOLUTIONS = {"conv1d", "conv2d", "conv3d"}
_ACTIVATIONS = {
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
    "hardtanh", "hardswish", "tanh",
}  # fmt: skip
_PRODUCTS = {"mul", "__mul__", "__rmul__", "matmul", "__matmul__", "__rmatmul__", "bmm"}
_SUMS = {"add", "__add__", "__radd__", "__iadd__"}
_BY_CONSTANTS = {
    *_SUMS, "sub", "__sub__", "__rsub__", "mul", "__mul__", "__rmul__", "div", "__truediv__",
    "true_divide",
}  # fmt: skip
_AVERAGES = {
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "mean", "sum",
}  # fmt: skip
# Their gradient hands relevance to the places that values came from.
_MOVES = {
    "expand", "flatten", "reshape", "view", "permute", "transpose", "movedim", "contiguous",
    "squeeze", "unsqueeze", "stack", "chunk", "split", "unbind", "__getitem__", "narrow",
    "clone", "to", "float", "pad", "flip", "roll", "dropout", "dropout1d", "dropout2d", "dropout3d",
    "max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "amax",
}  # fmt: skip


def relevance(network: nn.Module, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Share out the logit of a class among the values of images.

    Parameters
    ----------
    network
        In evaluation mode, none of whose weights require a gradient.
    images
        ``(B, C, *spatial)``, on the scale that it was trained with.
    targets
        ``(B,)``: a class for each image.

    Returns
    -------
    shared, taken
        As ``images``, and ``(B,)``: what biases of linear layers, and constants of
        attention, took. The sum of both is the
        logit, as far as relevance is conserved.

    Raises
    ------
    InputError
        If the network does what there is no rule for.
    """
    shown = images.detach().clone().requires_grad_()
    taken: list[Tensor] = []
    with torch.enable_grad(), _Watched(taken):
        logits = network(shown)
    with torch.no_grad():
        plain = network(images)
    if not torch.allclose(logits, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max())):
        raise InputError("LRP does not follow this network, which changes values in place")
    chosen = torch.zeros_like(logits).scatter_(1, targets[:, None], 1)
    (found,) = torch.autograd.grad(logits, shown, logits.detach() * chosen)
    # Windows of an image that are a batch of their own are all of that image.
    own = [each.reshape(len(images), -1).sum(1) for each in taken]
    return found, torch.stack(own).sum(0) if own else logits.new_zeros(len(images))


class _Watched(TorchFunctionMode):
    """Every operation on what depends on the images gets its rule, or is refused by name."""

    def __init__(self, taken: list[Tensor]) -> None:
        super().__init__()
        self._taken = taken
        self._last: tuple[Tensor, Tensor, Tensor, Tensor | None, Apply] | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        depends = [each for each in (*args, *kwargs.values()) if _depends(each)]
        if not depends:
            return func(*args, **kwargs)
        if name in _CONVOLUTIONS or name == "linear":
            return self._weighted(func, name, args, kwargs)
        if name == "batch_norm":
            return self._normalised(*_arguments_of_batch_norm(args, kwargs))
        if name in _ACTIVATIONS:
            return apply_passed(args[0], func(args[0].detach().clone(), *args[1:], **kwargs))
        if name in _AVERAGES:
            return apply_shared(args[0], lambda x: func(x, *args[1:], **kwargs))
        if name in _SUMS and len(depends) == 2 and depends[0].shape == depends[1].shape:
            return apply_summed(*depends)
        if name == "add_" and len(depends) == 2 and depends[0].shape == depends[1].shape:
            return apply_summed_in_place(*depends)
        if name in _BY_CONSTANTS and len(depends) == 1:
            return apply_passed(depends[0], _detached(func, args, kwargs))
        if name in _ATTENTION:
            return _ATTENTION[name](self._taken, *args, **kwargs)
        if name in _PRODUCTS and len(depends) == 2:
            return apply_product(*depends, lambda one, other: func(one, other))
        found = func(*args, **kwargs)
        if name not in _MOVES and _depends(found):
            raise InputError(f"LRP has no rule for {name or func}; leave lrp out for this network")
        return found

    def _weighted(self, func: Any, name: str, args: tuple[Any, ...], kwargs: Any) -> Tensor:
        image, weight, *rest = args
        bias = rest[0] if rest else kwargs.get("bias")
        others = {key: value for key, value in kwargs.items() if key != "bias"}

        def apply(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
            found: Tensor = func(x, w, b, *rest[1:], **others)
            return found

        found: Tensor = apply_weighted(
            image, weight, bias, apply, name in _CONVOLUTIONS, self._taken
        )
        self._last = (found, image, weight, bias, apply) if name in _CONVOLUTIONS else None
        return found

    def _normalised(self, image: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """``scale * image + shift`` a channel, by the convolution before it where there is one."""
        if self._last is not None and self._last[0] is image:
            _, before, weight, bias, apply = self._last
            wide = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
            moved = shift if bias is None else shift + bias * scale
            merged: Tensor = apply_weighted(before, wide, moved, apply, True, self._taken)
            return merged
        line = (1, -1, *[1] * (image.ndim - 2))
        value = image.detach() * scale.reshape(line) + shift.reshape(line)
        passed: Tensor = apply_passed(image, value)
        return passed


def _softmax(taken: list[Tensor], logits: Tensor, dim: int, **_: Any) -> Tensor:
    return apply_softmax(logits, dim, taken)


def _layer_norm(
    taken: list[Tensor],
    tokens: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    return share_layer_norm(tokens, normalized_shape, weight, bias, eps, taken)


def _attention(
    taken: list[Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if is_causal or enable_gqa or not all(map(_depends, (query, key, value))):
        raise InputError(
            "LRP has no rule for attention that is causal, grouped, or asks by constants; leave "
            "lrp out for this network"
        )
    return share_attention(query, key, value, attn_mask, scale, taken)


def _joined(taken: list[Tensor], tensors: Any, dim: int = 0) -> Tensor:
    return apply_joined(dim, taken, *tensors)


# By the names and arguments that torch has.
_ATTENTION: Mapping[str, Callable[..., Tensor]] = {
    "softmax": _softmax, "layer_norm": _layer_norm, "scaled_dot_product_attention": _attention,
    "cat": _joined, "concat": _joined,
}  # fmt: skip


def _arguments_of_batch_norm(args: Any, kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The image, and the scale and shift of each channel."""
    bound = inspect.signature(functional.batch_norm).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    if given["training"] or given["running_var"] is None:
        raise InputError("LRP needs a BatchNorm in evaluation mode, with statistics of its own")
    scale = (given["running_var"] + given["eps"]).rsqrt()
    scale = scale if given["weight"] is None else scale * given["weight"]
    shift = -given["running_mean"] * scale
    return given["input"], scale, shift if given["bias"] is None else shift + given["bias"]


def _depends(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_depends(each) for each in value)
    return isinstance(value, Tensor) and value.requires_grad


def _detached(func: Any, args: Any, kwargs: Any) -> Any:
    return func(*(each.detach() if isinstance(each, Tensor) else each for each in args), **kwargs)
