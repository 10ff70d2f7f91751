"""The denoisers of regkit that `benchmarks.denoise` runs, and the ceiling of supervision."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import regkit as rk
from benchmarks.denoising_cases import Array, Case
from denoise.config import DenoiseConfig, make_denoise_config
from denoise.pipeline import denoise, denoise_series
from denoise.result import DenoiseResult
from denoise.weights import read_method
from regkit.training.loop import WEIGHTS, train
from regkit.training.tasks import open_task


@dataclass(frozen=True, eq=False)
class Output:
    """A denoised volume, the CPU seconds that it took, and what to say of it."""

    image: Array
    seconds: float
    note: str = ""


Denoiser = Callable[[Case], Output]


def untouched(case: Case) -> Output:
    """The noisy image itself."""
    return Output(case.noisy, 0.0)


def regkit(method: str, **options: Any) -> Denoiser:
    """`regkit denoise` with nothing told but its method."""

    def run(case: Case) -> Output:
        config = make_denoise_config("default", method=method, **options)
        start = time.process_time()
        return _output(denoise(_volume(case.noisy, case), config), start)

    return run


def series(frames: str, **options: Any) -> Denoiser:
    """`regkit denoise --frames` on a 4-D image; two mirror images of each frame, for time."""

    def run(case: Case) -> Output:
        config = make_denoise_config("default", frames=frames, passes=2, **options)
        start = time.process_time()
        found = denoise_series([_volume(each, case) for each in case.frames], config)
        return _output(found[case.frame if len(found) > 1 else 0], start)

    return run


def held_out(**options: Any) -> Denoiser:
    """`regkit train` on another person's noisy image, then `regkit denoise --model`."""

    def run(case: Case) -> Output:
        if case.other is None:
            raise rk.InputError(f"{case.name}: has no noisy image of another person")
        start = time.process_time()
        with TemporaryDirectory() as folder:
            trained = read_method(_trained(case, case.other, Path(folder), **options))[0]
        learning = time.process_time() - start
        found = denoise(_volume(case.noisy, case), _config(**options), trained=trained)
        out = _output(found, start)
        return Output(out.image, out.seconds, f"{out.seconds - learning:.0f} s of them to apply")

    return run


def supervised(**options: Any) -> Denoiser:
    """The same network, trained on another person's clean image: what nobody has."""

    def run(case: Case) -> Output:
        from benchmarks.denoising_ceiling import trained_with_truth

        start = time.process_time()
        return Output(trained_with_truth(case, _config(**options)), time.process_time() - start)

    return run


def _config(**options: Any) -> DenoiseConfig:
    return make_denoise_config("default", **options)


def _trained(
    case: Case, other: Array, folder: Path, *, steps: int, seed: int, threads: int
) -> Path:
    _volume(other, case).save(folder / "other.nii.gz")
    table = folder / "table.csv"
    table.write_text(f"image,subject\n{folder / 'other.nii.gz'},other\n")
    given = {
        "task": "denoising", "output": str(folder / "run"), "table": str(table), "seed": seed,
        "threads": threads, "batch": 1,
        "stages": [{"steps": steps, "learning_rate": _config().rate, "decay": True}],
    }  # fmt: skip
    return train(open_task(given, "benchmark"), lambda told: None) / WEIGHTS


def _output(found: DenoiseResult, start: float) -> Output:
    note = f"{found.model.name}, sigma {found.model.level:.3f}"
    return Output(found.denoised.data[0].numpy(), time.process_time() - start, note)


def _volume(data: Array, case: Case) -> rk.Volume:
    grid = rk.Grid(data.shape, np.diag([*case.spacing, 1.0]))
    return rk.Volume(torch.from_numpy(np.ascontiguousarray(data)), grid, case.name)
