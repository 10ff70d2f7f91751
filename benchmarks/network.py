"""`python -m benchmarks.network`: parity, speed and memory, regkit beside unigradicon.

Both build the network from one file of random weights, whose steps move points about as far as
those of a trained one: the coarse ones by many voxels, the fine ones by a few. With ``--model``,
which takes trained weights, it measures accuracy against time of the two refinements instead.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.machine import describe
from benchmarks.measure import measured
from benchmarks.network_process import PAIR, WEIGHTS
from benchmarks.network_tradeoff import between_contrasts, tradeoff
from benchmarks.register import machine_text
from benchmarks.session import Session, say
from benchmarks.table import Row, Table
from regkit.networks.gradicon import gradicon

ONE, SHIPPED = "upstream-one", "upstream-shipped"
RUNS = (
    ONE,
    "regkit-one-fp32",
    "regkit-one-bf16",
    SHIPPED,
    "regkit-both-fp32",
    "regkit-both-bf16",
)
# Voxels that the last step of each resolution moves a point by, about: a quarter, half, full.
_MOVES = {"netPhi.netPhi.net.netPhi": 8.0, "netPhi.netPhi.net.netPsi": 4.0}
_FINE_MOVES = 1.0
_COLUMNS = {
    "run": "",
    "first s": ".2f",
    "second s": ".2f",
    "CPU s": ".2f",
    "÷ upstream": ".3f",
    "peak GB": ".2f",
    "max error": ".1e",
    "mean error": ".1e",
}


@dataclass(frozen=True)
class Found:
    """One process: seconds of its first and second run, peak memory, where its fields are."""

    first: float
    second: float
    cpu: float
    peak: float
    fields: Path


def main(words: Sequence[str] | None = None) -> int:
    """Run and print one table."""
    wanted = _parser().parse_args(words)
    print(machine_text(describe()), flush=True)
    with tempfile.TemporaryDirectory(prefix="regkit-network-") as name:
        if wanted.model:
            session, model = Session(Path(name), wanted.runs), wanted.model.resolve()
            tables = [tradeoff(session, model, wanted.rate), between_contrasts(session, model)]
        else:
            tables = [beside_upstream(Path(name), wanted.size, wanted.runs)]
    for table in tables:
        print(f"\n{table.markdown()}", flush=True)
    if wanted.json:
        whole = {"machine": describe(), "tables": [table.as_dict() for table in tables]}
        wanted.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    return 0


def beside_upstream(folder: Path, size: int, runs: int) -> Table:
    """Every run so often, in turns."""
    prepare(folder, size)
    found: dict[str, list[Found]] = {run: [] for run in RUNS}
    for turn in range(runs):
        for run in RUNS:
            say(f"turn {turn + 1}: {run}")
            found[run].append(_measured(folder, run, size))
    return _table(size, found)


def prepare(folder: Path, size: int) -> None:
    """Weights in the published layout, and two smooth images."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = gradicon(3)
    coarse = torch.rand(2, 1, 12, 12, 12, generator=generator)
    images = functional.interpolate(coarse, size=(size,) * 3, mode="trilinear")
    small = functional.interpolate(coarse, size=(48,) * 3, mode="trilinear")
    for name, part in network.named_modules():
        if name.endswith(".net") and hasattr(part, "lastConv"):
            _moving(part, _moves(name), small, size, generator)
    torch.save(network.state_dict(), folder / WEIGHTS)
    torch.save((images[:1], images[1:]), folder / PAIR)


def _moves(name: str) -> float:
    return next((v for k, v in _MOVES.items() if name.startswith(k)), _FINE_MOVES)


def _moving(
    unet: Any, voxels: float, images: Tensor, size: int, generator: torch.Generator
) -> None:
    """Random statistics and a last convolution that moves ``voxels`` at most, on ``images``."""
    for norm in unet.batchNorms:
        for values in (norm.running_mean, norm.bias.data):
            values.copy_(0.1 * torch.randn(values.shape, generator=generator))
        norm.running_var.copy_(1 + 0.2 * torch.rand(norm.running_var.shape, generator=generator))
    nn.init.normal_(unet.lastConv.weight, generator=generator)
    unet.eval()
    with torch.inference_mode():
        u = unet(images[:1], images[1:]) * (size - 1)
    unet.lastConv.weight.data *= voxels / float(u.abs().max())


def _measured(folder: Path, run: str, size: int) -> Found:
    name, *options = run.split("-")
    words = [sys.executable, "-m", "benchmarks.network_process", name, str(folder), str(size)]
    cost = measured([*words, *options], folder / "log.txt")
    first, second = json.loads((folder / f"{run}.json").read_text())
    return Found(first["wall"], second["wall"], second["cpu"], cost.peak, folder / f"{run}.pt")


def _table(size: int, found: dict[str, list[Found]]) -> Table:
    truth = torch.load(found[SHIPPED][-1].fields, weights_only=True)
    rows = [_row(run, each, found, truth) for run, each in found.items()]
    farthest = max(float(u.abs().max()) for u in truth)
    return Table(
        f"The network at {size}³, random weights that move points by up to {farthest:.1f} voxels",
        _COLUMNS,
        rows,
        notes=(
            "A run is one process; its first pass also fills caches. Seconds and CPU seconds are "
            "of the network alone, medians; the ratio is of second passes, one direction against "
            "one direction, both against the forward as shipped. Peak memory is of the whole "
            "process. Errors are in voxels, of the worst axis, against the forward as shipped.",
        ),
    )


def _row(run: str, each: list[Found], found: dict[str, list[Found]], truth: list[Tensor]) -> Row:
    against = found[ONE if "-one" in run else SHIPPED]
    pairs = zip(each, against, strict=True)
    fields = torch.load(each[-1].fields, weights_only=True)
    errors = [(u - v).abs().amax(dim=0) for u, v in zip(fields, truth, strict=False)]
    return {
        "run": run.replace("-", ", "),
        "first s": statistics.median(f.first for f in each),
        "second s": statistics.median(f.second for f in each),
        "CPU s": statistics.median(f.cpu for f in each),
        "÷ upstream": statistics.median(a.second / b.second for a, b in pairs),
        "peak GB": max(f.peak for f in each),
        "max error": max(float(e.max()) for e in errors),
        "mean error": max(float(e.mean()) for e in errors),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network", description=__doc__)
    parser.add_argument("--size", type=int, default=175, help="voxels along every axis")
    parser.add_argument("--runs", type=int, default=3, help="how often a process is timed")
    parser.add_argument("--model", type=Path, metavar="FILE", help="trained weights to refine")
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate of fine-tuning")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all figures there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
