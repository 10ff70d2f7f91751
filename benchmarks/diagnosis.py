"""What the three diagnoses cost: 1 000 images of 64 x 64 and a ResNet-18.

``python -m benchmarks.diagnosis [--images N] [--only attribution redundancy augmentation]
[--mosaics N] [--json FILE]``. The images are noise whose class is the band that holds bright
squares; the network is trained on them for a minute. This measures time, and nothing of any model.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.machine import describe
from benchmarks.table import Row, Table
from probes.diagnosis.attribution.config import AttributionConfig
from probes.diagnosis.attribution.study import run_attribution
from probes.diagnosis.augmentation.changes import BAND_AUGMENTATIONS
from probes.diagnosis.augmentation.consistency import all_consistencies
from probes.diagnosis.augmentation.dates import observed_place
from probes.diagnosis.redundancy.probing import width_curve
from probes.diagnosis.redundancy.sides import ProbedImages
from probes.images.samples import ImageSamples
from regkit.optional_packages import mend_torchvision

_SIZE, _CLASSES, _DATES, _EPOCHS = 64, 3, 5, 2
_network: list[nn.Module] = []


def squares(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images ``(N, 3, 64, 64)`` of noise with bright squares in the band of their class."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(count) % _CLASSES
    images = 0.5 * torch.randn(count, _CLASSES, _SIZE, _SIZE, generator=generator)
    places = torch.randint(0, _SIZE - 8, (count, 6, 2), generator=generator).tolist()
    for image, own, corners in zip(images, classes.tolist(), places, strict=True):
        for row, column in corners:
            image[own, row : row + 8, column : column + 8] += 1.5
    return images, classes


def resnet(classes: int = _CLASSES) -> nn.Module:
    """A ResNet-18 of timm that tells the squares apart; without classifier for 0 classes."""
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    network: nn.Module = timm.create_model("resnet18", pretrained=False, num_classes=classes)
    if classes:
        images, truth = squares(480, 1)
        optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
        for _ in range(_EPOCHS):
            for own in torch.randperm(len(images)).split(32):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(images[own]), truth[own]).backward()
                optimiser.step()
    return network.eval()


def opened() -> nn.Module:
    """The network that a configuration names; it is trained before time is taken."""
    return _network[0]


def attribution(images: Tensor, classes: Tensor, mosaics: int) -> None:
    """Five methods by ten metrics, and the metrics by truth and noise."""
    config = AttributionConfig.model_validate({
        "study": "speed", "data": {"name": "squares", "kind": "npz", "path": "none.npz"},
        "models": [{"name": "resnet", "source": "python=benchmarks.diagnosis:opened"}],
        "mosaics": mosaics,
    })  # fmt: skip
    samples = ImageSamples(images, classes.numpy().astype(np.float64), [""] * len(images))
    found = run_attribution(config, samples)["resnet"]
    if found.explained is None:
        raise ValueError(found.methods[0].message)


def redundancy(images: Tensor, classes: Tensor, mosaics: int) -> None:
    """Both probes at five widths."""
    learnt = np.arange(len(images)) % 5 < 3
    width_curve(resnet(0), ProbedImages(images, classes.numpy(), learnt), (0.75, 0.5, 0.25, 0.125))


def augmentation(images: Tensor, classes: Tensor, mosaics: int) -> None:
    """Every augmentation at every strength, on five dates with as many pixels as the images."""
    side = int((len(images) / _DATES) ** 0.5 * _SIZE)
    generator = torch.Generator().manual_seed(0)
    place = 0.1 + torch.rand(1, _CLASSES, side, side, generator=generator)
    light = 1 + 0.1 * torch.randn(_DATES, 1, 1, 1, generator=generator)
    observed = observed_place(place * light)
    all_consistencies(list(BAND_AUGMENTATIONS.values()), observed, colours=(0, 1, 2))


QUESTIONS: dict[str, Callable[[Tensor, Tensor, int], None]] = {
    "attribution": attribution, "redundancy": redundancy, "augmentation": augmentation,
}  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    """Print the table, and keep it as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--mosaics", type=int, default=24, help="that metrics are judged on")
    parser.add_argument("--only", nargs="+", choices=list(QUESTIONS), default=list(QUESTIONS))
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(words)
    print("\n".join(f"- {what}: {value}" for what, value in describe().items()), flush=True)
    images, classes = squares(wanted.images)
    if "attribution" in wanted.only:
        # A process run with -m is __main__, and the configuration imports it by its name.
        import benchmarks.diagnosis as named

        named._network.append(resnet())
    rows: list[Row] = []
    for name in wanted.only:
        begin = time.perf_counter(), time.process_time()
        QUESTIONS[name](images, classes, wanted.mosaics)
        seconds, busy = time.perf_counter() - begin[0], time.process_time() - begin[1]
        rows.append({"diagnosis": name, "s": seconds, "CPU s": busy})
        print(f"{name}: {seconds:.0f} s, of all cores {busy:.0f} s", flush=True)
    notes = (
        f"Metrics of attribution are judged on {wanted.mosaics} mosaics of each kind. CPU s: of "
        "all cores, what is left where others use the machine as well.",
    )
    title = f"Three diagnoses of {wanted.images} images of {_SIZE}x{_SIZE} and a ResNet-18"
    table = Table(title, {"diagnosis": "", "s": ".0f", "CPU s": ".0f"}, rows, notes)
    print(f"\n{table.markdown()}", flush=True)
    if wanted.json:
        wanted.json.write_text(json.dumps(table.as_dict(), indent=1))


if __name__ == "__main__":
    main()
