"""The table of a motion correction, as a time series of confounds in BIDS derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from regkit.registration.series import MotionResult

AXES = ("x", "y", "z")
_NUMBERS = (
    *(f"trans_{axis}" for axis in AXES), *(f"rot_{axis}" for axis in AXES),
    "framewise_displacement", "gain", "overlap",
)  # fmt: skip
_NOTHING = "n/a"


def motion_tsv(result: MotionResult) -> str:
    """Write a line a frame: shifts, rotations, framewise displacement, and the verdict."""
    lines = ["\t".join((*_NUMBERS, "verdict"))]
    rows = zip(result.parameters, result.displacement, result.fits, result.verdicts, strict=True)
    for parameters, moved, fit, verdict in rows:
        numbers = (*parameters, moved, fit.gain, fit.overlap)
        lines.append("\t".join((*map(_number, numbers), verdict.grade)))
    return "\n".join(lines) + "\n"


def motion_columns(result: MotionResult) -> dict[str, Any]:
    """Describe the columns as the JSON file beside the table."""
    unit = result.grid.world.unit
    centre = ", ".join(f"{value:.3f}" for value in result.centre)
    shifts = {
        f"trans_{axis}": {
            "Description": "Where the middle of the body moves from the reference to the frame, "
            f"along the {axis} axis of the world ({name}).",
            "Units": unit,
        }
        for axis, name in zip(AXES, _names(result), strict=True)
    }
    turns = {
        f"rot_{axis}": {
            "Description": f"How the body turns from the reference to the frame about the {axis} "
            f"axis of the world, right-handed, through ({centre}) {unit}; about x first, then y, "
            "then z.",
            "Units": "rad",
        }
        for axis in AXES
    }
    return {
        **shifts,
        **turns,
        "framewise_displacement": {
            "Description": "Sum of the absolute changes of the six numbers from the frame before "
            f"(Power et al. 2012), rotations as arcs on a sphere of {result.radius:g} {unit}.",
            "Units": unit,
        },
        "gain": {
            "Description": f"By how much the frame is more like the reference than an image that "
            f"shows nothing ({result.config.similarity}).",
        },
        "overlap": {"Description": "Share of the body that lies inside the frame."},
        "verdict": {
            "Description": "What the alignment is worth; a frame that fails has the transform of "
            "the last one before it that does not.",
            "Levels": {
                "pass": "nothing asks for a closer look",
                "doubtful": "much less like the reference than most frames are",
                "fail": "not aligned",
            },
        },
    }


def _names(result: MotionResult) -> Sequence[str]:
    return ("to the right", "forwards", "upwards") if result.grid.world.anatomical else AXES


def _number(value: float) -> str:
    return f"{value:.6f}" if math.isfinite(value) else _NOTHING
