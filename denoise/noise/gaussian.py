"""Gaussian noise: the same everywhere, or by a map."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Additive noise of mean zero.

    Parameters
    ----------
    sigma
        Standard deviation in intensities: one number, or a map ``(*spatial)``.

    Examples
    --------
    >>> import torch
    >>> model = Gaussian(2.0)
    >>> model.stabilise(torch.tensor([4.0, 6.0]))
    tensor([2., 3.])
    >>> model.restore(model.stabilise(torch.tensor([4.0, 6.0])))
    tensor([4., 6.])
    """

    sigma: float | Tensor
    name: str = "gaussian"

    @property
    def level(self) -> float:
        """The standard deviation; the middle one of a map."""
        return float(self.sigma.median()) if isinstance(self.sigma, Tensor) else self.sigma

    def stabilise(self, noisy: Tensor) -> Tensor:
        """Divide by the standard deviation."""
        return noisy / self.sigma

    def restore(self, mean: Tensor) -> Tensor:
        """Multiply by the standard deviation."""
        return mean * self.sigma
