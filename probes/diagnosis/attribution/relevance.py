"""Layer-wise relevance propagation through any network of known operations.

After Bach et al. 2015 and, for the choice of rules, Montavon et al. 2019. The rules, which a report
states: convolutions pass relevance on by the positive products of inputs and weights (z+), linear
layers and sums by all products (epsilon), averages likewise, a maximum to what was largest,
activations and dropout unchanged. A BatchNorm that follows a convolution is merged into it; another
one passes relevance unchanged. Biases of convolutions take none: what they add is shared out among
the inputs. In linear layers they take their share, as the epsilon rule has it: were it shared out,
all signs would turn where the bias outweighs the products. What they took is returned, so that
conservation can be seen. Operations are seen as they are called, whatever modules they are in:
residual additions need no canonizer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from regkit.errors import InputError

_SMALL = 1e-6
_CONVOLUTIONS = {"conv1d", "conv2d", "conv3d"}
_ACTIVATIONS = {
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
    "hardtanh", "hardswish", "tanh",
}  # fmt: skip
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
    "flatten", "reshape", "view", "permute", "transpose", "movedim", "contiguous", "squeeze",
    "unsqueeze", "cat", "concat", "stack", "chunk", "split", "unbind", "__getitem__", "narrow",
    "clone", "to", "float", "pad", "flip", "roll", "dropout", "dropout1d", "dropout2d", "dropout3d",
    "max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "amax",
}  # fmt: skip
Apply = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]


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
        As ``images``, and ``(B,)``: what biases of linear layers took. The sum of both is the
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
    return found, torch.stack(taken).sum(0) if taken else logits.new_zeros(len(images))


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
            return _apply_passed(args[0], func(args[0].detach().clone(), *args[1:], **kwargs))
        if name in _AVERAGES:
            return _apply_shared(args[0], lambda x: func(x, *args[1:], **kwargs))
        if name in _SUMS and len(depends) == 2 and depends[0].shape == depends[1].shape:
            return _apply_summed(*depends)
        if name == "add_" and len(depends) == 2 and depends[0].shape == depends[1].shape:
            return _apply_summed_in_place(*depends)
        if name in _BY_CONSTANTS and len(depends) == 1:
            return _apply_passed(depends[0], _detached(func, args, kwargs))
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

        found: Tensor = _apply_weighted(
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
            merged: Tensor = _apply_weighted(before, wide, moved, apply, True, self._taken)
            return merged
        line = (1, -1, *[1] * (image.ndim - 2))
        value = image.detach() * scale.reshape(line) + shift.reshape(line)
        passed: Tensor = _apply_passed(image, value)
        return passed


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


def _steady(values: Tensor) -> Tensor:
    """Away from zero, to either side."""
    return values + torch.where(values >= 0, _SMALL, -_SMALL)


class _Weighted(Function):
    """A convolution by the z+ rule (``positive``), or a linear layer by the epsilon rule."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        apply: Apply,
        positive: bool,
        taken: list[Tensor],
    ) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.operation, ctx.positive, ctx.bias, ctx.taken = apply, positive, bias, taken
        return apply(image, weight, bias)

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        image, weight = ctx.saved_tensors
        rule = _by_positive_products if ctx.positive else _by_all_products
        return rule(ctx, image, weight, arriving), None, None, None, None, None


def _by_positive_products(ctx: Any, image: Tensor, weight: Tensor, arriving: Tensor) -> Tensor:
    pairs = [(image.clamp_min(0), weight.clamp_min(0))]
    if bool((image < 0).any()):
        pairs.append((image.clamp_max(0), weight.clamp_max(0)))
    parts = [part.detach().requires_grad_() for part, _ in pairs]
    with torch.enable_grad():
        total = torch.stack(
            [ctx.operation(x, w, None) for x, (_, w) in zip(parts, pairs, strict=True)]
        ).sum(0)
    shares = torch.autograd.grad(total, parts, arriving / _steady(total.detach()))
    return torch.stack([x.detach() * s for x, s in zip(parts, shares, strict=True)]).sum(0)


def _by_all_products(ctx: Any, image: Tensor, weight: Tensor, arriving: Tensor) -> Tensor:
    part = image.detach().requires_grad_()
    with torch.enable_grad():
        total = ctx.operation(part, weight, ctx.bias)
    share = arriving / _steady(total.detach())
    if ctx.bias is not None:
        alone = ctx.operation(torch.zeros_like(image), weight, ctx.bias)
        ctx.taken.append((alone * share).flatten(1).sum(1))
    (found,) = torch.autograd.grad(total, part, share)
    return part.detach() * found


class _Shared(Function):
    """A sum or an average: relevance goes in proportion to the values."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, apply: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(image)
        ctx.operation = apply
        return apply(image)

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        part = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            total = ctx.operation(part)
        (share,) = torch.autograd.grad(total, part, arriving / _steady(total.detach()))
        return part.detach() * share, None


class _Summed(Function):
    """Two maps that are added, as at the end of a residual block."""

    @staticmethod
    def forward(ctx: Any, one: Tensor, other: Tensor) -> Tensor:
        ctx.save_for_backward(one, other)
        return one + other

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        one, other = ctx.saved_tensors
        share = arriving / _steady(one + other)
        return one * share, other * share


class _SummedInPlace(_Summed):
    """The same where the first map becomes the sum, as ``+=`` does it."""

    @staticmethod
    def forward(ctx: Any, one: Tensor, other: Tensor) -> Tensor:
        ctx.save_for_backward(one.clone(), other)
        ctx.mark_dirty(one)
        return one.add_(other)


class _Passed(Function):
    """What passes relevance unchanged; its value is known."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        return arriving, None


_apply_weighted: Callable[..., Tensor] = _Weighted.apply
_apply_shared: Callable[..., Tensor] = _Shared.apply
_apply_summed: Callable[..., Tensor] = _Summed.apply
_apply_summed_in_place: Callable[..., Tensor] = _SummedInPlace.apply
_apply_passed: Callable[..., Tensor] = _Passed.apply
