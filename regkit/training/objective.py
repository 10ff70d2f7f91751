"""The objective of registration: similarity, regularity, and what is known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from regkit.kernels.sampling import sample_unit
from regkit.losses.dice import dice_loss
from regkit.losses.gradicon import gradicon_loss
from regkit.losses.mass import mass_conserved
from regkit.losses.similarity import Similarity
from regkit.networks.steps import unit_points
from regkit.training.config import Loss
from regkit.training.pairs import Example, Side


def objective(
    u: Tensor, examples: Sequence[Example], similarity: Similarity, loss: Loss
) -> dict[str, Tensor]:
    """The parts of the objective, and under ``loss`` what they come to.

    Parameters
    ----------
    u
        Displacements ``(2 n, 3, *shape)`` in shares of the field of view: first those of the
        ``n`` examples from moving to fixed, then those the other way.
    """
    there, back = u.chunk(2)
    both = [
        way
        for n, each in enumerate(examples)
        for way in (
            (there[n : n + 1], each.moving, each.fixed, each),
            (back[n : n + 1], each.fixed, each.moving, each),
        )
    ]
    regular = (gradicon_loss(there, back) + gradicon_loss(back, there)) / 2
    parts: dict[str, list[Tensor]] = {"similarity": [], "truth": [], "dice": []}
    for field, moving, fixed, example in both:
        if example.known:
            parts["truth"].append(_truth(field, moving, fixed))
        else:
            parts["similarity"].append(_similarity(field, moving, fixed, example, similarity))
        if loss.dice and moving.labels is not None and fixed.labels is not None:
            parts["dice"].append(_dice(field, moving.labels, fixed.labels))
    means = {name: torch.stack(each).mean() for name, each in parts.items() if each}
    weights = {"similarity": 1.0, "truth": loss.truth, "dice": loss.dice}
    share = {name: len(each) / len(both) for name, each in parts.items()}
    total = loss.lmbda * regular
    for name, value in means.items():
        total = total + weights[name] * share[name] * value
    return {"loss": total, "gradicon": regular, **means}


def _shown(image: Tensor, u: Tensor) -> Tensor:
    return sample_unit(image, unit_points(u.shape[2:], u) + u)


def _similarity(
    u: Tensor, moving: Side, fixed: Side, example: Example, similarity: Similarity
) -> Tensor:
    warped = _shown(moving.compared, u)
    if example.conserve == "mass":
        warped = mass_conserved(warped, u)
    return similarity(fixed.compared[0], warped[0], fixed.weight[0, 0])


def _truth(u: Tensor, moving: Side, fixed: Side) -> Tensor:
    """How far ``moving.u`` after ``u`` is from ``fixed.u``, in hundredths of the field of view."""
    apart = u + _shown(moving.u, u) - fixed.u
    length = (apart.square().sum(1, keepdim=True) + 1e-10).sqrt()
    return 100 * (length * fixed.weight).sum() / fixed.weight.sum().clamp(min=1)


def _present(labels: Tensor) -> set[int]:
    found: Tensor = torch.unique(labels)
    return {int(n) for n in found if n != 0}


def _dice(u: Tensor, moving: Tensor, fixed: Tensor) -> Tensor:
    """Over the labels that both have; nothing where they have none in common."""
    common = _present(moving) & _present(fixed)
    if not common:
        return u.new_zeros(())
    chosen = torch.tensor(sorted(common), device=u.device).reshape(1, -1, 1, 1, 1)
    return dice_loss((fixed == chosen).float()[0], _shown((moving == chosen).float(), u)[0])
