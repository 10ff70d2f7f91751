"""Perturbation: one way in which a prompt goes wrong, by a magnitude that is measured after."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from foundation.prompts.box import Box
from foundation.prompts.kinds import PromptKind
from foundation.prompts.perturbations.structure import Structure
from foundation.prompts.perturbations.surface import inscribed_radius
from foundation.prompts.prompts import PointPrompt, Prompts
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.volume import Volume

WORLD, VOXELS, DEGREES, SHARE = "world", "voxels", "degrees", "share"
MAGNITUDE_UNITS = (WORLD, VOXELS, DEGREES, SHARE)
"""What a magnitude counts: the unit of the world (mm), voxels, degrees, or a share up to 1."""


class MaskOutcome(NamedTuple):
    """A perturbed mask, the magnitude that was reached, and whether the border cut it."""

    mask: Volume
    realised: float
    clipped: bool


class BoxOutcome(NamedTuple):
    """A perturbed box and the magnitude that was reached."""

    box: Box
    realised: float


class PointsOutcome(NamedTuple):
    """Perturbed points and the magnitude that was reached."""

    points: PointPrompt
    realised: float


@dataclass(frozen=True, eq=False)
class PerturbedPrompts:
    """What became of prompts.

    Parameters
    ----------
    prompts
        The perturbed ones; what the perturbation is not about is as it was.
    nominal
        The magnitude asked for, in the unit of the perturbation.
    realised
        The magnitude measured, in the same unit, before the field of view cuts the result; NaN
        where nothing is left. Each perturbation says what it measures.
    relative
        ``nominal`` as a share of the depth of the innermost voxel of the mask, or of half the
        shortest side of the box; voxels count as the side of a cube of their volume. NaN where
        the unit is no length, or there is neither a mask nor a box.
    clipped
        The result touches the border of the field of view, or lost what lay beyond.
    empty
        No voxel is left, or there was none.
    """

    prompts: Prompts
    nominal: float
    realised: float
    relative: float
    clipped: bool
    empty: bool


@dataclass(frozen=True)
class Perturbation:
    """One way in which a prompt goes wrong.

    Parameters
    ----------
    name
        By which studies know it.
    unit
        What its magnitudes count: one of ``MAGNITUDE_UNITS``.
    takes
        The kind of prompt that it changes: a mask, boxes, slice boxes or points.
    summary
        What it does, in one line.
    change
        ``(prompt, magnitude, generator)``, for one mask, box or set of points, to an outcome:
        ``MaskOutcome``, ``BoxOutcome`` or ``PointsOutcome``.
    is_random
        Its outcome depends on the generator, so that several draws differ.
    """

    name: str
    unit: str
    takes: PromptKind
    summary: str
    change: Callable[..., Any]
    is_random: bool = True

    def perturb(
        self,
        prompts: Prompts,
        magnitude: float,
        generator: np.random.Generator,
        *,
        view: Grid | None = None,
    ) -> PerturbedPrompts:
        """Perturb prompts; magnitude 0 gives them back as they are.

        Parameters
        ----------
        prompts
            Those of one structure, among them the kind that the perturbation takes.
        magnitude
            0 or more, in ``unit``; whole voxels, and shares up to 1.
        generator
            The source of chance; :func:`foundation.prompts.seeds.seed_of` gives its seed.
        view
            The grid of the image, by which boxes and points are told to be clipped; by default
            that of the mask, if there is one.

        Raises
        ------
        InputError
            If the magnitude is not allowed, the prompts hold nothing that the perturbation is
            about, or the grid of the mask is sheared.
        """
        self.check_magnitude(magnitude)
        self.check_kinds(prompts.kinds)
        void = prompts.mask is not None and not bool((prompts.mask.data > 0.5).any())
        relative = math.nan if void else self._relative(prompts, magnitude)
        if magnitude == 0 or (self.takes is PromptKind.MASK and void):
            told = math.nan if void else 0.0
            return PerturbedPrompts(prompts, magnitude, told, relative, False, void)
        if self.takes is PromptKind.MASK:
            return self._on_mask(prompts, magnitude, generator, relative)
        changed, realised = self._on_places(prompts, magnitude, generator)
        field = view or (prompts.mask.grid if prompts.mask else None)
        clipped = field is not None and _leaves(self._places(changed), field)
        return PerturbedPrompts(changed, magnitude, realised, relative, clipped, False)

    def _on_mask(
        self, prompts: Prompts, magnitude: float, generator: np.random.Generator, relative: float
    ) -> PerturbedPrompts:
        mask, realised, clipped = self.change(prompts.mask, magnitude, generator)
        empty = not bool(mask.data.any())
        told = math.nan if empty else realised
        return PerturbedPrompts(
            replace(prompts, mask=mask), magnitude, told, relative, clipped, empty
        )

    def _on_places(
        self, prompts: Prompts, magnitude: float, generator: np.random.Generator
    ) -> tuple[Prompts, float]:
        if self.takes is PromptKind.POINTS:
            points, realised = self.change(prompts.points, magnitude, generator)
            return replace(prompts, points=points), realised
        flat = self.takes is PromptKind.SLICE_BOX
        changed, reached = list(prompts.boxes), []
        for n, box in enumerate(prompts.boxes):
            if min(box.size) == 0 or not flat:
                changed[n], realised = self.change(box, magnitude, generator)
                reached.append(realised)
        return replace(prompts, boxes=tuple(changed)), float(np.mean(reached))

    def _places(self, prompts: Prompts) -> list[Tensor]:
        """World points ``(N, d)`` of what was changed: corners of boxes, or points."""
        if self.takes is PromptKind.POINTS and prompts.points is not None:
            return [prompts.points.points.xyz]
        flat = self.takes is PromptKind.SLICE_BOX
        boxes = [box for box in prompts.boxes if min(box.size) == 0 or not flat]
        return [torch.from_numpy(box.corners()) for box in boxes]

    def _relative(self, prompts: Prompts, magnitude: float) -> float:
        """Magnitude as a share of the inscribed radius, of the mask or else of the first box."""
        if prompts.mask is not None:
            return self.share_of_radius(prompts.mask, magnitude)
        sides = [side for box in prompts.boxes[:1] for side in box.size if side > 0]
        known = sides and self.unit in (WORLD, VOXELS)
        return magnitude / (min(sides) / 2) if known else math.nan

    def share_of_radius(self, mask: Volume, magnitude: float) -> float:
        """Return a magnitude as a share of the radius of the largest ball in a structure.

        Parameters
        ----------
        mask
            ``(1, i, j, k)``, which must not be empty.
        magnitude
            In ``unit``.

        Returns
        -------
        float
            Voxels count as the side of a cube of their volume; NaN where the unit is no length, or
            the grid is sheared.
        """
        sheared = mask.grid.straightened() is not mask.grid
        if sheared or self.unit not in (WORLD, VOXELS):
            return math.nan
        structure = Structure.around(mask, 0.0)
        side = 1.0 if self.unit == WORLD else float(np.prod(mask.spacing)) ** (1 / mask.ndim)
        return magnitude * side / inscribed_radius(structure.inside, structure.spacing)

    def check_magnitude(self, magnitude: float) -> None:
        """Refuse a magnitude that the unit does not allow.

        Raises
        ------
        InputError
            With what is allowed.
        """
        top = 1.0 if self.unit == SHARE else math.inf
        whole = self.unit != VOXELS or float(magnitude).is_integer()
        if not (math.isfinite(magnitude) and 0 <= magnitude <= top and whole):
            allowed = {SHARE: "a share from 0 to 1", VOXELS: "a whole number of voxels, 0 or more"}
            raise InputError(
                f"{self.name}: magnitude {magnitude}; allowed: "
                f"{allowed.get(self.unit, 'a finite number, 0 or more')}"
            )

    def check_kinds(self, kinds: Collection[PromptKind]) -> None:
        """Refuse prompts that hold nothing which the perturbation is about.

        Parameters
        ----------
        kinds
            Those of the prompts.

        Raises
        ------
        InputError
            With what it is about.
        """
        wanted = {self.takes} | ({PromptKind.SLICE_BOX} if self.takes is PromptKind.BOX else set())
        if not wanted & set(kinds):
            given = ", ".join(kind.value for kind in kinds)
            raise InputError(
                f"{self.name} perturbs a prompt of the kind {self.takes.value}; the prompts hold "
                f"{given}. Convert them first, or choose another perturbation"
            )


def _leaves(places: Sequence[Tensor], view: Grid) -> bool:
    """Tell whether one of the world points ``(N, d)`` lies out of the field of view."""
    return not all(bool(view.contains(each).all()) for each in places)
