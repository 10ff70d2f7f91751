"""`python -m benchmarks.denoise`: regkit's denoisers beside others, on real MRI."""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.denoisers import Denoiser, held_out, regkit, series, supervised, untouched
from benchmarks.denoising_cases import Case, cases
from benchmarks.denoising_peers import peers
from benchmarks.machine import describe
from benchmarks.memory import peak
from benchmarks.page import write
from benchmarks.register import machine_text
from benchmarks.session import say
from benchmarks.table import Table

_COLUMNS = {
    "image": "", "method": "", "seeds": "d", "PSNR dB": ".2f", "±": ".2f", "SSIM": ".4f",
    "CPU s": ".0f", "MB": ".0f", "": "",
}  # fmt: skip
_METHODS = ("recorrupted", "blindspot", "noise2void", "noise2self", "neighbours", "diffusion")
_NUMBERS = ("PSNR dB", "SSIM", "CPU s", "MB")
_PAGE = Path(__file__).with_name("denoise.md")


def main(words: Sequence[str] | None = None) -> None:
    """Run what was asked for, print it, and keep it where that was asked for."""
    asked = _parser().parse_args(words)
    torch.set_num_threads(asked.threads)
    rows = _before(asked.json)
    for seed, case in ((s, c) for s in range(asked.seeds) for c in cases(tuple(asked.size), s)):
        if asked.only and not any(word in case.name for word in asked.only):
            continue
        for name, run in _denoisers(case, asked, seed):
            if asked.methods and not any(word in name for word in asked.methods):
                continue
            row = {"image": case.name, "method": name, "seed": seed}
            if all(each | row != each for each in rows):
                rows.append(_scores(case, run) | row)
                _keep(rows, asked.json)
    table = _table(rows, asked)
    print(table.markdown())
    if asked.write:
        write({"machine": machine_text(describe()), "denoise": table.markdown()}, _PAGE)


def _before(path: Path | None) -> list[dict[str, Any]]:
    """What an earlier run has measured, and need not be measured again."""
    if path is None or not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def _keep(rows: list[dict[str, Any]], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(rows, indent=1) + "\n")


def _denoisers(case: Case, asked: Any, seed: int) -> Iterator[tuple[str, Denoiser]]:
    options = {"steps": asked.steps, "seed": seed, "threads": asked.threads}
    yield "noisy", untouched
    yield from peers(case).items()
    yield "**regkit** (default)", regkit("recorrupted", seed=seed, threads=asked.threads)
    for method in _METHODS:
        alone = method == "recorrupted"
        name = "regkit --from-scratch" if alone else f"regkit --method {method}"
        yield name, regkit(method, from_scratch=alone, **options)
    if case.frames:
        yield "**regkit**, the series (default)", series("together", **options)
        yield "regkit, the series --frames alone", series("alone", **options)
        yield "regkit, the series --frames repeats", series("repeats", **options)
    if case.other is not None:
        yield "regkit train on another person, --model", held_out(**options)
    if case.training is not None:
        yield "supervised by another person's clean image", supervised(**options)


def _scores(case: Case, run: Denoiser) -> dict[str, Any]:
    from skimage.metrics import structural_similarity

    with peak() as memory:
        out = run(case)
    error = float(((out.image - case.reference)[case.mask] ** 2).mean())
    _, local = structural_similarity(
        case.reference, np.asarray(out.image, np.float32), data_range=1.0, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    found = {
        "PSNR dB": -10 * math.log10(error),
        "SSIM": float(local[case.mask].mean()),
        "CPU s": out.seconds,
        "MB": memory.megabytes,
        "": out.note,
    }
    say(f"{case.name}: {found}")
    return found


def _table(rows: Sequence[Mapping[str, Any]], asked: Any) -> Table:
    order = list(dict.fromkeys(row["image"] for row in rows))
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda each: order.index(each["image"])):
        groups.setdefault((row["image"], row["method"]), []).append(row)
    means = [{"image": image, "method": method} | _mean(each)
             for (image, method), each in groups.items()]  # fmt: skip
    box = "x".join(map(str, asked.size))
    notes = (
        f"Boxes of {box} voxels around the middle, or what there is; {asked.steps} training steps; "
        "±: standard deviation over the seeds, of which each draws other noise (of real noise: "
        "takes another frame). The range is 1: the 99.9 % quantile of the reference inside the "
        "brain or the body, where PSNR and SSIM (3-D, Gaussian window of 1.5 voxels) are taken. "
        "MB: what the peak of the memory is above what Python and the images take.",
        "Self-supervised rows are transductive: they learn from the image that they are judged "
        "on, and from nothing else; but for the default, which goes on from the shipped start, by "
        "the steps of its preset, and for `--model`, which has learned from another person's "
        "noisy image and is applied as it is. Oracle: the best of a grid of parameters by the "
        "clean image; seconds are of one of them.",
    )
    return Table("Real MRI with added noise, and real noise", _COLUMNS, means, notes)


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: _fmean([row.get(name) for row in rows]) for name in _NUMBERS}
    spread = statistics.stdev(row["PSNR dB"] for row in rows) if len(rows) > 1 else None
    return found | {"±": spread, "seeds": len(rows), "": rows[0][""]}


def _fmean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and value == value]
    return statistics.fmean(known) if known else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=3, default=(160, 192, 40))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="words in the name of an image")
    parser.add_argument("--methods", nargs="*", help="words in the name of a method")
    parser.add_argument("--json", type=Path, help="kept row by row; a run goes on from there")
    parser.add_argument("--write", action="store_true", help="renew benchmarks/denoise.md")
    return parser


if __name__ == "__main__":
    main()
