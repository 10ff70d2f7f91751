"""NoiseModel: what every kind of noise can do."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class NoiseModel(Protocol):
    """A scale on which noise is additive with variance one, and the way back.

    ``restore`` is no plain inverse of ``stabilise``: a mean on the stabilised scale, which is what
    a denoiser estimates, becomes the mean on the image's own scale, without the bias that the
    curvature of ``stabilise`` brings.
    """

    @property
    def name(self) -> str:
        """As ``--noise`` has it."""

    @property
    def level(self) -> float:
        """How strong the noise is, in intensities of the image (relative to it for speckle)."""

    def stabilise(self, noisy: Tensor) -> Tensor:
        """Intensities ``(*spatial)`` to the scale on which the noise has variance one."""

    def restore(self, mean: Tensor) -> Tensor:
        """A mean on the stabilised scale, ``(*spatial)``, to the intensity that it is of."""
