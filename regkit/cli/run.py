"""Runs a plan on a pair and publishes everything at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from regkit.cli.pair import Pair, notices
from regkit.cli.plan import RECORD, Plan, warped_name
from regkit.cli.record import make_record, sha256
from regkit.cli.terminal import progress, say
from regkit.io import publish, save, write_transform
from regkit.metrics import dice, summarise_dice
from regkit.registration.pipeline import register
from regkit.registration.result import Result
from regkit.resample import warp
from regkit.transforms import Affine, Transform
from regkit.volume import Labels, Volume

_IN_REPORT = ("preset", "seed", "device", "seconds", "peak_memory_mb", "inputs")
# As many as share a disk without harm; compressing and drawing keep two cores busy.
_WRITERS = 2
_STEPS = 2.0**10
_TO_TRY = (
    "Try --init with a rough alignment by hand, masks of what both images show, --similarity mind, "
    "or --transform rigid."
)


@dataclass(frozen=True)
class Done:
    """A finished run: where it is and what it says about itself."""

    folder: Path
    record: dict[str, Any]

    def as_json(self) -> str:
        """The record and the folder, for another program."""
        return json.dumps({"folder": str(self.folder), **self.record}, indent=2)

    def as_text(self) -> str:
        """The files, one a line."""
        return "\n".join(str(self.folder / name) for name in self.record["outputs"])


def run(plan: Plan, pair: Pair, *, quiet: bool) -> Done:
    """Register, measure, and write the folder of ``plan``: all of it or nothing."""
    started = time.perf_counter()
    before = label_overlap(pair, pair.initial or Affine.identity(pair.fixed.ndim))
    # Staged from the start: a folder that cannot be written fails before the work.
    with publish(plan.folder, overwrite=plan.overwrite, last=RECORD, names=plan.outputs) as staging:
        result = _register(plan, pair, quiet=quiet)
        onto = result.fixed.grid
        labels = [warp(each, result.transform, onto=onto) for each in pair.moving_labels]
        seconds = time.perf_counter() - started
        record = make_record(
            plan, result, notices=notices(pair, plan), before=before, seconds=seconds
        )
        record = write(staging, plan, result, labels, record)
    say(_summary(record), quiet=quiet)
    say(_quality(record["quality"]), quiet=quiet)
    return Done(plan.folder, record)


def _register(plan: Plan, pair: Pair, *, quiet: bool) -> Result:
    with progress(quiet=quiet) as report:
        result = register(
            pair.fixed,
            pair.moving,
            config=plan.config,
            fixed_mask=pair.fixed_mask,
            moving_mask=pair.moving_mask,
            fixed_labels=pair.fixed_labels if plan.config.dice else None,
            moving_labels=pair.moving_labels[0] if plan.config.dice else None,
            initial=pair.initial,
            progress=report,
        )
    after = label_overlap(pair, result.transform)
    return replace(result, metrics={**result.metrics, **after})


def label_overlap(pair: Pair, phi: Transform) -> dict[str, float]:
    """Dice of fixed's labels and the first of moving's through ``phi``, mean and worst.

    Empty without labels of fixed. ``phi`` takes world points of fixed to those of moving.

    Raises
    ------
    InputError
        If no structure occurs in either map.
    """
    if pair.fixed_labels is None:
        return {}
    warped = warp(pair.moving_labels[0], phi, onto=pair.fixed_labels.grid)
    found = summarise_dice(dice(pair.fixed_labels, warped))
    return {"dice_mean": found.mean, "dice_worst": found.worst}


def write(
    folder: Path, plan: Plan, result: Result, labels: list[Labels], record: dict[str, Any]
) -> dict[str, Any]:
    """Every file of ``plan`` into ``folder``, some side by side, the record last; what it says."""
    about = {name: record[name] for name in _IN_REPORT}
    if record["notices"]:
        about["notices"] = "; ".join(record["notices"])
    before = record["metrics_before"]
    _side_by_side(
        # The one that takes longest comes first.
        lambda: _write_report(result, folder / "report.html", run=about, before=before),
        lambda: save(shortened(result.jacobian), folder / "jacobian.nii.gz"),
        lambda: write_transform(result.transform, folder / "transform.h5"),
        lambda: write_transform(result.inverse, folder / "inverse.h5"),
        lambda: save(result.warped, folder / "warped.nii.gz"),
        *(
            partial(save, warped, folder / warped_name(path))
            for path, warped in zip(plan.paths.moving_labels, labels, strict=True)
        ),
    )
    digests = {name: sha256(folder / name) for name in plan.outputs if name != RECORD}
    whole = record | {"sha256": digests}
    text = json.dumps(whole, indent=2, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    return whole


def _write_report(*args: Any, **kwargs: Any) -> None:
    """:func:`regkit.report.html.write_report`, whose imports are a job like the others."""
    from regkit.report.html import write_report

    write_report(*args, **kwargs)


def shortened(jacobian: Volume) -> Volume:
    """Determinants on a raster of 2**-10, off by 5e-4 at most, for half the time to compress.

    None becomes 0 by it: the file has the folding that the record has.
    """
    near = (jacobian.data * _STEPS).round() / _STEPS
    return jacobian.with_data(torch.where(near == 0, jacobian.data, near))


def _side_by_side(*jobs: Callable[[], object]) -> None:
    """Call all; after a failure start none of those that wait, and raise it."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _quality(quality: dict[str, Any]) -> str:
    """One line a person cannot miss."""
    if quality["verdict"] == "pass":
        return f"quality pass; {len(quality['checks'])} checks, judge the fit by the pictures"
    what = "FAIL, hardly right" if quality["verdict"] == "fail" else "DOUBTFUL, look before use"
    advice = f" {_TO_TRY}" if quality["verdict"] == "fail" else ""
    return f"quality {what}: {' '.join(quality['reasons'])}{advice}"


def _summary(record: dict[str, Any]) -> str:
    metrics, before = record["metrics"], record["metrics_before"]
    facts = [f"{record['config']['similarity']} ({record['reason']})"]
    if metrics.get("folding") is not None:
        facts.append(f"folding {100 * metrics['folding']:.3g} %")
    if "dice_mean" in before:
        facts.append(f"mean Dice {metrics['dice_mean']:.3f}, {before['dice_mean']:.3f} before")
    return f"done    {'; '.join(facts)}; {record['seconds']:.0f} s"
