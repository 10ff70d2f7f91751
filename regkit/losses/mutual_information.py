"""Mutual information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.kernels.histogram import (
    histogram_gradient,
    histogram_lookup,
    joint_histogram,
    joint_histogram_reference,
)
from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits

Table = NDArray[np.float64]


@dataclass(frozen=True)
class MutualInformation(Similarity):
    """The loss ``-I(fixed; warped)`` in nats, from a Parzen-window joint histogram.

    Mattes et al., IEEE TMI 2003: cubic B-spline windows along the warped image, so that the
    value is smooth in the transform.

    Examples
    --------
    >>> import torch
    >>> image = torch.rand(1, 9, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> bool(MutualInformation()(image, 1 - image) < -1)
    True
    """

    bins: int = 32
    name = "mi"
    informs = True
    traits = Traits(
        across_contrasts=True,
        worst_value=0.0,
        by_loops=True,
        citation=(
            "Mutual information: Mattes D, Haynor DR, Vesselle H, Lewellen TK, Eubank W. PET-CT"
            " image registration in the chest using free-form deformations. IEEE Transactions "
            "on Medical Imaging 22(1):120-128, 2003. doi:10.1109/TMI.2003.809072"
        ),
    )

    @classmethod
    def of(cls, radius: int) -> MutualInformation:
        """Make it for the registry; ``radius`` is not used, since there are no windows."""
        return cls()

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Compare two images of one channel with intensities in [0, 1]; differentiable."""
        joint = joint_histogram_reference(fixed[0], warped[0], weight, self.bins)
        p = joint / joint.sum().clamp(min=1e-12)
        product = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
        ratio = (p.clamp(min=1e-12) / product.clamp(min=1e-24)).log()
        return -(p * ratio).sum().to(warped.dtype)

    def value(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> float:
        """Return the loss by the kernel, without its gradient."""
        p, _ = self._density(fixed, warped, weight)
        return -float((p * _log_ratio(p)).sum())

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient: ``dI/dp = log p(f, w) - log p(w)`` by the histogram.

        The marginal of fixed is constant, and so is the total weight.
        """
        p, total = self._density(fixed, warped, weight)
        table = _on(-_log_share(p) / total, fixed)
        gradient = histogram_gradient(fixed[0], warped[0], weight, table)
        return -float((p * _log_ratio(p)).sum()), gradient[None]

    def value_and_gradients(
        self, fixed: Tensor, warped: Tensor, weight: Tensor, crossing: Tensor
    ) -> tuple[float, Tensor, Tensor]:
        """Return the loss and both gradients.

        That by weight is ``-log p(f, w) / (p(f) p(w))`` of each voxel, without approximation.
        """
        p, total = self._density(fixed, warped, weight)
        by_warped = _on(-_log_share(p) / total, fixed)
        gradient = histogram_gradient(fixed[0], warped[0], weight, by_warped)
        ratio = _log_ratio(p) * (p > 0)
        by_weight = histogram_lookup(fixed[0], warped[0], crossing, _on(-ratio, fixed))
        return -float((p * ratio).sum()), gradient[None], by_weight

    def _density(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> tuple[Table, float]:
        joint = joint_histogram(fixed[0], warped[0], weight, self.bins).cpu().numpy()
        total = max(float(joint.sum()), 1e-12)
        return joint / total, total


# NumPy does the algebra of small tables several times as fast as PyTorch.
def _on(table: Table, like: Tensor) -> Tensor:
    return torch.from_numpy(table).to(like.device)


def _log_share(p: Table) -> Table:
    """The logarithm of ``p(f | w)``."""
    found: Table = np.log(np.maximum(p, 1e-12) / np.maximum(p.sum(0), 1e-12))
    return found


def _log_ratio(p: Table) -> Table:
    product = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    found: Table = np.log(np.maximum(p, 1e-12) / np.maximum(product, 1e-24))
    return found
