"""`make demo`: the command line on two real brains, and what it achieved."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import regkit as rk
from regkit.cli import main as command_line
from regkit.datasets import MOVE_MM, TURN_DEGREES, demo_pair
from regkit.resample import resample

FOLDER = Path("demo")


def main() -> int:
    """Write the inputs, register them as a user would, say what came out."""
    inputs = write_inputs(FOLDER)
    fixed, moving, mask = (str(path) for path in inputs)
    out = FOLDER / "result"
    words = ["register", fixed, moving, "-o", str(out), "--fixed-mask", mask, "--overwrite"]
    print("regkit", *words, flush=True)
    code = command_line(words)
    if code == 0:
        print(account(inputs, out))
    return code


def write_inputs(folder: Path) -> tuple[Path, Path, Path]:
    """Fixed, moving and mask as files in ``folder``."""
    folder.mkdir(exist_ok=True)
    fixed, moving, mask = demo_pair()
    first = fixed.save(folder / fixed.name, overwrite=True)
    second = moving.save(folder / moving.name, overwrite=True)
    return first, second, mask.save(folder / mask.name, overwrite=True)


def account(inputs: tuple[Path, Path, Path], out: Path) -> str:
    """What was achieved, in a few lines."""
    fixed, moving = rk.read(inputs[0]), rk.read(inputs[1])
    mask = rk.read_labels(inputs[2])
    before = correlation(fixed, resample(moving, fixed.grid), mask)
    after = correlation(fixed, rk.read(out / "warped.nii.gz"), mask)
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    metrics = record["metrics"]
    return "\n".join(
        [
            "",
            f"the head's header was          turned by {TURN_DEGREES:.0f} degrees, "
            f"moved by {MOVE_MM:.0f} mm",
            f"correlation inside the brain   {before:.3f} before, {after:.3f} after",
            f"folding inside the brain       {100 * metrics['folding']:.4f} %",
            f"inverse consistency            {metrics['inverse_consistency_p95']:.3f} mm "
            "(95th percentile)",
            f"time, peak memory              {record['seconds']:.0f} s, "
            f"{record['peak_memory_mb'] or float('nan'):.0f} MB",
            f"the report                     {out / 'report.html'}",
        ]
    )


def correlation(a: rk.Volume, b: rk.Volume, mask: rk.Labels) -> float:
    """Pearson correlation of two images on one grid where ``mask`` is above 0."""
    inside = mask.data > 0
    return float(np.corrcoef(a.data[inside].double(), b.data[inside].double())[0, 1])


if __name__ == "__main__":
    sys.exit(main())
