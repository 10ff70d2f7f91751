"""What three small networks look at, and what a whole protocol costs.

``python -m benchmarks.reliance DATA [--only xrays tiles pictures match speed peers] [--json
FILE]``. DATA is the folder of real images. Networks are trained here, from nothing, in minutes;
places that a network was trained on are never among those that it is judged by.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.machine import describe
from benchmarks.reliance_matching import matching_table
from benchmarks.reliance_peers import peers_table
from benchmarks.reliance_speed import speed_table
from benchmarks.table import Row, Table
from probes.images.bands import Bands
from probes.images.samples import ImageSamples
from probes.reliance.answers import ask_all, check_conditions, conditions_of
from probes.reliance.chance import chance
from probes.reliance.classifiers import class_answers
from probes.reliance.index import Reliance, reliance
from probes.reliance.skill import bootstrap_weights
from probes.reliance.suppressor import suppressor_called, usual_suppressors

_TILE, _EPOCHS, _RESAMPLES = 8, 20, 1000
_OTHERS = ("match", "speed", "peers")


@dataclass(frozen=True, eq=False)
class SplitSamples:
    """Images to learn from, ``(N, C, *spatial)``, their classes, and samples to be judged by."""

    images: Tensor
    classes: Tensor
    judged: ImageSamples


def xrays(data: Path) -> SplitSamples:
    """Chest X-rays with and without pneumonia, 28 x 28; the archive names no patients."""
    with np.load(data / "pneumoniamnist.npz") as found:
        images = {s: torch.from_numpy(found[f"{s}_images"])[:, None] for s in ("train", "test")}
        labels = {s: found[f"{s}_labels"][:, 0].astype(np.float64) for s in ("train", "test")}
    judged = ImageSamples(images["test"], labels["test"], [""] * len(labels["test"]))
    classes = torch.from_numpy(labels["train"]).long()
    return SplitSamples(images["train"][::2].float(), classes[::2], judged)


def tiles(data: Path) -> SplitSamples:
    """Tiles of five Sentinel-2 dates, 13 bands, by their most frequent land cover.

    Every other column of tiles is learnt from; a place with its five dates is one subject. Classes
    with fewer than ten places on either side are left out.
    """
    folder = data / "satellite"
    scenes = np.load(folder / "sentinel2_l1c_13band_5scenes.npy").astype(np.float32)
    cover = np.load(folder / "lulc.npy").squeeze()
    places = [
        (row, column)
        for row in range(0, scenes.shape[1] - _TILE + 1, _TILE)
        for column in range(0, scenes.shape[2] - _TILE + 1, _TILE)
    ]
    classes = np.array([_most(cover[r : r + _TILE, c : c + _TILE]) for r, c in places])
    learnt = np.array([(column // _TILE) % 2 == 0 for _, column in places])
    kept = [
        value
        for value in np.unique(classes)
        if min((classes[side] == value).sum() for side in (learnt, ~learnt)) >= 10
    ]
    sides = [np.nonzero(side & np.isin(classes, kept))[0] for side in (learnt, ~learnt)]
    images = [_dates_of(scenes, [places[n] for n in own]) for own in sides]
    truth = [np.repeat([float(kept.index(classes[n])) for n in own], len(scenes)) for own in sides]
    subjects = [str(places[n]) for n in sides[1] for _ in scenes]
    judged = ImageSamples(images[1], truth[1], subjects, subjects=subjects)
    return SplitSamples(images[0], torch.from_numpy(truth[0]).long(), judged)


def _most(values: NDArray[np.generic]) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def _dates_of(scenes: NDArray[np.float32], places: Sequence[tuple[int, int]]) -> Tensor:
    """All dates of one place, then those of the next, bands first."""
    cut = [scenes[:, r : r + _TILE, c : c + _TILE] for r, c in places]
    return torch.from_numpy(np.concatenate(cut)).permute(0, 3, 1, 2)


def pictures(data: Path) -> SplitSamples:
    """Pieces of six photographs of scikit-image, by the photograph: left halves are learnt from."""
    from skimage import data as packaged

    names = ("astronaut", "chelsea", "coffee", "immunohistochemistry", "retina", "rocket")
    learnt: list[tuple[NDArray[np.uint8], int]] = []
    judged: list[tuple[NDArray[np.uint8], int]] = []
    generator = np.random.default_rng(0)
    for number, name in enumerate(names):
        image = getattr(packaged, name)()[..., :3]
        half = image.shape[1] // 2
        for part, into, count in ((image[:, :half], learnt, 150), (image[:, half:], judged, 60)):
            rows = generator.integers(part.shape[0] - 64, size=count)
            columns = generator.integers(part.shape[1] - 64, size=count)
            into += [
                (part[r : r + 64, c : c + 64], number) for r, c in zip(rows, columns, strict=True)
            ]
    images, asked = (
        torch.from_numpy(np.stack([piece for piece, _ in own])).permute(0, 3, 1, 2)
        for own in (learnt, judged)
    )
    truth = np.array([number for _, number in judged], np.float64)
    classes = torch.tensor([number for _, number in learnt])
    return SplitSamples(images.float(), classes, ImageSamples(asked, truth, [""] * len(truth)))


CASES: dict[str, Callable[[Path], SplitSamples]] = {
    "xrays": xrays, "tiles": tiles, "pictures": pictures,
}  # fmt: skip


def trained(split: SplitSamples) -> Callable[[Tensor], Tensor]:
    """Train a network of four convolutions on standardised bands."""
    torch.manual_seed(0)
    bands = Bands.of(split.images)
    classes = int(split.classes.max()) + 1
    layers: list[nn.Module] = []
    before = bands.count
    for after, stride in ((16, 1), (32, 2), (64, 2), (64, 1)):
        layers += [nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU()]
        before = after
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))
    images = bands.standardised(split.images)
    share = split.classes.bincount(minlength=classes).float()
    weight = share.sum() / (classes * share.clamp_min(1))
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    steps = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _EPOCHS)
    for _ in range(_EPOCHS):
        for own in torch.randperm(len(images)).split(64):
            shown = images[own].flip(-1) if torch.rand(()) < 0.5 else images[own]
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(shown), split.classes[own], weight).backward()
            optimiser.step()
        steps.step()
    network.eval()
    return lambda shown: network(bands.standardised(shown))


def measured(split: SplitSamples) -> tuple[Reliance, int]:
    """What a network loses, judged by the area under the ROC curve; and how many subjects."""
    samples = split.judged
    if samples.truth is None:
        raise ValueError("the cases of this benchmark have classes")
    bands = Bands.of(samples.images.float())
    conditions = conditions_of(usual_suppressors(bands.count), 3)
    refused = check_conditions(samples, bands, conditions)
    conditions = [each for each in conditions if each not in refused]
    answers = ask_all(class_answers(trained(split)), samples, bands, conditions)
    generator = np.random.default_rng(0)
    weights = bootstrap_weights(len(samples), _RESAMPLES, generator, samples.subjects)
    least = chance("ranking", samples.truth, weights)
    found = reliance(answers, conditions, samples.truth, "ranking", weights, chance=least)
    return found, len(set(samples.subjects or range(len(samples))))


def reliance_table(data: Path, only: Sequence[str]) -> Table:
    """Every case that was asked for, a row for each suppressor."""
    rows: list[Row] = []
    for name in only:
        begin = time.perf_counter()
        found, subjects = measured(CASES[name](data))
        seconds = time.perf_counter() - begin
        for each in found.indices:
            rows.append({
                "data": name, "n": subjects, "AUC": found.plain.estimate,
                "suppressor": each.suppressor, "cue": suppressor_called(each.suppressor).cue,
                "index": each.index.estimate, "low": each.index.low, "high": each.index.high,
                "s": seconds,
            })  # fmt: skip
    columns = {"data": "", "n": "", "AUC": ".3f", "suppressor": "", "cue": "", "index": ".2f",
               "low": ".2f", "high": ".2f", "s": ".0f"}  # fmt: skip
    notes = (
        "Index: one minus the mean share of (AUC - 0.5) that is left over the levels that the "
        "images allow; intervals of 95 % by subject. Seconds hold the training.",
    )
    return Table("What small networks rely on", columns, rows, notes)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables, and keep them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=(*CASES, *_OTHERS), default=[*CASES, *_OTHERS])
    parser.add_argument("--images", type=int, default=64, help="of speed and peers")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(words)
    print("\n".join(f"- {what}: {value}" for what, value in describe().items()), flush=True)
    tables = []
    if cases := [name for name in wanted.only if name in CASES]:
        tables.append(reliance_table(wanted.data, cases))
    if "match" in wanted.only:
        tables.append(matching_table({name: CASES[name](wanted.data).judged for name in CASES}))
    if "speed" in wanted.only:
        tables.append(speed_table(wanted.images, 224))
    if "peers" in wanted.only:
        tables.append(peers_table(wanted.images))
    for table in tables:
        print(f"\n{table.markdown()}", flush=True)
    if wanted.json:
        wanted.json.write_text(json.dumps([table.as_dict() for table in tables], indent=1))


if __name__ == "__main__":
    main()
