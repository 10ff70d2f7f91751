"""Have pymeshmetrics measure what the tests compare: run this file as a module.

``python -m tests.foundation.prompts.record_mesh_metrics`` writes ``mesh_metrics.json`` beside it.
pymeshmetrics lays meshes through the masks and measures between those; it brings VTK, which the
tests do without.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from foundation.prompts.perturbations import boundary_noise, dilate, erode, shift
from regkit import Labels
from tests.foundation.prompts.conftest import ball_mask

RECORDED = Path(__file__).with_name("mesh_metrics.json")
SPACINGS = ((1.0, 1.0, 1.0), (1.3, 1.1, 1.9), (0.8, 0.8, 3.0))
CHANGES = {each.__name__: each for each in (dilate, erode, shift, boundary_noise)}
TOLERANCES = (1.0, 2.0, 4.0)  # mm
STEP = 0.25  # mm, between the tolerances at which a surface Dice is recorded


def changed_pair(change: str, spacing: tuple[float, ...]) -> tuple[Labels, Labels]:
    """A ball of 9 mm and the same ball changed by 3 mm."""
    ball = ball_mask(9.0, spacing)
    drawn = np.random.default_rng(0)
    given = (3.0,) if change in ("dilate", "erode") else (3.0, drawn)
    other = CHANGES[change](ball, *given).mask
    return Labels(ball.data, ball.grid), Labels(other.data, ball.grid)


def pair_name(change: str, spacing: tuple[float, ...]) -> str:
    """What a pair is called in the file."""
    return f"{change} at {' x '.join(map(str, spacing))} mm"


def _measured(change: str, spacing: tuple[float, ...]) -> dict[str, object]:
    from meshmetrics import DistanceMetrics

    pair = changed_pair(change, spacing)
    metrics = DistanceMetrics(verbose=False)
    metrics.set_input(*(each.data[0].numpy().astype(bool) for each in pair), spacing=spacing)
    near = np.arange(0, 8 + STEP, STEP)
    return {
        "dice": metrics.dsc(), "hd": metrics.hd(), "hd95": metrics.hd(95), "mean": metrics.assd(),
        "surface_dice": {str(tolerance): metrics.nsd(float(tolerance)) for tolerance in near},
    }  # fmt: skip


def main() -> None:
    """Write the file."""
    found = {
        pair_name(change, spacing): _measured(change, spacing)
        for spacing in SPACINGS
        for change in CHANGES
    }
    program = f"pymeshmetrics {version('pymeshmetrics')}"
    RECORDED.write_text(json.dumps({"program": program, "pairs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
