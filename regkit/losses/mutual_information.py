"""Mutual information."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regkit.kernels.histogram import (
    histogram_gradient,
    histogram_lookup,
    joint_histogram,
    joint_histogram_reference,
)
from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits


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
        return -_information(joint / joint.sum().clamp(min=1e-12)).to(warped.dtype)

    def value(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> float:
        """Return the loss by the kernel, without its gradient."""
        joint = joint_histogram(fixed[0], warped[0], weight, self.bins)
        return -float(_information(joint / joint.sum().clamp(min=1e-12)))

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient: ``dI/dp = log p(f, w) - log p(w)`` by the histogram.

        The marginal of fixed is constant, and so is the total weight.
        """
        p, total = self._density(fixed, warped, weight)
        table = (p.clamp(min=1e-12) / p.sum(0).clamp(min=1e-12)).log()
        gradient = histogram_gradient(fixed[0], warped[0], weight, -table / total)
        return -float(_information(p)), gradient[None]

    def value_and_gradients(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor, Tensor]:
        """Return the loss and both gradients.

        That by weight is ``-log p(f, w) / (p(f) p(w))`` of each voxel, without approximation.
        """
        p, total = self._density(fixed, warped, weight)
        by_warped = (p.clamp(min=1e-12) / p.sum(0).clamp(min=1e-12)).log()
        gradient = histogram_gradient(fixed[0], warped[0], weight, -by_warped / total)
        ratio = _log_ratio(p) * (p > 0)
        by_weight = histogram_lookup(fixed[0], warped[0], weight, -ratio)
        return -float((p * ratio).sum()), gradient[None], by_weight

    def _density(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        joint = joint_histogram(fixed[0], warped[0], weight, self.bins)
        total = joint.sum().clamp(min=1e-12)
        return joint / total, total


def _information(p: Tensor) -> Tensor:
    return (p * _log_ratio(p)).sum()


def _log_ratio(p: Tensor) -> Tensor:
    product = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p.clamp(min=1e-12) / product.clamp(min=1e-24)).log()
