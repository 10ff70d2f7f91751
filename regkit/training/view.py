"""Choose which part of the field of view a pair shows, and along which axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from regkit.kernels.sampling import sample_unit, unit_points
from regkit.training.config import Augment


@dataclass(frozen=True)
class TrainingView:
    """A map from shares of a network's grid to shares of the view: ``centre + matrix (x - 0.5)``.

    Both images of a pair have the same one, so that a known deformation stays known. With the
    deformation it is one interpolation.
    """

    matrix: Tensor
    centre: Tensor

    @classmethod
    def draw(cls, augment: Augment, generator: torch.Generator) -> Self:
        """Draw axes permuted and flipped, and a region of interest, as ``augment`` says."""
        matrix = torch.eye(3)
        if _chance(augment.turn, generator):
            matrix = matrix[torch.randperm(3, generator=generator)]
            matrix = matrix * (2 * torch.randint(2, (3, 1), generator=generator) - 1)
        size = augment.crop + (1 - augment.crop) * torch.rand((), generator=generator)
        start = (1 - size) * torch.rand(3, generator=generator)
        return cls(matrix * size, start + size / 2)

    @classmethod
    def whole(cls) -> Self:
        """Return the view that shows everything, as it is."""
        return cls(torch.eye(3), torch.full((3,), 0.5))

    def show(self, image: Tensor, u: Tensor, *, nearest: bool = False) -> Tensor:
        """Resample ``image(view(x + u(x)))`` on the grid and the device of ``u (1, 3, *shape)``.

        ``nearest`` is for labels, and gives integers.
        """
        points = unit_points(u.shape[2:], u) + u - 0.5
        points = torch.einsum("ab,zb...->za...", self.matrix.to(u.device), points)
        points = points + self.centre.to(u.device).reshape(1, 3, 1, 1, 1)
        image = image.to(u.device)
        return _nearest(image.long(), points) if nearest else sample_unit(image.float(), points)

    def seen(self, u: Tensor) -> Tensor:
        """Turn a displacement ``u (1, 3, *shape)`` of the field of view into that of the view."""
        there = self.show(u, torch.zeros_like(u))
        inverse = torch.linalg.inv(self.matrix).to(u.device)
        return torch.einsum("ab,zb...->za...", inverse, there)


def _nearest(labels: Tensor, points: Tensor) -> Tensor:
    axes = [
        (points[0, a] * (n - 1)).round().long().clamp(0, n - 1)
        for a, n in enumerate(labels.shape[2:])
    ]
    return labels[:, :, axes[0], axes[1], axes[2]]


def _chance(share: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share
