"""The work of a denoising, from files that have been read to results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from denoise.config import DenoiseConfig
from denoise.learning.validation import Validation
from denoise.methods import Method
from denoise.outcome import DenoiseOutcome
from denoise.pipeline import denoise_series
from denoise.prepared import check_maps
from denoise.weights import read_method
from regkit.io import ReadOptions, open_frames, open_image, open_labels
from regkit.io.header import Header
from regkit.runs import OnProgress, Progress
from regkit.runs.inputs import shown_name
from regkit.runs.lines import describe
from regkit.volume import Labels, Volume


@dataclass(frozen=True, eq=False)
class DenoiseTask:
    """A denoising whose files have been read and checked."""

    frames: Sequence[Volume]
    config: DenoiseConfig
    mask: Labels | None
    sigma: Volume | None
    trained: Method | None
    name: str
    repetition: float | None
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str]:
        """Which image was taken."""
        return (describe("image", self.frames[0], self.name),)

    def execute(self, on_progress: OnProgress) -> DenoiseOutcome:
        """Denoise every frame."""
        results = denoise_series(
            self.frames,
            self.config,
            mask=self.mask,
            sigma=self.sigma,
            trained=self.trained,
            watch=lambda health: on_progress(_progress(health)),
            on_progress=on_progress,
        )
        return DenoiseOutcome(results, self.repetition)


def open_denoise_task(
    header: Header,
    config: DenoiseConfig,
    reading: ReadOptions,
    *,
    maps: ReadOptions,
    mask: Path | None = None,
    sigma: Path | None = None,
    model: Path | None = None,
    full_paths: bool = False,
) -> DenoiseTask:
    """Read the frames of an image, and what belongs to it.

    Parameters
    ----------
    header
        That of the image.
    config
        Settings of the denoising.
    reading, maps
        How the image is read, and how its mask and its map of sigma are.
    mask, sigma, model
        Files of a mask, of the noise's standard deviation in intensities, and of trained weights;
        or None.
    full_paths
        Whether the image is introduced by its path.

    Raises
    ------
    InputError
        If a file cannot be used, or a map lies elsewhere than the image.
    """
    trained = read_method(model)[0] if model else None
    frames = list(open_frames(header, reading))
    inside = open_labels(mask, maps) if mask else None
    level = open_image(sigma, maps) if sigma else None
    inside = check_maps(frames[0], inside, level)
    name = shown_name(header.path, full=full_paths)
    return DenoiseTask(frames, config, inside, level, trained, name, header.repetition)


def _progress(health: Validation) -> Progress:
    line = (
        f"step {health.step:>6}  estimated error {100 * max(health.risk, 0) ** 0.5:.0f} % of sigma"
        f"  taken away {100 * health.residual:.0f} % of its variance"
    )
    return Progress("learning", health.share, f"step {health.step}", line)
