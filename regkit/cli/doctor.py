"""`regkit doctor`: what is here, and whether it works."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import typer

from regkit.cli.options import Debug, Json

_SIZE = 48
_SHIFT = 3.0


def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Show versions, devices, weights and free space, and run a short self-test.

    The exit code is 0 if the self-test recovers a known shift, and 1 if not.

    Example: regkit doctor --json
    """
    facts = collect_facts()
    seconds, error = self_test()
    passed = error < 0.5
    if as_json:
        test = {"passed": passed, "seconds": round(seconds, 1), "error_mm": round(error, 3)}
        typer.echo(json.dumps({**facts, "self_test": test}, indent=2))
    else:
        for name, value in facts.items():
            typer.echo(f"{name:<10}{_plain(value)}")
        state = "passed" if passed else "FAILED"
        typer.echo(f"self-test {state}: off by {error:.3f} mm, {seconds:.1f} s")
    if not passed:
        raise typer.Exit(1)


def collect_facts() -> dict[str, Any]:
    """Versions, devices, weights, memory and disk, as JSON can hold them."""
    from regkit.io.atomic import free_space
    from regkit.io.sizes import size_text
    from regkit.networks.weights.store import available_weights as weights
    from regkit.registration.devices import available_devices
    from regkit.report.versions import versions
    from regkit.runs.memory import available_memory

    memory = available_memory()
    return {
        "versions": versions(),
        "devices": available_devices(),
        "weights": weights(),
        "memory": "unknown" if memory is None else f"{size_text(memory)} free",
        "disk": {
            "here": f"{size_text(free_space(Path().absolute()))} free",
            "temporary": f"{size_text(free_space(Path(tempfile.gettempdir())))} free",
        },
    }


def self_test() -> tuple[float, float]:
    """Write a blob and its twin 3 mm away, register them from files, and compare.

    Returns
    -------
    seconds, error
        How long it took, and how far the centre ends from where it must, in mm.
    """
    import torch

    from regkit.io import read, read_transform, save, write_transform
    from regkit.registration.pipeline import register

    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="regkit-doctor-") as folder:
        place = Path(folder)
        fixed = read(save(_blob(0.0), place / "fixed.nii.gz"))
        moving = read(save(_blob(_SHIFT), place / "moving.nii.gz"))
        found = register(fixed, moving, preset="fast", transform="rigid", device="cpu")
        phi = read_transform(write_transform(found.transform, place / "phi.h5"))
    middle = torch.full((1, 3), _SIZE / 2, dtype=torch.float64)
    wanted = middle + torch.tensor([_SHIFT, 0.0, 0.0], dtype=torch.float64)
    return time.perf_counter() - started, float((phi(middle) - wanted).norm())


def _blob(shift: float) -> Any:
    import numpy as np
    import torch

    from regkit.geometry import Grid
    from regkit.volume import Volume

    axes = torch.meshgrid(*[torch.arange(float(_SIZE))] * 3, indexing="ij")
    near = [axes[0] - shift, axes[1], axes[2]]
    away = sum(((a - _SIZE / 2) / w) ** 2 for a, w in zip(near, (12, 9, 7), strict=True))
    return Volume(100 * torch.exp(-torch.as_tensor(away)), Grid((_SIZE,) * 3, np.eye(4)))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)
