"""The files of one run: checked before the work, written whole after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from denoise.record import make_record
from denoise.result import Result
from denoise.weights import save_method
from regkit.errors import InputError
from regkit.io import check_output, refuse_overwriting_inputs, save, write_atomically
from regkit.io.atomic import check_target
from regkit.io.formats import extension
from regkit.volume import Volume

_NIFTI = (".nii", ".nii.gz")


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

    def check(self, inputs: Sequence[Path], frames: int) -> None:
        """Refuse what could not be written after the work.

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
            check_output(path, overwrite=self.overwrite)
            if frames > 1 and extension(path) not in _NIFTI:
                raise InputError(f"{path.name}: a 4-D image is written as {' or '.join(_NIFTI)}")

    def write(
        self,
        results: list[Result],
        inputs: dict[str, Path],
        render: Callable[[Result, dict[str, Any]], str],
    ) -> None:
        """Write every file whole, the record last."""
        self._images(self.image, [each.denoised for each in results])
        self._images(self.residual, [each.residual for each in results])
        self._images(self.uncertainty, [each.uncertainty for each in results])
        self._images(self.sigma, [sigma_map(each) for each in results[:1]])
        record = make_record(results, inputs, self.named())
        if self.model is not None and results[0].learned is not None:
            save_method(results[0].learned, self.model, sigma=results[0].scaling.sigma)
        if self.report is not None:
            self._text(self.report, render(results[len(results) // 2], record))
        self._text(self.record, json.dumps(record, indent=2) + "\n")

    def _images(self, path: Path | None, frames: list[Volume]) -> None:
        if path is None:
            return
        if len(frames) == 1:
            save(frames[0], path, overwrite=self.overwrite)
            return
        from regkit.io.nifti import verify_image, write_image

        grid, data = frames[0].grid, np.stack([frame.data[0].numpy() for frame in frames], -1)
        write_atomically(
            path,
            lambda part: write_image(data, grid, part),
            lambda part: verify_image(data, grid, part),
            self.overwrite,
        )

    def _text(self, path: Path, text: str) -> None:
        write_atomically(
            path,
            lambda part: _written(part, text),
            lambda part: None,
            self.overwrite,
        )


def sigma_map(result: Result) -> Volume:
    """Standard deviation of the noise in intensities, as it depends on the signal; float32.

    By the slope of the stabilising transform at the denoised intensity.
    """
    clean = result.denoised.data[0].float()
    step = 1e-3 * float(clean.max() - clean.min())
    apart = result.model.stabilise(clean + step) - result.model.stabilise(clean - step)
    return result.noisy.with_data((2 * step / apart.clamp_min(1e-9))[None])


def _written(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
