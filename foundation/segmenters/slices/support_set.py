"""A network that learns from segmented examples what is meant, such as UniverSeg."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from foundation.prompts import PromptKind, Prompts, SupportPair
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.lattice import probabilities_on, resample_to_grid
from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from foundation.segmenters.slices.slice_wise import slice_grid
from foundation.segmenters.weights import as_named
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.volume import Volume

SupportNetwork = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Pictures ``(1, 1, n, n)``, examples and their masks ``(1, S, 1, n, n)`` to logits."""
_CAPABILITIES = Capabilities((PromptKind.SUPPORT,))
_SIDE, _MOST = 128, 16  # pixels an axis, and examples, as UniverSeg was trained and tried


def open_support_set(path: Path | None) -> SupportSetSegmenter:
    """A 2-D network shown segmented examples, in support-set=FILE of TorchScript.

    It is called as UniverSeg is, with pictures of 128 x 128 pixels from 0 to 1: ``(1, 1, n, n)``,
    examples ``(1, S, 1, n, n)`` and their masks, and returns logits ``(1, 1, n, n)``.

    Parameters
    ----------
    path
        The file. TorchScript runs its own code when it is called; open what you trust.

    Raises
    ------
    MissingWeightsError
        If there is no such file.
    InputError
        If it is no TorchScript.
    """
    if path is None or not path.is_file():
        raise MissingWeightsError(
            f"{as_named('support-set', path)}: there is no such file; write support-set=FILE with "
            "a network such as UniverSeg, saved by torch.jit.trace"
        )
    try:
        network = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise InputError(f"{path.name}: is no TorchScript module") from error
    about = replace(_CAPABILITIES, weights=sha256(path))
    return SupportSetSegmenter(network, about, f"support-set={path.name}")


@dataclass
class SupportSetSegmenter:
    """Every slice of an image, by slices of other images in which the structure is segmented.

    Parameters
    ----------
    network
        See :data:`SupportNetwork`.
    capabilities, name
        As of every segmenter.
    side
        Pixels along each axis of a picture.
    most
        Examples at most; of more, those are taken that are spread evenly over the structure.
    """

    network: SupportNetwork
    capabilities: Capabilities = _CAPABILITIES
    name: str = "support-set"
    side: int = _SIDE
    most: int = _MOST
    image: Volume | None = None

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image of one channel ``(1, i, j, k)``.

        Raises
        ------
        InputError
            If it is another.
        """
        check_one_channel(image, self.name)
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what is labelled, with any label, in the examples.

        Raises
        ------
        UnsupportedPromptError
            If another kind of prompt is given, or none.
        InputError
            If no image was set, an example is not of one channel in 3-D, or nothing is labelled.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        if not prompts.support:
            raise UnsupportedPromptError(f"{self.name} needs segmented examples; give some")
        examples = list(self._examples(prompts.support))
        kept = np.unique(np.linspace(0, len(examples) - 1, self.most).round().astype(int))
        shown = [
            torch.stack(each)[None, :, None]
            for each in zip(*(examples[n] for n in kept), strict=True)
        ]
        grid = picture_grid(image.grid)
        with torch.no_grad():
            logits = [self._logits(picture, *shown) for picture in self._pictures(image, grid)]
        seen = grid.with_shape((self.side, self.side, grid.shape[2]))
        whole = torch.stack(logits, -1)[None]
        details = {"examples": len(kept), "slices": grid.shape[2]}
        return Segmentation.of(probabilities_on(whole, seen, image), details)

    def reset(self) -> None:
        """Forget the image."""
        self.image = None

    def _examples(self, support: tuple[SupportPair, ...]) -> Iterator[tuple[Tensor, Tensor]]:
        """Pictures ``(n, n)`` and masks of all slices that hold something, image after image."""
        found = 0
        for pair in support:
            check_one_channel(pair.image, self.name)
            grid = picture_grid(pair.image.grid)
            inside = Volume((pair.labels.data > 0).float(), pair.labels.grid, pair.labels.name)
            masks = self._resized(resample_to_grid(inside, grid)[0]) > 0.5
            for picture, mask in zip(self._pictures(pair.image, grid), masks, strict=True):
                if bool(mask.any()):
                    found += 1
                    yield picture, mask.float()
        if not found:
            raise InputError(f"{self.name}: nothing is labelled in the examples; give others")

    def _pictures(self, image: Volume, grid: Grid) -> Iterator[Tensor]:
        """Slices ``(n, n)`` from 0 to 1."""
        data = resample_to_grid(image, grid)[0]
        low, high = float(data.min()), float(data.max())
        if not high > low:
            raise InputError(f"{image.name or 'image'}: {self.name} needs an image with contrast")
        yield from self._resized((data - low) / (high - low))

    def _resized(self, data: Tensor) -> Tensor:
        size = (self.side, self.side)
        slices = data.permute(2, 0, 1)[:, None]
        return functional.interpolate(slices, size, mode="bilinear", antialias=True)[:, 0]

    def _logits(self, picture: Tensor, images: Tensor, masks: Tensor) -> Tensor:
        found = self.network(picture[None, None], images, masks)
        if found.shape != (1, 1, self.side, self.side):
            raise InputError(
                f"{self.name} returned {tuple(found.shape)}; it must return logits of "
                f"{(1, 1, self.side, self.side)}"
            )
        return found[0, 0]


def picture_grid(grid: Grid) -> Grid:
    """Store a grid so that its last axis counts slices, which are square fields of square pixels.

    Parameters
    ----------
    grid
        Of an image.
    """
    plain = slice_grid(grid)
    side = max(plain.shape[:2])
    start = [-((side - n) // 2) for n in plain.shape[:2]]
    return plain.window([*start, 0], [side, side, plain.shape[2]])
