"""One judge for regkit and peers alike: the same functions on every transform."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import regkit as rk
from benchmarks.table import Row
from regkit.metrics import dice, folding, jacobian, log_jacobian_sd, summarise_dice
from regkit.transforms import Transform

OVERLAP = {"Dice": ".4f", "5 % label": ".3f"}
REGULARITY = {"folding %": ".4f", "sd log J": ".2f"}


def overlap(phi: Transform, fixed: rk.Labels, moving: rk.Labels, scored: Sequence[int] = ()) -> Row:
    """Mean Dice and its 5th percentile over ``scored`` labels, warped by nearest neighbour."""
    warped = rk.warp(moving, phi, onto=fixed.grid)
    summary = summarise_dice(dice(fixed, warped, list(scored) or fixed.values))
    return {"Dice": summary.mean, "5 % label": summary.p5}


def regularity(phi: Transform, inside: rk.Labels) -> Row:
    """Folding and spread of the log-Jacobian ``inside`` a mask, on its grid."""
    determinant = jacobian(phi, inside.grid)
    return {
        "folding %": 100 * folding(determinant, inside),
        "sd log J": log_jacobian_sd(determinant, inside),
    }


def distance(phi: Transform, psi: Transform, points: Tensor) -> Tensor:
    """How far two transforms take the same world points apart, in mm."""
    return (phi(points) - psi(points)).square().sum(-1).sqrt()


def spread(errors: Tensor) -> Row:
    """Mean, 95th percentile and largest of errors in mm."""
    rank = max(1, round(0.95 * len(errors)))
    return {
        "mean mm": float(errors.mean()),
        "p95 mm": float(errors.kthvalue(rank).values),
        "max mm": float(errors.max()),
    }


def correlation(a: rk.Volume, b: rk.Volume, inside: rk.Labels) -> float:
    """Pearson correlation of two images on one grid ``inside`` a mask."""
    chosen = inside.data > 0
    both = torch.stack([image.data[chosen].double() for image in (a, b)])
    return float(torch.corrcoef(both)[0, 1])
