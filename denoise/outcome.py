"""What a denoising has found, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoise.record import entries
from denoise.result import DenoiseResult
from denoise.weights import save_method
from regkit.io import save_series
from regkit.volume import Volume

if TYPE_CHECKING:
    from regkit.report import Page


@dataclass(frozen=True, eq=False)
class DenoiseOutcome:
    """Results, one a frame.

    Parameters
    ----------
    results
        Of each frame.
    repetition
        Seconds from one frame to the next, where they are known.
    """

    results: list[DenoiseResult]
    repetition: float | None = None

    def entries(self, seconds: float) -> dict[str, Any]:
        """See :func:`denoise.record.entries`."""
        return entries(self.results)

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write what there is a place for; no model where nothing was learned or applied."""
        for role, frames in _pictures(self.results).items():
            if role in places:
                save_series(frames, places[role], repetition=self.repetition)
        first = self.results[0]
        if "model" in places and first.learned is not None:
            save_method(first.learned, places["model"], sigma=first.scaling.sigma)

    def page(self) -> Page:
        """The report, which shows the middle frame, and several in its viewer."""
        from denoise.report.page import denoising_page

        return denoising_page(self.results)

    def summary(self, record: Mapping[str, Any]) -> list[str]:
        """What the noise was taken for, and what a person should know."""
        first = self.results[0]
        return [f"noise   {first.model.name}, sigma {first.model.level:.4g}", *first.notes]


def _pictures(results: list[DenoiseResult]) -> dict[str, list[Volume]]:
    return {
        "image": [each.denoised for each in results],
        "residual": [each.residual for each in results],
        "uncertainty": [each.uncertainty for each in results],
        "sigma": [sigma_map(each) for each in results[:1]],
    }


def sigma_map(result: DenoiseResult) -> Volume:
    """Map the standard deviation of the noise, which depends on the signal; intensities, float32.

    By the slope of the stabilising transform at the denoised intensity.
    """
    clean = result.denoised.data[0].float()
    step = 1e-3 * float(clean.max() - clean.min())
    apart = result.model.stabilise(clean + step) - result.model.stabilise(clean - step)
    slope = 2 * step / apart.clamp_min(1e-9)
    return result.noisy.with_data((result.scaling.noise * slope)[None])
