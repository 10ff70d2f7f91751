"""Rules for what transformers are made of, after Achtibat et al. 2024, "AttnLRP".

A product of two values that both depend on the image, of matrices or of elements, shares relevance
by all products, one half to each side. A softmax is taken as its first-order expansion about its
input, whose constant term takes the rest. A normalisation of layers is linear once its spread is
held, and its bias takes a share. What constants take is noted, so that conservation can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from probes.diagnosis.attribution.rules import away_from_zero


class _Product(Function):
    """Two factors; ``operation`` is linear in each of them."""

    @staticmethod
    def forward(ctx: Any, one: Tensor, other: Tensor, operation: Callable[..., Tensor]) -> Tensor:
        ctx.save_for_backward(one, other)
        ctx.operation = operation
        return operation(one, other)

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        parts = [part.detach().requires_grad_() for part in ctx.saved_tensors]
        with torch.enable_grad():
            total = ctx.operation(*parts)
        shares = torch.autograd.grad(total, parts, arriving / away_from_zero(2 * total.detach()))
        one, other = (part.detach() * share for part, share in zip(parts, shares, strict=True))
        return one, other, None


class _Softmax(Function):
    """Proposition 3.1 of AttnLRP."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, axis: int, taken: list[Tensor]) -> Tensor:
        found = logits.softmax(axis)
        ctx.save_for_backward(logits, found)
        ctx.axis, ctx.taken = axis, taken
        return found

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        logits, found = ctx.saved_tensors
        masked = logits.isinf()  # by a mask of attention
        shared = arriving - found * arriving.sum(ctx.axis, keepdim=True)
        shared = shared * logits.masked_fill(masked, 0)
        ctx.taken.append((arriving - shared).flatten(1).sum(1))
        return shared, None, None


class _LayerNorm(Function):
    """Centred and scaled, with the spread held as it is."""

    @staticmethod
    def forward(
        ctx: Any,
        tokens: Tensor,
        axes: tuple[int, ...],
        scale: Tensor,
        bias: Tensor | None,
        taken: list[Tensor],
    ) -> Tensor:
        found = (tokens - tokens.mean(axes, keepdim=True)) * scale
        found = found if bias is None else found + bias
        ctx.save_for_backward(tokens, scale, found)
        ctx.axes, ctx.bias, ctx.taken = axes, bias, taken
        return found

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        tokens, scale, found = ctx.saved_tensors
        share = arriving / away_from_zero(found)
        if ctx.bias is not None:
            ctx.taken.append((ctx.bias * share).flatten(1).sum(1))
        weighted = share * scale
        return tokens * (weighted - weighted.mean(ctx.axes, keepdim=True)), None, None, None, None


class _Joined(Function):
    """Parts side by side, some of which are constant, such as the token of the class."""

    @staticmethod
    def forward(ctx: Any, axis: int, taken: list[Tensor], *parts: Tensor) -> Tensor:
        ctx.axis, ctx.taken = axis, taken
        ctx.sizes = [part.shape[axis] for part in parts]
        return torch.cat(parts, axis)

    @staticmethod
    def backward(ctx: Any, arriving: Tensor) -> Any:
        shares = arriving.split(ctx.sizes, ctx.axis)
        for share, depends in zip(shares, ctx.needs_input_grad[2:], strict=True):
            if not depends:
                ctx.taken.append(share.flatten(1).sum(1))
        return None, None, *shares


apply_product: Callable[..., Tensor] = _Product.apply
apply_softmax: Callable[..., Tensor] = _Softmax.apply
_apply_layer_norm: Callable[..., Tensor] = _LayerNorm.apply
apply_joined: Callable[..., Tensor] = _Joined.apply


def share_layer_norm(
    tokens: Tensor,
    shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
    taken: list[Tensor],
) -> Tensor:
    """Normalise the last axes of tokens.

    Parameters
    ----------
    tokens
        ``(B, ..., *shape)``.
    shape
        The sizes of these axes.
    weight, bias
        ``(*shape)``, or None.
    eps
        Added to the variance.
    taken
        Gets what the bias takes, ``(B,)``.
    """
    axes = tuple(range(-len(shape), 0))
    spread = tokens.detach().var(axes, unbiased=False, keepdim=True)
    scale = (spread + eps).rsqrt()
    scale = scale if weight is None else scale * weight
    return _apply_layer_norm(tokens, axes, scale, bias, taken)


def share_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float | None,
    taken: list[Tensor],
) -> Tensor:
    """Scaled dot-product attention of ``(..., tokens, size)``, by the rules of its parts.

    Parameters
    ----------
    query, key, value
        Which depend on the image.
    mask
        Added to the logits, or true where they count; constant.
    scale
        Of the logits; one over the root of the size if None.
    taken
        Gets what constants take, ``(B,)`` each.
    """
    factor = query.shape[-1] ** -0.5 if scale is None else scale

    logits = apply_product(query, key, lambda one, other: one @ other.mT * factor)
    if mask is not None:  # a constant, which passes relevance unchanged
        logits = (
            logits.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else logits + mask
        )
    return apply_product(apply_softmax(logits, -1, taken), value, torch.matmul)
