"""EvaluateTask: labels, landmarks and a transform in memory, and what is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import open_labels, read_header, read_points
from regkit.io.chain import images_beside, open_chain
from regkit.metrics import deformation_metrics, jacobian, landmark_error
from regkit.metrics.structures import score_structures
from regkit.resample import warp
from regkit.runs.evaluate.outcome import EvaluateOutcome, LandmarkScores
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Affine, Transform
from regkit.volume import Labels, Points

if TYPE_CHECKING:
    from regkit.runs.evaluate.job import EvaluateJob, EvaluatePaths


def open_comparison(job: EvaluateJob) -> EvaluateTask:
    """Read what a comparison needs.

    Parameters
    ----------
    job
        The comparison.

    Raises
    ------
    InputError
        If files cannot be read, or are of different dimensions.
    """
    paths = job.paths
    labels = [open_labels(p, job.reading) for p in (paths.fixed_labels, paths.moving_labels) if p]
    points = [read_points(p) for p in (paths.fixed_landmarks, paths.moving_landmarks) if p]
    phi = _transform(paths, job.program) if paths.transforms else None
    grid = labels[0].grid if labels else None
    if paths.onto is not None:
        grid = read_header(paths.onto, job.reading).of(frame=0, channel=0).grid.straightened()
    ndims = {each.ndim for each in (*labels, grid, phi) if each is not None}
    ndims |= {each.xyz.shape[1] for each in points}
    if len(ndims) > 1:
        found = " and ".join(f"{n}-D" for n in sorted(ndims))
        raise InputError(
            f"{found} files cannot be compared; give labels, landmarks and transforms of one "
            "dimension"
        )
    tolerance = job.tolerance
    if tolerance is None and labels:
        tolerance = float(max(labels[0].grid.spacing))
    return EvaluateTask(labels, points, phi, grid, tolerance or 0.0)


def _transform(paths: EvaluatePaths, program: str | None) -> Transform:
    """The map from fixed to moving, beside the images that are named or else the labels."""
    fixed, moving = images_beside(program, paths.fixed_labels or paths.onto, paths.moving_labels)
    return open_chain(
        paths.transforms, program, fixed=paths.fixed or fixed, moving=paths.moving or moving
    )


@dataclass(frozen=True, eq=False)
class EvaluateTask:
    """What is compared.

    Parameters
    ----------
    labels, points
        Of fixed and of moving, in their worlds; empty where there are none.
    phi
        World points of fixed to world points of moving; None if both lie in one place already.
    grid
        On which ``phi`` is judged.
    tolerance
        Of surfaces, in world units.
    """

    labels: Sequence[Labels]
    points: Sequence[Points]
    phi: Transform | None
    grid: Grid | None
    tolerance: float
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> EvaluateOutcome:
        """Measure everything, before and after the transform."""
        structures, landmarks, unit = None, None, "mm"
        if self.labels:
            fixed, moving = self.labels
            before, after = (warp(moving, phi, onto=fixed.grid) for phi in self._ways(fixed.ndim))
            structures = score_structures(fixed, before, after, tolerance=self.tolerance)
            unit = fixed.grid.world.unit
        on_progress(Progress("measuring", 0.6))
        if self.points:
            one, other = self.points
            ways = self._ways(one.xyz.shape[1])
            errors = [landmark_error(phi, one, other) for phi in ways]
            landmarks = LandmarkScores(one.names, *(each.tolist() for each in errors))
        return EvaluateOutcome(structures, landmarks, self._deformation(), self.tolerance, unit)

    def _ways(self, ndim: int) -> tuple[Transform, Transform]:
        same = Affine.identity(ndim)
        return same, self.phi or same

    def _deformation(self) -> dict[str, float]:
        if self.phi is None or self.grid is None:
            return {}
        return deformation_metrics(jacobian(self.phi, self.grid))
