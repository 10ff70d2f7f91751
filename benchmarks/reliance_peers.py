"""Suppressors alone, against OpenCV's functions image by image, as the reference runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.table import Row, Table
from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.reliance.suppressor import suppressor_called
from regkit.errors import require

Picture = NDArray[np.uint8]
Filter = Callable[[Picture], NDArray[np.generic]]
_SIDE, _BATCH = 224, 32
_NAMES = ("astronaut", "chelsea", "coffee", "immunohistochemistry", "retina", "rocket")


@dataclass(frozen=True)
class PaperLevels:
    """The levels of one suppressor in the paper, here and as calls of OpenCV."""

    name: str
    strengths: Sequence[float]
    peers: Sequence[Filter]


def paper_levels() -> list[PaperLevels]:
    """Every filter of the paper that OpenCV has, at the paper's settings for 224 pixels."""
    cv2 = require("cv2", extra="bench")
    cv2.setNumThreads(torch.get_num_threads())
    alike = [(4, 50), (6, 80), (8, 110), (10, 140), (12, 170), (14, 200)]
    blurs = [(3, 0.33), (5, 0.66), (7, 1.0), (9, 1.33), (11, 1.66), (13, 2.0), (15, 2.33)]
    shares, deviations = (0.2, 0.4, 0.6, 0.8, 1.0), (5, 10, 15, 20, 25)

    def gray(picture: Picture, share: float) -> NDArray[np.generic]:
        flat = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
        mixed: NDArray[np.generic] = np.add((1 - share) * picture, share * flat, dtype=np.float32)
        return mixed

    return [
        PaperLevels(
            "bilateral", [values / 765 for _, values in alike],
            [partial(cv2.bilateralFilter, d=d, sigmaColor=v, sigmaSpace=75) for d, v in alike],
        ),
        PaperLevels(
            "gaussian", [sigma / _SIDE for _, sigma in blurs],
            [partial(cv2.GaussianBlur, ksize=(k, k), sigmaX=sigma) for k, sigma in blurs],
        ),
        PaperLevels(
            "nonlocal-means", [h / 255 for h in deviations],
            [partial(cv2.fastNlMeansDenoising, h=h, templateWindowSize=14, searchWindowSize=21)
             for h in deviations],
        ),
        PaperLevels("luminance", shares, [partial(gray, share=share) for share in shares]),
    ]  # fmt: skip


def peers_table(images: int) -> Table:
    """CPU time of an image at all levels, from 8-bit pictures to what a model is shown."""
    pictures = _pictures(images)
    rows: list[Row] = []
    for levels in paper_levels():
        ours = peers = apart = 0.0
        for strength, peer in zip(levels.strengths, levels.peers, strict=True):
            for own in np.array_split(pictures, -(-images // _BATCH)):
                spent, found = _timed(partial(_suppressed, levels.name, strength, own))
                ours += spent
                spent, wanted = _timed(partial(_filtered, peer, own))
                peers += spent
                apart = max(apart, float((found - wanted).abs().max()))
        rows.append({
            "suppressor": levels.name, "levels": len(levels.strengths), "images": images,
            "regkit CPU ms": ours / images * 1e3, "OpenCV CPU ms": peers / images * 1e3,
            "ratio": ours / peers, "largest difference": apart,
        })  # fmt: skip
    columns = {"suppressor": "", "levels": "", "images": "", "regkit CPU ms": ".1f",
               "OpenCV CPU ms": ".1f", "ratio": ".2f", "largest difference": ".3f"}  # fmt: skip
    notes = (
        f"CPU ms: of an image of {_SIDE} x {_SIDE} at all levels of the paper. The largest "
        "difference is between our values, before rounding, and the grey values of OpenCV.",
    )
    return Table("Suppressors alone, beside OpenCV image by image", columns, rows, notes)


def _pictures(count: int) -> NDArray[np.uint8]:
    """Pieces of six photographs of scikit-image, ``(N, 224, 224, 3)``."""
    packaged = require("skimage.data", extra="bench")
    photographs = [getattr(packaged, name)()[..., :3] for name in _NAMES]
    generator = np.random.default_rng(0)
    pieces = []
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        row, column = (generator.integers(size - _SIDE) for size in photograph.shape[:2])
        pieces.append(photograph[row : row + _SIDE, column : column + _SIDE])
    return np.stack(pieces)


def _suppressed(name: str, strength: float, pictures: NDArray[np.uint8]) -> Tensor:
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().contiguous()
    batch = Batch(images, _EIGHT_BITS)
    return suppressor_called(name)(batch, strength, torch.Generator()).images


def _filtered(peer: Filter, pictures: NDArray[np.uint8]) -> Tensor:
    found = np.stack([peer(picture) for picture in pictures])
    return torch.from_numpy(found).permute(0, 3, 1, 2).float()


def _timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    begin = time.process_time()
    found = work()
    return time.process_time() - begin, found


_EIGHT_BITS = Bands.of(torch.rand(2, 3, 8, generator=torch.Generator().manual_seed(0)) * 255,
                       span=(0, 255))  # fmt: skip
