"""What a whole protocol of feature reliance costs, in CPU seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.table import Row, Table
from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.samples import ImageSamples
from probes.reliance.answers import PLAIN, OnBatch, ask_all, conditions_of
from probes.reliance.classifiers import class_answers
from probes.reliance.suppressor import SUPPRESSORS, usual_suppressors

_BATCH, _PASSES = 32, 8


def speed_table(images: int, size: int) -> Table:
    """The whole protocol against as many plain forward passes of a ResNet-18, in CPU seconds."""
    from regkit.optional_packages import mend_torchvision

    mend_torchvision()
    import timm

    network = timm.create_model("resnet18", pretrained=False, num_classes=10).eval()
    shown = torch.rand(images, 3, size, size, generator=torch.Generator().manual_seed(0))
    samples = ImageSamples(shown, np.arange(images, dtype=np.float64) % 2, [""] * images)
    bands = Bands.of(shown)
    conditions = conditions_of(tuple(SUPPRESSORS), 3)
    plain = _cpu_seconds(partial(_forward, network, shown, _PASSES // 2))
    clock = AnswerClock(class_answers(network))
    ask_all(clock, samples, bands, conditions, batch_size=_BATCH, on_share=_say_share)
    plain += _cpu_seconds(partial(_forward, network, shown, _PASSES // 2))
    suppressing, asking = clock.seconds(len(conditions))
    rows: list[Row] = []
    for title, names in (("usual", usual_suppressors(3)), ("all", tuple(SUPPRESSORS))):
        own = [n for n, each in enumerate(conditions) if each.suppressor in (PLAIN, *names)]
        whole = float((suppressing[own] + asking[own]).sum())
        passes = plain / _PASSES * len(own)
        rows.append({"suppressors": f"{title} ({len(names)})", "passes": len(own),
                     "images": images, "protocol CPU s": whole, "passes CPU s": passes,
                     "ratio": whole / passes,
                     "1 000 images, h": whole / images / 3.6 / 2})  # fmt: skip
    columns = {"suppressors": "", "passes": "", "images": "", "protocol CPU s": ".1f",
               "passes CPU s": ".1f", "ratio": ".2f", "1 000 images, h": ".2f"}  # fmt: skip
    by_name = {
        name: sum(suppressing[n] for n, each in enumerate(conditions) if each.suppressor == name)
        for name in SUPPRESSORS
    }
    shares = ", ".join(f"{name} {1e3 * spent / images:.0f}" for name, spent in by_name.items())
    notes = (
        "CPU s: of all cores, which other work on the machine changes less than wall time. Plain "
        f"passes are timed {_PASSES} times, half of them before the protocol and half after it. "
        "The last column is what 1 000 images would take on two cores of its own, in proportion.",
        f"CPU ms of an image at all levels and draws, without the network: {shares}.",
    )
    title = f"A whole protocol against plain forward passes, {size}x{size}"
    return Table(title, columns, rows, notes)


class AnswerClock:
    """Asks as another does, and knows the CPU time within and between its calls."""

    def __init__(self, ask: OnBatch) -> None:
        self._ask = ask
        self._between: list[float] = []
        self._within: list[float] = []
        self._left = time.process_time()

    def __call__(self, batch: Batch) -> NDArray[np.float32]:
        """Ask about a batch."""
        begin = time.process_time()
        found = self._ask(batch)
        end = time.process_time()
        self._between.append(begin - self._left)
        self._within.append(end - begin)
        self._left = end
        return found

    def seconds(self, conditions: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds of each condition over all batches: suppressing, and asking."""
        between, within = (
            np.reshape(each, (-1, conditions)).sum(0) for each in (self._between, self._within)
        )
        return between, within


def _say_share(share: float) -> None:
    print(f"\r{100 * share:.1f} %", end="", file=sys.stderr, flush=True)


def _cpu_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


@torch.no_grad()
def _forward(network: nn.Module, images: Tensor, times: int) -> None:
    for _ in range(times):
        for own in images.split(_BATCH):
            network(own)
