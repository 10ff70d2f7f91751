"""Guides: what was drawn or marked in both images and is to meet, beside the intensities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.registration.label_loss import LabelGuide, LevelLabels
from regkit.registration.landmark_loss import LandmarkGuide, LevelLandmarks


@dataclass(frozen=True)
class LevelGuides:
    """Guides on the working grid of one level."""

    parts: tuple[LevelLabels | LevelLandmarks, ...]

    def value_and_gradient(self, u: Tensor, counts: Tensor) -> tuple[float, Tensor]:
        """The loss of all, and where each voxel is to step aside, on the grid of ``u``.

        Parameters
        ----------
        u
            ``(3, *coarse)``, in its voxels.
        counts
            ``(*shape)``: how much each voxel of the images counts.
        """
        (loss, force), *others = [part.value_and_gradient(u, counts) for part in self.parts]
        for more, pull in others:
            loss, force = loss + more, force.add_(pull)
        return loss, force


@dataclass(frozen=True)
class Guides:
    """Labels, landmarks, or both."""

    labels: LabelGuide | None = None
    landmarks: LandmarkGuide | None = None

    def on(
        self, grid: Grid, affine: Matrix, device: torch.device, *, exchanged: bool = False
    ) -> LevelGuides:
        """Bring them to a working grid.

        Parameters
        ----------
        grid
            Of the level, in the world of fixed.
        affine
            World of fixed to that of moving.
        device
            Where the images are.
        exchanged
            Take moving through ``affine`` for fixed, and the reverse.
        """
        given = (self.labels, self.landmarks)
        return LevelGuides(
            tuple(
                each.on(grid, affine, device, exchanged=exchanged)
                for each in given
                if each is not None
            )
        )


def guides_from(labels: LabelGuide | None, landmarks: LandmarkGuide | None) -> Guides | None:
    """Return what there is of both; None if there is nothing."""
    return None if labels is None and landmarks is None else Guides(labels, landmarks)
