"""VISTA3D: structures of CT by their name, or points, refined by more points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from foundation.prompts import PointPrompt, PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.lattice import isotropic_grid, probabilities_on, resample_to_grid
from foundation.segmenters.monai_bundle import channel_names
from foundation.segmenters.on_grid import mask_on
from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from foundation.segmenters.weights import as_named, fill_network
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.volume import Volume

_CAPABILITIES = Capabilities(
    (PromptKind.POINTS, PromptKind.CLASSES, PromptKind.PREVIOUS),
    combinable=True, licence="NVIDIA OneWay Noncommercial",
)  # fmt: skip
_SPACING_MM, _WINDOW, _OVERLAP = 1.5, 128, 0.25
_HOUNSFIELD = (-963.8247715525971, 1053.678477684517)  # to 0 and 1, as it was trained
_KNOWN = 132
# Tumours and vessels, whose points the network takes as 2 and 3 in the place of 0 and 1.
_SPECIAL = (23, 24, 25, 26, 27, 57, 128)
_NOWHERE, _SURE = -9999.0, 9999.0  # the logits that the network itself gives
_WEIGHTS = ("models/model.pt", "model.pt")


def open_vista3d(path: Path | None) -> Vista3d:
    """VISTA3D by MONAI, in vista3d=FILE or its bundle's FOLDER (weights unverified).

    Parameters
    ----------
    path
        ``model.pt``, or the folder of the bundle, whose metadata name the structures; with the
        file alone they are numbers from 1 to 132.

    Raises
    ------
    MissingWeightsError
        If they are not there.
    InputError
        If MONAI is not installed, or the weights are of another network.
    """
    weights = None if path is None else _weights_at(path)
    if path is None or weights is None:
        raise MissingWeightsError(
            f"{as_named('vista3d', path)}: there is no model.pt; download the MONAI bundle vista3d "
            "and write vista3d=FOLDER (its weights are not for commercial use)"
        )
    network = vista3d_network()
    fill_network(network, read_checkpoint(weights, entry="model"), weights.name)
    names = channel_names(path)[1:] or tuple(str(n) for n in range(1, _KNOWN + 1))
    return Vista3d(network, replace(_CAPABILITIES, classes=names, weights=sha256(weights)))


def vista3d_network(width: int = 48) -> nn.Module:
    """Build the network with random weights; ``width`` 48 is that of the released ones.

    Raises
    ------
    InputError
        If MONAI is not installed.
    """
    network: nn.Module = require("monai.networks.nets", extra="monai").vista3d132(width)
    return network


@dataclass
class Vista3d:
    """The network in windows: all over for a name, around each point for points.

    Parameters
    ----------
    network
        Frozen here, and put in evaluation mode.
    capabilities
        Its ``classes`` are the structures 1, 2, 3, ... of the network.
    window
        Voxels an axis that the network sees at once, a multiple of 16.
    """

    network: nn.Module
    capabilities: Capabilities = _CAPABILITIES
    window: int = _WINDOW
    name: str = "vista3d"
    image: Volume | None = None

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    def set_image(self, image: Volume) -> None:
        """Take a CT ``(1, i, j, k)`` in Hounsfield units, whose world has a unit of length.

        Raises
        ------
        InputError
            If it has other dimensions.
        """
        check_one_channel(image, self.name)
        image.grid.world.scale_to("mm")
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what a name or points show; points correct a name or an earlier result.

        Raises
        ------
        UnsupportedPromptError
            If another kind is given, neither a name nor points, or several names with points.
        InputError
            If no image was set, or no point inside lies in it.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        numbers = self._numbers(prompts)
        grid = isotropic_grid(image.grid, _SPACING_MM)
        low, high = _HOUNSFIELD
        seen = ((resample_to_grid(image, grid) - low) / (high - low)).clamp(0, 1)[None]
        with torch.no_grad():
            logits = self._logits(seen, prompts, grid, numbers)
        # What lies in no window has no logit.
        logits = torch.as_tensor(logits).nan_to_num(nan=_NOWHERE).clamp(_NOWHERE, _SURE)
        details = {"classes": numbers, "seen_shape": list(grid.shape), "window": self.window}
        return Segmentation.of(probabilities_on(logits.amax(1), grid, image), details)

    def reset(self) -> None:
        """Forget the image."""
        self.image = None

    def _numbers(self, prompts: Prompts) -> list[int]:
        names = list(self.capabilities.classes) or [str(n) for n in range(1, _KNOWN + 1)]
        unknown = [name for name in prompts.classes if name not in names]
        if unknown:
            raise UnsupportedPromptError(f"{self.name} knows no class {unknown[0]!r}")
        if prompts.points is None and not prompts.classes:
            raise UnsupportedPromptError(f"{self.name} needs a name or points; give one")
        if prompts.points is not None and len(prompts.classes) > 1:
            raise UnsupportedPromptError(f"{self.name} takes points for one name, not for several")
        return [1 + names.index(name) for name in prompts.classes]

    def _logits(self, seen: Tensor, prompts: Prompts, grid: Grid, numbers: list[int]) -> Tensor:
        """``(1, B, *grid.shape)``, of each class or of what the points show."""
        before = None if prompts.previous is None else _logit(mask_on(prompts.previous, grid))
        if before is None and numbers:
            before = self._everywhere(seen, numbers)
        if prompts.points is None:
            return before if before is not None else torch.full_like(seen, _NOWHERE)
        around: Any = require("monai.apps.vista3d.inferer", extra="monai")
        coordinates, signs = _clicks(prompts.points, grid, numbers, self.name)
        found: Tensor = around.point_based_window_inferer(
            inputs=seen, roi_size=(self.window,) * 3, predictor=self.network,
            point_coords=coordinates, point_labels=signs, prev_mask=before, transpose=True,
            prompt_class=torch.tensor([[n] for n in numbers]) if numbers else None,
        )  # fmt: skip
        return found if before is not None else _touched(found, coordinates[0][signs[0] % 2 == 1])

    def _everywhere(self, seen: Tensor, numbers: list[int]) -> Tensor:
        def predict(windows: Tensor) -> Any:
            return self.network(
                windows, class_vector=torch.tensor([[n] for n in numbers]), transpose=True
            )

        slide: Any = require("monai.inferers", extra="monai").sliding_window_inference
        how = {"roi_size": (self.window,) * 3, "overlap": _OVERLAP, "mode": "gaussian"}
        found: Tensor = slide(seen, sw_batch_size=1, predictor=predict, **how)
        return found


def _weights_at(path: Path) -> Path | None:
    places = [path] if path.is_file() else [path / name for name in _WEIGHTS]
    return next((place for place in places if place.is_file()), None)


def _touched(logits: Tensor, inside: Tensor) -> Tensor:
    """What hangs together with one of the voxels ``inside (N, 3)``, as the bundle keeps it."""
    numbers, _ = ndimage.label((logits[0, 0] > 0).numpy())
    kept = [n for n in numbers[tuple(inside.long().T.numpy())] if n]
    return torch.where(torch.from_numpy(np.isin(numbers, kept)), logits, _NOWHERE)


def _logit(chance: Tensor) -> Tensor:
    return torch.logit(chance.clamp(1e-4, 1 - 1e-4))[None]


def _clicks(
    points: PointPrompt, grid: Grid, numbers: list[int], model: str
) -> tuple[Tensor, Tensor]:
    """Indices ``(1, N, 3)`` and what they mean, ``(1, N)``."""
    inside = grid.contains(points.points.xyz)
    if not bool(inside.all()):
        first = points.points.xyz[~inside][0].tolist()
        raise InputError(f"point {first} lies outside the image; give one that is in it")
    if not bool(torch.as_tensor(points.positive).any()):
        raise UnsupportedPromptError(f"{model} needs a point inside the structure; give one")
    special = 2 if numbers and numbers[0] in _SPECIAL else 0
    signs = torch.as_tensor(points.positive).long()[None] + special
    return grid.to_index(points.points.xyz).round().float()[None], signs
