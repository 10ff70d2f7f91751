"""What a hard pair is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

import regkit as rk
from regkit.transforms import Transform

Kind = Literal["rigid", "affine", "deformable"]
Half = Literal["tune", "judge"]


def no_points() -> Tensor:
    """Where there is nothing to judge: ``(0, 3)``."""
    return torch.empty(0, 3, dtype=torch.float64)


@dataclass(frozen=True)
class HardPair:
    """Two images, and what is known about how they belong together.

    Parameters
    ----------
    name
        What the tables call it; one of its kind in its family.
    fixed, moving
        The images.
    truth
        World points of fixed to world points of moving; None where it is unknown (``fixed_labels``
        then judge) or where the images have nothing in common (nothing judges).
    points
        ``(n, 3)`` world points of fixed at which the error counts: inside what both images show.
    transform
        How far a method must go to be right.
    fixed_mask, moving_mask
        Where the images count; handed to every method that takes masks.
    fixed_labels, moving_labels, scored
        Structures whose overlap judges, where no truth is known; all, if ``scored`` is empty.
    scale
        How many times larger than life the world is: errors are divided by it.
    across
        Whether the images are of two contrasts, which the users of some tools must tell them.
    options
        Further options that regkit needs in this situation, by their names on the command line.
    family, half
        Set by :func:`benchmarks.hard_pairs.families`. Settings may be chosen on the pairs of
        ``tune``; those of ``judge`` tell how good they are.
    """

    name: str
    fixed: rk.Volume
    moving: rk.Volume
    truth: Transform | None = None
    points: Tensor = field(default_factory=no_points)
    transform: Kind = "rigid"
    fixed_mask: rk.Labels | None = None
    moving_mask: rk.Labels | None = None
    fixed_labels: rk.Labels | None = None
    moving_labels: rk.Labels | None = None
    scored: tuple[int, ...] = ()
    scale: float = 1.0
    across: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    family: str = ""
    half: Half = "tune"

    @property
    def is_solvable(self) -> bool:
        """Whether there is anything right to find."""
        return self.truth is not None or self.fixed_labels is not None
