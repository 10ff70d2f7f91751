"""Marks: labels and landmarks of both images, which guide a registration and measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from regkit.metrics.landmarks import landmark_error, landmark_metrics
from regkit.metrics.overlap import dice, dice_metrics
from regkit.preprocess.channels import counted_channels
from regkit.registration.check import check_beside
from regkit.registration.config import RegisterConfig
from regkit.registration.flat import flattened_with
from regkit.registration.guides import Guides, guides_from
from regkit.registration.label_loss import label_guide
from regkit.registration.label_place import check_structures, checked_place
from regkit.registration.landmark_loss import check_pair_of_landmarks, landmark_guide
from regkit.registration.placing import Placing
from regkit.registration.result import Result
from regkit.resample import warp
from regkit.volume.points import Points
from regkit.volume.volume import Labels, Volume

Images = tuple[Volume, Volume]


@dataclass(frozen=True)
class Marks:
    """What was drawn or marked in both images, each in the world of its own.

    Parameters
    ----------
    labels
        Of fixed and of moving; None where there are none.
    landmarks
        The same points of fixed and of moving, in one order.
    """

    labels: tuple[Labels | None, Labels | None] = (None, None)
    landmarks: tuple[Points | None, Points | None] = (None, None)

    def flattened(self, fixed: Volume) -> Marks:
        """Turn labels of one slice into labels of a plane, where ``fixed`` has become one."""
        first, second = (
            None if each is None else flattened_with(each, fixed) for each in self.labels
        )
        return replace(self, labels=(first, second))

    def check(self, images: Images, shares: Sequence[float]) -> list[str]:
        """Refuse what does not belong to fixed and moving, and return what is to be said.

        Parameters
        ----------
        images
            Fixed and moving.
        shares
            What each channel counts, in all 1.

        Raises
        ------
        InputError
            If labels lie elsewhere than their image or have no structure in common, or landmarks
            are not the same number of points in both images.
        """
        notes = []
        for labels, image in zip(self.labels, images, strict=True):
            if labels is not None:
                counted = counted_channels(image, shares)
                check_beside(labels, counted)
                notes.append(checked_place(labels, counted))
        fixed, moving = self.labels
        if fixed is not None and moving is not None:
            check_structures(fixed, moving)
        check_pair_of_landmarks(images, *self.landmarks)
        return [note for note in notes if note is not None]

    def guides(self, images: Images, placing: Placing, config: RegisterConfig) -> Guides | None:
        """Return what the deformable engines are to bring together, with moving as it is placed.

        Parameters
        ----------
        images
            Fixed and moving.
        placing
            Where moving goes before the engines see it.
        config
            With the weights of labels and landmarks.
        """
        (fixed, moving), (points, others) = self.labels, self.landmarks
        return guides_from(
            label_guide(
                fixed,
                None if moving is None else placing.placed(moving),
                config,
                (images[0], placing.placed(images[1])),
            ),
            landmark_guide(
                points, others and placing.placed_points(others), config.landmark_weight
            ),
        )

    def measured(self, result: Result) -> Result:
        """Add the Dice of all structures and the distances of landmarks to the metrics."""
        found = {**self._overlap(result), **self._errors(result)}
        return replace(result, metrics={**result.metrics, **found}) if found else result

    def _overlap(self, result: Result) -> dict[str, float]:
        fixed, moving = self.labels
        if fixed is None or moving is None:
            return {}
        return dice_metrics(dice(fixed, warp(moving, result.transform, onto=fixed.grid)))

    def _errors(self, result: Result) -> dict[str, float]:
        fixed, moving = self.landmarks
        if fixed is None or moving is None:
            return {}
        return landmark_metrics(landmark_error(result.transform, fixed, moving))
