"""What a record says of denoised images, to judge them and to get them again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from denoise.report.measures import anatomy_in_residual, removed_variance
from denoise.result import DenoiseResult


def entries(results: list[DenoiseResult]) -> dict[str, Any]:
    """Record everything about one run, as JSON can hold it; of a series, one entry a frame.

    Returns
    -------
    dict
        ``method``, ``start`` (what the network had seen before; empty: nothing), ``noise``,
        ``sigma``, ``neighbour_correlation``, ``config``, ``notes``, ``frames``, ``seconds``
        (``learning`` and ``applying``) and ``history``.
    """
    first = results[0]
    return {
        "method": first.method,
        "start": first.learned.start if first.learned else "",
        "noise": first.model.name,
        "sigma": first.model.level,
        "neighbour_correlation": [round(value, 4) for value in first.correlation],
        "config": first.config.model_dump(mode="json"),
        "notes": list(first.notes),
        "frames": [_frame(result) for result in results],
        "seconds": {name: round(value, 2) for name, value in first.seconds.items()},
        "history": [asdict(each) for each in first.history],
    }


def _frame(result: DenoiseResult) -> dict[str, float]:
    """Variance taken away over that of the noise; correlation of the residual and the image."""
    if result.method == "none":
        return {"variance_taken": 0.0, "residual_image_correlation": 0.0}
    return {
        "variance_taken": round(removed_variance(result), 4),
        "residual_image_correlation": round(anatomy_in_residual(result), 4),
    }
