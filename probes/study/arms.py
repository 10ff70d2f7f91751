"""Arms: how two visits are brought together before features see them, each image sampled once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from regkit.errors import InputError
from regkit.features import image_identity
from regkit.geometry import Grid
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import read_transform, write_transform
from regkit.registration.pipeline import register
from regkit.resample import antialias, warp
from regkit.transforms import Affine, Transform
from regkit.volume import Labels, Volume

ArmName = Literal["unaligned", "rigid", "affine", "deformable"]
ARMS: tuple[ArmName, ...] = ("unaligned", "rigid", "affine", "deformable")
_TILT = {2: [0.05], 3: [0.035, -0.045, 0.05]}  # radians
# Linear interpolation leaves (1 - d)**2 + d**2 of the variance of noise at d voxels from a centre,
# 2/3 on average; at this d as well.
_SHIFT = (1 - 3**-0.5) / 2


def tilted_grid(reference: Grid, shape: tuple[int, ...]) -> Grid:
    """Divide the field of view of a reference, and tilt the grid by a few degrees.

    Without the tilt voxels of the working grid could lie on voxels of an image that is not moved,
    and that arm alone would not be blurred by interpolation. Tilted, and shifted by a fifth of a
    voxel, every arm mixes voxels at all distances from their centres, and is as blurred as others.

    Parameters
    ----------
    reference
        Of a baseline, an atlas, or a crop of them.
    shape
        Voxels an axis, after the axes are stored as RAS.

    Raises
    ------
    InputError
        If the shape has other axes.
    """
    if len(shape) != reference.ndim:
        raise InputError(f"shape {shape} has {len(shape)} axes, the images have {reference.ndim}")
    known = reference.world.anatomical
    whole = reference.reoriented("RAS"[: reference.ndim]) if known else reference
    grid, centre = whole.with_shape(shape), reference.centre
    turn = rotation(_TILT[reference.ndim])
    shift = reference.affine[:-1, :-1] @ np.full(reference.ndim, _SHIFT)
    return grid.placed(shape, homogeneous(turn, centre - turn @ centre + shift) @ grid.affine)


def structure_box(structures: Labels, margin: float) -> Grid:
    """Return the part of a grid that holds all structures, and ``margin`` world units around.

    Raises
    ------
    InputError
        If no structure occurs.
    """
    found = structures.data[0].nonzero().double()
    if not len(found):
        raise InputError(f"{structures.name}: holds none of the structures that are cropped to")
    room = np.ceil(margin / np.array(structures.grid.spacing))
    low = np.maximum(found.amin(0).numpy() - room, 0).astype(int)
    high = np.minimum(found.amax(0).numpy() + room, np.array(structures.shape) - 1).astype(int)
    return structures.grid.window(low.tolist(), (high - low + 1).tolist())


def centre_translation(reference: Grid, image: Grid) -> Affine:
    """Return the translation from ``reference`` to ``image`` that puts their centres together.

    It is what an unaligned image has: points of the reference to points of the image, with its
    pose as it was scanned, and its own field of view.
    """
    shift = image.centre - reference.centre
    return Affine(homogeneous(np.eye(reference.ndim), shift))


def sample_smoothed(image: Volume, phi: Transform, onto: Grid) -> Volume:
    """Sample an image once, smoothed for the spacing of the working grid first.

    Parameters
    ----------
    image
        ``(1, *spatial)``, as it was scanned.
    phi
        World points of the reference (fixed) to world points of the image (moving).
    onto
        The working grid.
    """
    return warp(antialias(image, _along(image.grid, onto)), phi, onto=onto)


def _along(grid: Grid, onto: Grid) -> Grid:
    """The axes of ``grid`` with the spacing of ``onto``, so that no pose changes the smoothing."""
    own, theirs = (each.affine[:-1, :-1] / each.spacing for each in (grid, onto))
    nearest = np.abs(own.T @ theirs).argmax(axis=1)
    scale = np.array(onto.spacing)[nearest] / np.array(grid.spacing)
    return grid.placed(grid.shape, grid.affine @ homogeneous(np.diag(scale), np.zeros(grid.ndim)))


@dataclass(frozen=True)
class Registrar:
    """Find transforms by regkit, and keep them.

    Parameters
    ----------
    options
        Of :func:`regkit.register`, such as ``preset``.
    folder
        Where transforms are kept; None to keep none.
    verdicts
        How each registration was judged by its own quality check, by arm; it grows.
    """

    options: Mapping[str, Any]
    folder: Path | None
    verdicts: dict[str, list[str]] = field(default_factory=dict)

    def find(self, arm: ArmName, reference: Volume, image: Volume) -> Transform:
        """Return world points of ``reference`` (fixed) to world points of ``image`` (moving).

        Parameters
        ----------
        arm
            How far they are aligned.
        reference, image
            As they were scanned, ``(1, *spatial)``.
        """
        if arm == "unaligned":
            return centre_translation(reference.grid, image.grid)
        kept = (
            None if self.folder is None else self.folder / f"{self._key(arm, reference, image)}.h5"
        )
        if kept is None or not kept.is_file():
            return self._found(arm, reference, image, kept)
        verdict = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
        self.verdicts.setdefault(arm, []).append(str(verdict["verdict"]))
        return read_transform(kept)

    def _found(
        self,
        arm: Literal["rigid", "affine", "deformable"],
        reference: Volume,
        image: Volume,
        kept: Path | None,
    ) -> Transform:
        result = register(reference, image, transform=arm, **self.options)
        verdict = result.quality.verdict
        self.verdicts.setdefault(arm, []).append(verdict)
        if kept is None:
            return result.transform
        kept.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"verdict": verdict, "folding": result.metrics["folding"]})
        kept.with_suffix(".json").write_text(text, encoding="utf-8")
        write_transform(result.transform, kept, overwrite=True)
        return read_transform(kept)

    def _key(self, arm: str, reference: Volume, image: Volume) -> str:
        sides = [
            {**image_identity(each.data), "affine": each.grid.affine.tolist()}
            for each in (reference, image)
        ]
        parts = [version("regkit"), arm, dict(self.options), sides]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
