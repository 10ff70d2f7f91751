"""The files of one run: checked before the work, and published together after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denoise.record import make_record
from denoise.result import Result
from denoise.weights import save_method
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import (
    check_holds,
    check_output,
    publish_files,
    refuse_overwriting_inputs,
    save_series,
)
from regkit.io.atomic import check_target
from regkit.io.names import extension
from regkit.volume import Volume


@dataclass(frozen=True)
class Outputs:
    """Where everything goes; None is not written. The record lies beside the image."""

    image: Path
    residual: Path | None = None
    uncertainty: Path | None = None
    sigma: Path | None = None
    report: Path | None = None
    model: Path | None = None
    overwrite: bool = False

    @property
    def record(self) -> Path:
        """``clean.json`` beside ``clean.nii.gz``."""
        return self.image.with_name(self.image.name.removesuffix(extension(self.image)) + ".json")

    def named(self) -> dict[str, Path]:
        """Role and path of every file, the record last: where it is, the others are."""
        roles = ("image", "residual", "uncertainty", "sigma", "report", "model", "record")
        return {role: path for role in roles if (path := getattr(self, role)) is not None}

    def check(self, inputs: Sequence[Path], frames: int, grid: Grid) -> None:
        """Refuse what could not be written after the work: float32 on ``grid``.

        Raises
        ------
        InputError
            If a name is taken twice, is an input, exists, or is of a kind that cannot be written.
        """
        named = self.named()
        refuse_overwriting_inputs(named.values(), inputs)
        if len({path.resolve() for path in named.values()}) < len(named):
            raise InputError(f"{self.image.name}: two outputs have one name; give each its own")
        for role, path in named.items():
            if role in ("report", "model", "record"):
                check_target(path, self.overwrite)
                continue
            check_output(path, overwrite=self.overwrite, frames=frames)
            check_holds(path, grid, "float32")

    def write(
        self,
        results: list[Result],
        inputs: dict[str, Path],
        render: Callable[[Result, dict[str, Any]], str],
        repetition: float | None = None,
    ) -> None:
        """Write every file; all appear together, or none.

        Parameters
        ----------
        results
            One a frame.
        inputs
            Role and path of what was read.
        render
            Makes the report of a result and the record.
        repetition
            Seconds between frames.
        """
        named = {role: path for role, path in self.named().items() if role != "model"}
        if self.model is not None and results[0].learned is not None:
            named = {"model": self.model} | named
        with publish_files(list(named.values()), overwrite=self.overwrite) as staged:
            places = {role: staged[path] for role, path in named.items()}
            for role, frames in _pictures(results).items():
                if role in places:
                    save_series(frames, places[role], repetition=repetition)
            if "model" in places and results[0].learned is not None:
                save_method(results[0].learned, places["model"], sigma=results[0].scaling.sigma)
            record = make_record(results, inputs, named)
            if "report" in places:
                _put(places["report"], render(results[len(results) // 2], record))
            _put(places["record"], json.dumps(record, indent=2) + "\n")


def _pictures(results: list[Result]) -> dict[str, list[Volume]]:
    return {
        "image": [each.denoised for each in results],
        "residual": [each.residual for each in results],
        "uncertainty": [each.uncertainty for each in results],
        "sigma": [sigma_map(each) for each in results[:1]],
    }


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def sigma_map(result: Result) -> Volume:
    """Standard deviation of the noise in intensities, as it depends on the signal; float32.

    By the slope of the stabilising transform at the denoised intensity.
    """
    clean = result.denoised.data[0].float()
    step = 1e-3 * float(clean.max() - clean.min())
    apart = result.model.stabilise(clean + step) - result.model.stabilise(clean - step)
    slope = 2 * step / apart.clamp_min(1e-9)
    return result.noisy.with_data((result.scaling.noise * slope)[None])
