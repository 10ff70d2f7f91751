"""What is known of a pair between two engines, and what it comes to at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.losses.similarity import Similarity
from regkit.registration.config import RegisterConfig
from regkit.registration.evidence import gather
from regkit.registration.pair import Pair
from regkit.registration.planar import drop_field, drop_matrix, lift_matrix, lift_transform
from regkit.registration.quality import Evidence
from regkit.registration.result import EngineStage
from regkit.transforms import Affine, DisplacementField, Transform, compose, links


@dataclass(frozen=True)
class EngineResult:
    """What the engines found, in the dimension of the images, and how."""

    transform: Transform
    stages: tuple[EngineStage, ...]
    similarity: str
    reason: str
    inverse: Transform | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Choice:
    """The similarity of the deformable engines under its name, why, and the last affine's."""

    similarity: Similarity
    name: str
    reason: str
    last: Similarity


@dataclass(frozen=True)
class EngineState:
    """What is known of a pair so far, in 3-D: ``phi = affine o (id + u)``.

    Parameters
    ----------
    affines
        World affines from fixed to moving: what each linear engine ended with. The last one counts.
    initial
        World points of fixed to world points of fixed, where a displacement was given: what the
        field engine starts from.
    field
        The displacement before the affine, if there is one.
    back
        Its reverse, where an engine has made that too.
    smooth
        Whether a smooth field explains the pair: one anatomy.
    choice
        Which similarities are used, and why; None before it is known.
    stages
        The record of every engine.
    """

    affines: tuple[Matrix, ...] = ()
    initial: Callable[[Tensor], Tensor] | None = None
    field: DisplacementField | None = None
    back: DisplacementField | None = None
    smooth: bool = False
    choice: Choice | None = None
    stages: tuple[EngineStage, ...] = ()

    @classmethod
    def of(cls, initial: Transform | None, config: RegisterConfig) -> EngineState:
        """Take apart an affine, a displacement, or the one before the other.

        Raises
        ------
        InputError
            If there is a displacement that no engine of ``config`` would refine.
        """
        if initial is None:
            return cls()
        first, *others = links(initial)
        outer = first.matrix if isinstance(first, Affine) else np.eye(initial.ndim + 1)
        rest = others if isinstance(first, Affine) else [first, *others]
        if rest and config.transform != "deformable":
            raise InputError(
                f"the initial transform holds a displacement, which transform="
                f"{config.transform!r} cannot refine; use 'deformable', or give an affine"
            )
        if initial.ndim == 3:
            return cls((outer,), compose(*rest) if rest else None)
        return cls((lift_matrix(outer),), lift_transform(compose(*rest)) if rest else None)

    @property
    def affine(self) -> Matrix:
        """The affine that counts."""
        return self.affines[-1]

    @property
    def chosen(self) -> Choice:
        """The choice, once it was made."""
        if self.choice is None:
            raise TypeError("no engine has chosen a similarity yet")
        return self.choice

    def after(self, *stages: EngineStage, **known: Any) -> EngineState:
        """What an engine has made ``known`` joined to the rest, with its record."""
        return replace(self, stages=(*self.stages, *stages), **known)

    def found(self, pair: Pair, similarity: str) -> EngineResult:
        """What the state comes to, in the dimension of the images."""
        affine = Affine(drop_matrix(self.affine) if pair.planar else self.affine)
        transform, inverse = (
            None if field is None else drop_field(field) if pair.planar else field
            for field in (self.field, self.back)
        )
        return EngineResult(
            affine if transform is None else compose(affine, transform),
            self.stages,
            similarity,
            self.chosen.reason,
            inverse and compose(inverse, affine.inverse()),
            gather(pair, self.affine, self.field),
        )
