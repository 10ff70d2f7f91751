"""Rules by which an operation hands relevance to what it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

Apply = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]
_SMALL = 1e-6


def away_from_zero(values: Tensor) -> Tensor:
    """Keep values away from zero, to either side, by a share of what is usual in each image.

    Parameters
    ----------
    values
        ``(B, ...)``.

    Examples
    --------
    >>> bool((away_from_zero(torch.zeros(2, 1)) > 0).all())
    True
    """
    usual = values.abs().flatten(1).mean(1).clamp_min(torch.finfo(values.dtype).tiny / _SMALL)
    least = _SMALL * usual.reshape(-1, *[1] * (values.ndim - 1))
    return values + torch.where(values >= 0, least, -least)


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
    shares = torch.autograd.grad(total, parts, arriving / away_from_zero(total.detach()))
    return torch.stack([x.detach() * s for x, s in zip(parts, shares, strict=True)]).sum(0)


def _by_all_products(ctx: Any, image: Tensor, weight: Tensor, arriving: Tensor) -> Tensor:
    part = image.detach().requires_grad_()
    with torch.enable_grad():
        total = ctx.operation(part, weight, ctx.bias)
    share = arriving / away_from_zero(total.detach())
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
        (share,) = torch.autograd.grad(total, part, arriving / away_from_zero(total.detach()))
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
        share = arriving / away_from_zero(one + other)
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


apply_weighted: Callable[..., Tensor] = _Weighted.apply
apply_shared: Callable[..., Tensor] = _Shared.apply
apply_summed: Callable[..., Tensor] = _Summed.apply
apply_summed_in_place: Callable[..., Tensor] = _SummedInPlace.apply
apply_passed: Callable[..., Tensor] = _Passed.apply
