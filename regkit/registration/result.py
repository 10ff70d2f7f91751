"""What a registration returns, and the record of how it got there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.registration.config import RegisterConfig
from regkit.registration.quality import NOT_CHECKED, Quality
from regkit.transforms import Transform
from regkit.volume.volume import Volume


@dataclass(frozen=True)
class Level:
    """One resolution of one stage.

    ``values`` is the similarity at each iteration (lower is better); ``converged`` tells whether
    the level stopped because it no longer improved, rather than at its bound.
    """

    spacing: tuple[float, ...]
    shape: tuple[int, ...]
    values: tuple[float, ...]
    converged: bool


@dataclass(frozen=True)
class EngineStage:
    """One engine's run: ``init``, ``rigid``, ``affine``, ``network`` or ``field``."""

    name: str
    similarity: str
    kernels: str
    seconds: float
    levels: tuple[Level, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class EngineProgress:
    """What a progress callback is told."""

    stage: str
    similarity: str
    level: int
    levels: int
    iteration: int
    iterations: int
    value: float


OnEngineProgress = Callable[[EngineProgress], None]


@dataclass(frozen=True, repr=False)
class Result:
    """One aligned pair.

    Parameters
    ----------
    fixed, moving
        The images as they were given.
    warped
        ``moving`` on the grid of ``fixed``, in the type of ``moving``.
    transform
        World points of fixed to world points of moving (RAS+ mm).
    inverse
        World points of moving to world points of fixed.
    jacobian
        Determinant of the derivative of ``transform`` on the grid of ``fixed``.
    metrics
        Flat names to numbers; see :func:`regkit.metrics.summary.summarise`.
    stages
        What ran, in order.
    config
        With ``similarity`` and ``device`` resolved from ``auto``.
    reason
        Why this similarity was taken.
    quality
        Whether the result is right, as far as the images can tell, and why.
    """

    fixed: Volume
    moving: Volume
    warped: Volume
    transform: Transform
    inverse: Transform
    jacobian: Volume
    metrics: dict[str, float]
    stages: tuple[EngineStage, ...]
    config: RegisterConfig
    reason: str
    quality: Quality = NOT_CHECKED

    def __repr__(self) -> str:
        seconds = sum(stage.seconds for stage in self.stages)
        return (
            f"Result({self.moving.name!r} -> {self.fixed.name!r}, {self.config.transform}, "
            f"{self.config.similarity}, {seconds:.1f} s, quality {self.quality.verdict}, "
            f"folding {100 * self.metrics['folding']:.3g} %)"
        )

    def report(self, path: str | Path) -> Path:
        """Write the report as one HTML file that holds everything it shows.

        Parameters
        ----------
        path
            The ``.html`` file; one that exists is replaced, whole or not at all.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        InputError
            If its folder does not exist or may not be written.
        """
        from regkit.report.page import write_page
        from regkit.report.registration.page import registration_page

        return write_page(registration_page(self), path)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the files of ``regkit register``: all of them appear, or none.

        These are ``warped.nii.gz``, ``transform.h5``, ``inverse.h5``, ``jacobian.nii.gz``,
        ``report.html`` and ``run.json``, whose inputs are empty: images in memory have no files.

        Parameters
        ----------
        folder
            Where they go; made where it is missing.
        overwrite
            Replace files that are there.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If a file exists and ``overwrite`` is false, the folder may not be written, or a format
            cannot hold the images.
        ResourceError
            If the disk is full, or would be.
        """
        from regkit.runs.register.saved import save_result

        return save_result(self, Path(folder), overwrite=overwrite)

    def _repr_html_(self) -> str:
        from regkit.report.notebook import result_html

        return result_html(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from regkit.report.notebook import result_bundle

        return result_bundle(self)
