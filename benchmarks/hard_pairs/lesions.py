"""Tissue that is in one image alone: resected before the second, or grown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.data import brain
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import Scene, bend
from regkit import Volume

# Whose image, what happens, where (shares of the axes), radius in mm, mm of bending.
_CASES = (
    ("a", "resection", (0.3, 0.6, 0.7), 25.0, 0.0),
    ("head", "tumour", (0.65, 0.55, 0.6), 18.0, 0.0),
    ("T2", "resection", (0.68, 0.35, 0.55), 30.0, 0.0),
    ("b", "tumour", (0.32, 0.62, 0.6), 25.0, 0.0),
    ("b", "resection", (0.7, 0.65, 0.6), 22.0, 5.0),
    ("a", "tumour", (0.68, 0.4, 0.6), 20.0, 5.0),
)


def lesions() -> Iterator[HardPair]:
    """A cavity or a tumour in moving (in fixed, half the time); errors count outside it."""
    for seed, (name, what, where, radius, peak) in enumerate(_CASES, 500):
        scene = _scene(name, seed)
        near = _ball(scene.source, where, radius)
        change = _resected if what == "resection" else _grown
        in_fixed = seed // 2 % 2 == 1
        if in_fixed:
            scene = replace(scene, source=change(scene.source, near))
        else:
            scene = replace(scene, other=change(scene.other, near))
        outside = scene.body.data * (near < 0.02).to(torch.uint8)
        scene = replace(scene, body=scene.body.with_data(outside))
        if peak:
            scene = replace(scene, back=bend(scene.source.grid, peak, seed))
        place = "fixed" if in_fixed else "moving"
        title = f"{name}, {what} in {place}, {2 * radius:g} mm{', bent' if peak else ''}"
        yield scene.pair(title, "deformable" if peak else "rigid", across=name == "T2")


def _scene(name: str, seed: int) -> Scene:
    image = _image(name)
    body = sources.body(image) if name == "head" else brain(image)
    scene = Scene.of(image, body, seed, 4.0 + seed % 3, 5.0 + seed % 4)
    return replace(scene, other=sources.patient("T2")) if name == "T2" else scene


def _image(name: str) -> Volume:
    if name == "head":
        return sources.head()
    return sources.patient("T1") if name == "T2" else sources.person(name)


def _ball(image: Volume, where: tuple[float, float, float], radius: float) -> Tensor:
    """1 within an uneven ball, 0 outside, with a soft edge of about 2 mm."""
    index = torch.tensor(where) * (torch.tensor(image.grid.shape) - 1)
    away = image.grid.world_points() - image.grid.to_world(index.double())
    uneven = 1 + 0.15 * torch.sin(away[..., 0] / 6) * torch.cos(away[..., 1] / 7)
    return torch.sigmoid((radius * uneven - away.norm(dim=-1)) / 0.8).float()[None]


def _resected(image: Volume, near: Tensor) -> Volume:
    """Dark fluid where tissue was."""
    fluid = 0.15 * float(np.percentile(image.data.numpy(), 99))
    inside = near * (image.data > 0)
    return image.with_data(image.data * (1 - inside) + fluid * inside)


def _grown(image: Volume, near: Tensor) -> Volume:
    """A bright rim around a dark core."""
    top = float(np.percentile(image.data.numpy(), 99))
    core = (near - 0.999).clamp(min=0) / 0.001
    tumour = top * (1.15 - 0.75 * core)
    inside = near * (image.data > 0)
    return image.with_data(image.data * (1 - inside) + tumour * inside)
