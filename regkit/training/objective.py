"""Compute the objective of registration: similarity, regularity, and known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.kernels.sampling import warp_unit
from regkit.losses.dice import dice_loss
from regkit.losses.gradicon import gradicon_loss
from regkit.losses.mass import mass_conserved
from regkit.losses.similarity import Similarity
from regkit.training.config import Loss
from regkit.training.pairs import Example, Sample


@dataclass(frozen=True)
class Way:
    """One direction of a pair, and the displacement ``u`` that is judged for it."""

    u: Tensor
    moving: Sample
    fixed: Sample
    example: Example
    between: Tensor | None


def objective(
    u: Tensor,
    examples: Sequence[Example],
    similarity: Similarity,
    loss: Loss,
    *,
    earlier: Sequence[Tensor] = (),
) -> dict[str, Tensor]:
    """Compute the objective of a batch of pairs, and each of its parts.

    Parameters
    ----------
    u
        Displacements ``(2 n, 3, *shape)`` in shares of the field of view: first those of the
        ``n`` examples from moving to fixed, then those the other way.
    examples
        The ``n`` pairs.
    similarity
        It compares images of two subjects; pairs of one subject are judged by the known truth.
    loss
        Weights of the parts.
    earlier
        Displacements like ``u`` after each of the network's steps but the last; they are compared
        with the truth where ``loss.coarse`` is set.

    Returns
    -------
    dict
        Scalars: the sum under ``loss``, and under ``gradicon``, ``similarity``, ``truth``, ``dice``
        and ``coarse`` the mean of each part that occurs in the batch.
    """
    there, back = u.chunk(2)
    both = _ways(u, examples)
    regular = (gradicon_loss(there, back) + gradicon_loss(back, there)) / 2
    parts = {
        "similarity": [_similarity(way, similarity) for way in both if not way.example.same],
        "truth": [_truth(way) for way in both if _known(way)],
        "dice": [_dice(way) for way in both if loss.dice and _labelled(way)],
    }
    if loss.coarse:
        coarse = [way for each in earlier for way in _ways(each, examples)]
        parts["coarse"] = [_truth(way) for way in coarse if _known(way)]
    means = {name: torch.stack(each).mean() for name, each in parts.items() if each}
    weights = {"similarity": 1.0, "truth": loss.truth, "dice": loss.dice, "coarse": loss.coarse}
    share = {name: len(each) / len(both) for name, each in parts.items()}
    total = loss.lmbda * regular
    for name, value in means.items():
        total = total + weights[name] * share[name] * value
    return {"loss": total, "gradicon": regular, **means}


def _ways(u: Tensor, examples: Sequence[Example]) -> list[Way]:
    there, back = u.chunk(2)
    out = []
    for n, each in enumerate(examples):
        between = each.between or (None, None)
        out.append(Way(there[n : n + 1], each.moving, each.fixed, each, between[0]))
        out.append(Way(back[n : n + 1], each.fixed, each.moving, each, between[1]))
    return out


def _known(way: Way) -> bool:
    return way.example.same or way.between is not None


def _labelled(way: Way) -> bool:
    return way.moving.labels is not None and way.fixed.labels is not None


def _similarity(way: Way, similarity: Similarity) -> Tensor:
    warped = warp_unit(way.moving.compared, way.u)
    if way.example.conserve == "mass":
        warped = mass_conserved(warped, way.u)
    return similarity(way.fixed.compared[0], warped[0], way.fixed.weight[0, 0])


def _truth(way: Way) -> Tensor:
    """Return the mean distance from the truth where ``u`` and then moving's deformation lead.

    It is in hundredths of the field of view.

    That is fixed's deformation, and then what lies between the two before they were deformed.
    """
    truth = way.fixed.u
    if way.between is not None:
        truth = truth + warp_unit(way.between, truth)
    apart = way.u + warp_unit(way.moving.u, way.u) - truth
    length = (apart.square().sum(1, keepdim=True) + 1e-10).sqrt()
    weight = way.fixed.weight
    return 100 * (length * weight).sum() / weight.sum().clamp(min=1)


def _present(labels: Tensor) -> set[int]:
    found: Tensor = torch.unique(labels)
    return {int(n) for n in found if n != 0}


def _dice(way: Way) -> Tensor:
    """Return the Dice loss of the labels that both images have; 0 where they share none."""
    moving, fixed = way.moving.labels, way.fixed.labels
    if moving is None or fixed is None or not (common := _present(moving) & _present(fixed)):
        return way.u.new_zeros(())
    chosen = torch.tensor(sorted(common), device=way.u.device).reshape(1, -1, 1, 1, 1)
    return dice_loss((fixed == chosen).float()[0], warp_unit((moving == chosen).float(), way.u)[0])
