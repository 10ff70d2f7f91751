"""The JSON beside a denoised image: what is needed to judge it, and to get it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from denoise.report.findings import anatomy_in_residual, taken_variance
from denoise.result import Result
from regkit.cli.record import fingerprint, peak_memory_mb, versions


def make_record(
    results: list[Result], inputs: Mapping[str, Path], outputs: Mapping[str, Path]
) -> dict[str, Any]:
    """Everything about one run, as JSON can hold it; of a series, one entry a frame.

    Files appear by their base names, inputs with their SHA-256.
    """
    first = results[0]
    return {
        "status": "done",
        "versions": versions(),
        "inputs": [fingerprint(role, path) for role, path in inputs.items()],
        "outputs": {role: path.name for role, path in outputs.items()},
        "method": first.method,
        "noise": first.model.name,
        "sigma": first.model.level,
        "neighbour_correlation": [round(value, 4) for value in first.correlation],
        "config": first.config.model_dump(mode="json"),
        "notes": list(first.notes),
        "frames": [_frame(result) for result in results],
        "seconds": {name: round(value, 2) for name, value in first.seconds.items()},
        "peak_memory_mb": peak_memory_mb(),
        "history": [_numbers(asdict(each)) for each in first.history],
    }


def _numbers(found: dict[str, float]) -> dict[str, float | None]:
    """JSON has no word for what is not a number."""
    return {name: value if value == value else None for name, value in found.items()}


def _frame(result: Result) -> dict[str, float]:
    """Variance taken away over that of the noise; correlation of the residual and the image."""
    if result.method == "none":
        return {"variance_taken": 0.0, "residual_image_correlation": 0.0}
    return {
        "variance_taken": round(taken_variance(result), 4),
        "residual_image_correlation": round(anatomy_in_residual(result), 4),
    }
