"""Find and read natural pictures: those that packages carry, and folders of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError, require

# Photographs only: nothing medical, no drawings, no text.
PACKAGED: dict[str, tuple[str, ...]] = {
    "skimage": tuple(
        f"data/{name}"
        for name in (
            "astronaut.png",
            "brick.png",
            "camera.png",
            "chelsea.png",
            "coffee.png",
            "coins.png",
            "grass.png",
            "gravel.png",
            "moon.png",
            "motorcycle_left.png",
            "rocket.jpg",
        )
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "matplotlib": ("mpl-data/sample_data/grace_hopper.jpg",),
    "imgaug": ("quokka.jpg",),
    "pywt": ("data/aero.npz", "data/ascent.npz"),
    "gradio": tuple(
        f"media_assets/images/{name}" for name in ("cheetah.jpg", "groot.jpeg", "tower.jpg")
    ),
}
_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


def packaged_pictures(packages: Sequence[str]) -> list[Path]:
    """List the pictures of those of ``packages`` that are installed; none of them is imported.

    Raises
    ------
    InputError
        If a package is not one of which the pictures are known.
    """
    unknown = sorted(set(packages) - set(PACKAGED))
    if unknown:
        raise InputError(f"packages: {unknown[0]!r} is not known; allowed: {', '.join(PACKAGED)}")
    found = []
    for name in packages:
        spec = find_spec(name)
        root = Path(spec.origin).parent if spec is not None and spec.origin else None
        found += [root / path for path in PACKAGED[name] if root and (root / path).is_file()]
    return found


def in_folder(folder: Path) -> list[Path]:
    """List the pictures in ``folder`` and below.

    Raises
    ------
    InputError
        If there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise InputError(f"{folder}: holds no pictures ({', '.join(sorted(_SUFFIXES))})")
    return found


def read_grey(path: Path) -> Tensor:
    """Read one picture as luminance ``(1, height, width)`` in [0, 1]."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            grey = np.asarray(file[file.files[0]], dtype=np.float32)
    else:
        image = require("PIL.Image", extra="features")
        with image.open(path) as file:
            grey = np.asarray(file.convert("L"), dtype=np.float32)
    return torch.from_numpy(grey / 255)[None]
