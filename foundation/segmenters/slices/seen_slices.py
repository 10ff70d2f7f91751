"""SeenSlices: the slices of an image, and what a model computed of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from regkit.volume import Volume

_MOST = 64  # embeddings of one image that are kept; those of SAM 2 take 16 MB each


@dataclass
class SeenSlices:
    """Slices of a volume by their number, each as the embedding of a model, computed once.

    Parameters
    ----------
    volume
        ``(1, H, W, n)`` from 0 to 1, slices along the last axis.
    embed
        Takes a picture ``(H, W)``.
    most
        Embeddings that are kept; of more, the first is forgotten.
    """

    volume: Volume
    embed: Callable[[Tensor], Any]
    most: int = _MOST
    _embeddings: dict[int, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """The size of a slice ``(H, W)``, in pixels."""
        return self.volume.shape[0], self.volume.shape[1]

    def __len__(self) -> int:
        return self.volume.shape[2]

    def __getitem__(self, number: int) -> Any:
        if number not in self._embeddings:
            if len(self._embeddings) >= self.most:
                self._embeddings.pop(next(iter(self._embeddings)))
            self._embeddings[number] = self.embed(self.volume.data[0, ..., number])
        return self._embeddings[number]
