"""MIND-SSC: self-similarity descriptors that survive a change of modality."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from regkit.kernels.smoothing import gaussian
from regkit.losses.mse import MSE
from regkit.losses.traits import Traits


@dataclass(frozen=True)
class MIND(MSE):
    """The mean squared difference of MIND-SSC descriptors.

    Heinrich et al., MICCAI 2013, eq. 4 and 5: distances of smoothed patches between neighbours of
    a voxel that are themselves ``sqrt(2)`` neighbours (12 channels in 3-D, 4 in 2-D), divided by
    their mean and passed through ``exp(-x)``.

    Parameters
    ----------
    dilation
        Distance of a neighbour from the voxel, in voxels.
    sigma
        Standard deviation of the patch, in voxels.
    """

    dilation: int = 1
    sigma: float = 0.8
    name = "mind"
    oriented = True
    traits = Traits(
        across_contrasts=True,
        worst_value=1.0,
        bytes_per_voxel=400,
        citation=(
            "MIND-SSC: Heinrich MP, Jenkinson M, Papież BW, Brady M, Schnabel JA. Towards "
            "realtime multimodal fusion for image-guided interventions using self-similarities."
            " MICCAI 2013. doi:10.1007/978-3-642-40811-3_24"
        ),
    )

    def features(self, image: Tensor) -> Tensor:
        """Compute descriptors of ``(1, *spatial)``: ``(12, *spatial)``, or ``(4, ...)`` in 2-D."""
        ndim = image.ndim - 1
        pairs = _neighbour_pairs(tuple(image.shape[1:]), self.dilation)
        padded = functional.pad(image[None], [self.dilation] * 2 * ndim, mode="replicate")[0]
        distance = torch.cat(
            [
                gaussian(
                    (
                        _shifted(padded, a, self.dilation) - _shifted(padded, b, self.dilation)
                    ).square(),
                    self.sigma,
                )
                for a, b in pairs
            ]
        )
        distance = distance - distance.amin(dim=0, keepdim=True)
        mean = distance.mean(dim=0, keepdim=True)
        # The bounds keep flat regions from dividing by nothing (as in Heinrich's own code).
        level = mean.detach().mean()
        mean = mean.clamp(min=float(level) * 1e-3 + 1e-12, max=float(level) * 1e3 + 1e-12)
        return torch.exp(-distance / mean)


def _neighbour_pairs(
    shape: tuple[int, ...], dilation: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """List pairs of face neighbours on different axes; axes of a single slice have none."""
    ndim = len(shape)
    faces = [
        tuple(sign * dilation if a == axis else 0 for a in range(ndim))
        for axis in range(ndim)
        if shape[axis] > 1
        for sign in (-1, 1)
    ]
    return [
        (a, b)
        for a, b in combinations(faces, 2)
        if sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) == 2 * dilation**2
    ]


def _shifted(padded: Tensor, offset: tuple[int, ...], pad: int) -> Tensor:
    window = tuple(
        slice(pad + step, padded.shape[axis + 1] - pad + step) for axis, step in enumerate(offset)
    )
    return padded[(slice(None), *window)]
