"""Functions that are known at points, as stabilising transforms without a formula are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class RisingFunction:
    """A rising function through points, straight between them and beyond the last ones.

    Examples
    --------
    >>> square = RisingFunction(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0]))
    >>> square(torch.tensor([0.5, 3.0]))
    tensor([0.5000, 7.0000])
    >>> square.inverse(torch.tensor([7.0]))
    tensor([3.])
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def __call__(self, values: Tensor) -> Tensor:
        """The function at ``values`` of any shape."""
        return _interpolated(values, self.x, self.y)

    def inverse(self, values: Tensor) -> Tensor:
        """Where the function takes ``values``."""
        return _interpolated(values, self.y, self.x)


def _interpolated(values: Tensor, x: NDArray[np.float64], y: NDArray[np.float64]) -> Tensor:
    knots, heights = torch.from_numpy(x), torch.from_numpy(y)
    at = values.detach().cpu().double().contiguous()
    cell = (torch.searchsorted(knots, at) - 1).clamp_(0, len(x) - 2)
    slope = (heights[cell + 1] - heights[cell]) / (knots[cell + 1] - knots[cell])
    return (heights[cell] + slope * (at - knots[cell])).to(values)
