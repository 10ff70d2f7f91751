"""`python -m benchmarks.on_gpu`: what a GPU is worth, in a few minutes; see on_gpu.sh.

Registrations of two brains inside a warm process, the shipped network in both directions, and
FireANTs where it is installed. The images are those of `../shared/data` or, where there are none,
the demo's (`pip install 'regkit[demo]'`), or made up.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch

import regkit as rk
from benchmarks.data import brain_pairs
from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Row, Table

_COLUMNS = {"what": "", "first s": ".3f", "later s": ".3f", "Dice": ".3f", "kernels": ""}
_PRESETS: tuple[Literal["fast", "default", "accurate"], ...] = ("fast", "default", "accurate")
_TINY, _MADE_UP = 4.0, (160, 192, 224)


def main(words: Sequence[str] | None = None) -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.on_gpu", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="voxels of 4 mm, to try the script")
    asked = parser.parse_args(words)
    fixed, moving, labels = _images(tiny=asked.tiny)
    print(machine_text(describe(asked.device)), flush=True)
    rows = [
        *(_registered(fixed, moving, labels, name, asked) for name in _PRESETS),
        *_network(asked),
        *_fireants(fixed, moving, asked),
    ]
    shape = "x".join(map(str, fixed.grid.shape))
    notes = (f"{shape} voxels in memory before, the result in memory after; medians of {asked.runs}"
             " after a first run, which compiles what must be.",)  # fmt: skip
    print(f"\n{Table(f'On {asked.device}', _COLUMNS, rows, notes).markdown()}")
    return 0


def _registered(
    fixed: rk.Volume,
    moving: rk.Volume,
    labels: Any,
    preset: Literal["fast", "default", "accurate"],
    asked: argparse.Namespace,
) -> Row:
    found: list[rk.Result] = []
    first, later = _timed(
        lambda: found.append(rk.register(fixed, moving, preset=preset, device=asked.device)),
        asked,
    )
    row = {"what": f"regkit {preset}", "first s": first, "later s": later}
    kernels = {stage.kernels for stage in found[-1].stages if stage.kernels}
    if labels is not None:
        there, here, scored = labels
        warped = rk.warp(here, found[-1].transform, onto=there.grid)
        scores = rk.metrics.dice(there, warped)
        row["Dice"] = statistics.fmean(scores[value] for value in scored)
    return row | {"kernels": ", ".join(sorted(kernels))}


def _network(asked: argparse.Namespace) -> list[Row]:
    """The shipped network alone, on its own cube, one direction and both."""
    from regkit.networks.inference import displacement, optimize_for_inference
    from regkit.networks.models import load

    model = load("small")
    size = 32 if asked.tiny else model.trained.shape or 128
    network = optimize_for_inference(model.network).to(asked.device).eval()
    one, other = torch.rand(2, 1, 1, size, size, size, device=asked.device)
    ways: dict[str, Callable[[], object]] = {
        "network small, one direction": lambda: displacement(network, one, other),
        "network small, both directions": lambda: [
            displacement(network, a, b) for a, b in ((one, other), (other, one))
        ],
    }
    rows: list[Row] = []
    for name, run in ways.items():
        first, later = _timed(run, asked)
        rows.append({"what": f"{name}, {size} voxels a side", "first s": first, "later s": later})
    return rows


def _fireants(fixed: rk.Volume, moving: rk.Volume, asked: argparse.Namespace) -> list[Row]:
    """Affine, then greedy by cross-correlation, as its documentation's first example."""
    if find_spec("fireants") is None:
        return [{"what": "FireANTs: not installed"}]
    io = import_module("fireants.io")
    affine_of = import_module("fireants.registration.affine").AffineRegistration
    greedy_of = import_module("fireants.registration.greedy").GreedyRegistration
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for name, image in (("fixed", fixed), ("moving", moving)):
            path = Path(folder, f"{name}.nii.gz")
            image.save(path)
            images.append(io.BatchedImages([io.Image.load_file(str(path), device=asked.device)]))

    def run() -> None:
        affine = affine_of(
            [8, 4, 2, 1], [200, 100, 50, 20], *images, optimizer="Adam", optimizer_lr=3e-3,
            cc_kernel_size=5,
        )  # fmt: skip
        affine.optimize()
        greedy = greedy_of(
            scales=[4, 2, 1], iterations=[200, 100, 25], fixed_images=images[0],
            moving_images=images[1], cc_kernel_size=5, smooth_grad_sigma=1.0, optimizer="Adam",
            optimizer_lr=0.5, init_affine=affine.get_affine_matrix().detach(),
        )  # fmt: skip
        greedy.optimize()

    try:
        first, later = _timed(run, asked)
    except Exception as error:  # another program's, whatever it is: the other rows stand
        return [{"what": f"FireANTs: failed ({type(error).__name__}: {error!s:.60})"}]
    return [{"what": "FireANTs affine, greedy", "first s": first, "later s": later}]


def _timed(run: Callable[[], object], asked: argparse.Namespace) -> tuple[float, float]:
    """Seconds of the first run, and of a later one."""
    times = []
    for _ in range(asked.runs + 1):
        begin = time.perf_counter()
        run()
        if torch.device(asked.device).type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return times[0], statistics.median(times[1:])


def _images(*, tiny: bool) -> tuple[rk.Volume, rk.Volume, Any]:
    """Fixed, moving, and the labels of both with those that are scored, if there are any."""
    try:
        pair = brain_pairs()[0]
    except rk.InputError:
        fixed, moving = _carried()
        return _coarse(fixed, tiny), _coarse(moving, tiny), None
    fixed, moving = rk.read(pair.fixed).load(), rk.read(pair.moving).load()
    labels = rk.read_labels(pair.fixed_labels), rk.read_labels(pair.moving_labels), pair.scored
    return _coarse(fixed, tiny), _coarse(moving, tiny), labels


def _carried() -> tuple[rk.Volume, rk.Volume]:
    try:
        return rk.datasets.demo_pair()[:2]
    except rk.InputError:
        generator = torch.Generator().manual_seed(0)
        one, other = (
            torch.nn.functional.interpolate(
                torch.rand(1, 1, 9, 9, 9, generator=generator), _MADE_UP, mode="trilinear"
            )[0]
            for _ in range(2)
        )
        mixed = 0.8 * one + 0.2 * other
        affine = torch.eye(4).numpy()
        return rk.Volume(one, affine), rk.Volume(mixed, affine)


def _coarse(image: rk.Volume, tiny: bool) -> rk.Volume:
    return rk.resample.resample(image, image.grid.with_spacing((_TINY,))) if tiny else image


if __name__ == "__main__":
    sys.exit(main())
