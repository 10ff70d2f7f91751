"""Computed tomography, simulated from a head: with and without table and padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import Scene, tilted
from regkit import Volume
from regkit.kernels.smoothing import gaussian
from regkit.resample import resample

AIR, PADDING = -1000.0, -3024.0
_BONE, _FAT = 900.0, -60.0
_WIDER = 25  # voxels around the head
_NOISE = 12.0  # Hounsfield units


def tomography() -> Iterator[HardPair]:
    """CT and MR, CT and CT; the table stays where it is while the head moves."""
    head = sources.head()
    ct = _wide(hounsfield(head))
    for seed, (name, fixed, moving) in enumerate(
        (
            ("bare CT to MR", "MR", ""),
            ("CT with table and padding to MR", "MR", "table, padding"),
            ("MR to CT with table", "table", "MR"),
            ("CT with table to bare CT", "", "table"),
            ("CT with table to CT with table", "table", "table"),
            ("padded CT to CT with table", "table", "padding"),
        ),
        700,
    ):
        scene = Scene.of(ct, sources.body(head), seed, 5.0 + seed % 3, 8.0 + seed % 5)
        if fixed == "MR":
            scene = replace(scene, source=head, fixed_grid=head.grid)
        if moving == "MR":
            scene = replace(scene, other=head, moving_grid=tilted(head.grid, seed))
        yield scene.pair(name, across="MR" in name, **_images(scene, fixed, moving))


def hounsfield(head: Volume) -> Volume:
    """A T1 head as CT shows it: bone where the skull is dark, soft tissue in the brain."""
    values, top = head.data, float(np.percentile(head.data.numpy(), 99))
    inside, brain = sources.body(head).data > 0, sources.brain_of_head().data > 0
    bone = _BONE * (1 - (values / (0.35 * top))).clamp(min=0)
    scalp = torch.where(values > 0.6 * top, _FAT, 45.0)
    tissue = 8 + 30 * (values / top).clamp(0, 1)
    outer = torch.where(values < 0.35 * top, bone, scalp)
    whole = torch.where(brain, tissue, torch.where(inside, outer, torch.full_like(values, AIR)))
    return head.with_data(gaussian(whole.float(), [0.5, 0.5, 0.5]))


def _images(scene: Scene, fixed: str, moving: str) -> dict[str, Any]:
    """The scans that are CT; those that are MR are the scene's own."""
    out: dict[str, Any] = {}
    if fixed != "MR":
        out["fixed"] = _scanned(resample(scene.source, scene.fixed_grid, outside=AIR), fixed, 1)
    if moving != "MR":
        second = resample(scene.other, scene.moving_grid, outside=AIR)
        # A table does not move with the head: it is put in after the motion.
        out["moving"] = _scanned(Volume(second.data, scene.moved_grid), moving, scene.seed)
    return out


def _scanned(image: Volume, extras: str, seed: int) -> Volume:
    """``image`` with noise, and with what the words name."""
    draw = np.random.default_rng(seed).normal(0, _NOISE, image.data.shape).astype(np.float32)
    image = image.with_data(image.data + torch.from_numpy(draw))
    image = _with_table(image) if "table" in extras else image
    return _padded(image) if "padding" in extras else image


def _with_table(image: Volume) -> Volume:
    """A shell of 4 mm around foam, behind the head, as long as the image."""
    x, y, _ = _from_centre(image)
    behind = -(y + 0.82)
    lies = (behind.abs() < 0.1) & (x.abs() < 0.85)
    shell = lies & ((behind.abs() > 0.075) | (x.abs() > 0.83))
    data = torch.where(lies[None], torch.full_like(image.data, -850.0), image.data)
    return image.with_data(torch.where(shell[None], torch.full_like(data, 250.0), data))


def _padded(image: Volume) -> Volume:
    """-3024 outside the circle that the scanner reconstructs."""
    x, y, _ = _from_centre(image)
    outside = (x.square() + y.square() > 1.0)[None]
    return image.with_data(torch.where(outside, torch.full_like(image.data, PADDING), image.data))


def _from_centre(image: Volume) -> tuple[torch.Tensor, ...]:
    axes = [torch.linspace(-1, 1, n) for n in image.grid.shape]
    return torch.meshgrid(*axes, indexing="ij")


def _wide(image: Volume) -> Volume:
    """``image`` in a field of view as wide as a scanner's."""
    start = (-_WIDER, -_WIDER, 0)
    shape = [n + 2 * _WIDER for n in image.grid.shape[:2]] + [image.grid.shape[2]]
    return image.window(start, shape, fill=AIR)
