"""How well the promptable U-Nets that ship find structures of people they never saw.

``python -m benchmarks.promptable DATA`` prints the mean Dice by group of structures and by prompt,
DATA being the folder of real images; ``prompt-unet=FOLDER`` after it is another model to be asked.
Held out of training: brain b, chest 0006, and the MS patient of ``ms_multicontrast``, whose lesions
are like nothing that was trained on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from torch import Tensor

from foundation.prompts import PointPrompt, Prompts
from foundation.segmenters import Segmenter
from foundation.segmenters.prompt_unet.crop import mask_box
from foundation.segmenters.prompt_unet.structures import label_structures
from foundation.segmenters.registry import open_segmenter
from foundation.segmenters.seeds import seed_voxels
from regkit.geometry.affines import homogeneous
from regkit.io import read, read_labels
from regkit.volume import Labels, Points, Volume

_SHIFT = (4.0, 0.0, 0.0)  # mm, RAS
_EVERY = 3  # of the 30 scored structures of the brain, one in so many


def held_out(data: Path) -> Iterator[tuple[str, Volume, list[Volume]]]:
    """Yield groups of structures: a name, an image and masks ``(1, i, j, k)`` on windows of it."""
    brain = read_labels(data / "brain_t1/b_labels.nii.gz").load()
    scored = (data / "brain_t1/score_labels.txt").read_text().split()[::_EVERY]
    masks = [brain.with_data((brain.data == int(n)).to(torch.uint8)) for n in scored]
    yield "brain", read(data / "brain_t1/b_t1.nii.gz").load(), [_cut(mask) for mask in masks]
    lobes = read_labels(data / "chest_mr/0006_lobes.nii.gz").load()
    yield "lobes", read(data / "chest_mr/0006_mr.nii.gz").load(), list(label_structures(lobes))[:-1]
    lesions = list(label_structures(read_labels(data / "ms_multicontrast/lesions.nii.gz").load()))
    for contrast in ("flair", "t1", "t2"):
        image = read(data / f"ms_multicontrast/{contrast}.nii.gz").load()
        yield f"lesions {contrast}", image, lesions


def prompts_of(mask: Volume) -> dict[str, Prompts]:
    """Return prompts of a mask ``(1, i, j, k)``: itself, its innermost point, its box, a shift."""
    (seed,), _ = seed_voxels(Prompts(mask=mask), mask.grid, "benchmark")
    shifted = homogeneous(np.eye(3), _SHIFT) @ mask.grid.affine
    moved = Volume(mask.data, mask.grid.placed(mask.grid.shape, shifted))
    return {
        "mask": Prompts(mask=mask),
        "point": Prompts(points=PointPrompt(Points(mask.grid.to_world(seed.double())[None]))),
        "box": Prompts(boxes=(mask_box(mask),)),
        "shifted 4 mm": Prompts(mask=moved),
    }


def scores(model: Segmenter, image: Volume, masks: list[Volume]) -> dict[str, float]:
    """Return the mean Dice of a model by prompt."""
    model.set_image(image)
    found: dict[str, list[float]] = {}
    for mask in masks:
        for name, prompts in prompts_of(mask).items():
            if all(kind in model.capabilities.kinds for kind in prompts.kinds):
                truth = _whole(mask, image)
                found.setdefault(name, []).append(_dice(model.segment(prompts).mask, truth))
    return {name: mean(values) for name, values in found.items()}


def _cut(mask: Labels) -> Volume:
    (first, *_) = label_structures(mask)
    return first


def _whole(mask: Volume, image: Volume) -> Tensor:
    start = image.grid.to_index(mask.grid.to_world(torch.zeros(3, dtype=torch.float64)))
    first = [-int(n) for n in start.round().tolist()]
    return mask.window(first, image.grid.shape).data


def _dice(found: Labels, truth: Tensor) -> float:
    one, two = found.data > 0, truth > 0
    return 2 * float((one & two).sum()) / max(float(one.sum() + two.sum()), 1.0)


def main(data: Path, names: list[str]) -> None:
    """Print one line a group and model; the echo of a box is the box, filled."""
    models = [open_segmenter(name) for name in names]
    for group, image, masks in held_out(data):
        for model in models:
            line = ", ".join(f"{k} {v:.3f}" for k, v in scores(model, image, masks).items())
            sys.stdout.write(f"{group} (n={len(masks)}), {model.name}: {line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["echo", "prompt-unet", "prompt-unet-robust"])
