"""Sides: which images are learned from, and which others judge what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probes.images.samples import ImageSamples
from regkit.errors import InputError


@dataclass(frozen=True, eq=False)
class ProbedImages:
    """Images on two sides: probes are fitted on those that are learnt, and judged by the others.

    Parameters
    ----------
    images
        ``(N, C, *spatial)``, on the scale that an encoder was trained with.
    classes
        ``(N,)``.
    learnt
        ``(N,)``: on which side each is.
    subjects
        ``(N,)``: whose each image is; none may be on both sides.

    Raises
    ------
    InputError
        If a side lacks a class, or shares a subject with the other one.
    """

    images: Tensor
    classes: NDArray[np.int_]
    learnt: NDArray[np.bool_]
    subjects: Sequence[str] | None = None

    def __post_init__(self) -> None:
        sides = [set(self.classes[side].tolist()) for side in (self.learnt, ~self.learnt)]
        if sides[0] != sides[1] or len(sides[0]) < 2:
            raise InputError(
                f"probes learn from classes {sorted(sides[0])} and are judged by "
                f"{sorted(sides[1])}; both sides need the same classes, two at least"
            )
        both = set(self._owners(self.learnt)) & set(self._owners(~self.learnt))
        if both:
            raise InputError(
                f"subject {min(both)} is on both sides; keep all images of one together"
            )

    @property
    def judges(self) -> Sequence[str] | None:
        """Whose the images are that probes are judged by."""
        return None if self.subjects is None else self._owners(~self.learnt)

    def _owners(self, side: NDArray[np.bool_]) -> list[str]:
        return [owner for owner, own in zip(self.subjects or (), side, strict=False) if own]


def learnt_side(samples: ImageSamples, share: float, seed: int) -> NDArray[np.bool_]:
    """Choose which images probes are fitted on: whole subjects, the same share of each class.

    Parameters
    ----------
    samples
        With one class an image.
    share
        Of the subjects.
    seed
        Of the choice.

    Returns
    -------
    array
        ``(N,)``.

    Raises
    ------
    InputError
        If a class has one subject alone.
    """
    if samples.truth is None or samples.truth.ndim != 1:
        raise InputError("one class an image is needed; the data set has others")
    names = list(samples.subjects or map(str, range(len(samples))))
    first = {name: samples.truth[n] for n, name in reversed(list(enumerate(names)))}
    generator, chosen = np.random.default_rng(seed), set[str]()
    for value in np.unique(samples.truth):
        own = sorted(name for name, of in first.items() if of == value)
        if len(own) < 2:
            raise InputError(f"class {value:g} has one subject alone; probes need one on each side")
        count = min(max(1, round(share * len(own))), len(own) - 1)
        chosen |= {own[n] for n in generator.permutation(len(own))[:count]}
    return np.array([name in chosen for name in names])
