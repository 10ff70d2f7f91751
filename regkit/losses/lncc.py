"""Local normalised cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

from torch import Tensor

from regkit.kernels.windows import EPSILON, lncc_gradient, lncc_reference
from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits

_FLAT = 0.012  # standard deviation a millimetre of voxel; measured on brains
_FLATTEST = 0.05
_NOISES = 2.0  # standard deviations of noise, up to which a window counts as flat
_PAPER = (
    "Local normalised cross-correlation: Avants BB, Epstein CL, Grossman M, Gee JC. Symmetric "
    "diffeomorphic image registration with cross-correlation. Medical Image Analysis "
    "12(1):26-41, 2008. doi:10.1016/j.media.2007.06.004"
)


class _Asked(TypedDict):
    squared: bool
    floor: float
    stride: int


@dataclass(frozen=True)
class LNCC(Similarity):
    """The loss ``1 - mean(lncc)`` over box windows of half width ``radius`` voxels.

    ``squared`` takes the square of each window's correlation (Avants et al., Med. Image Anal.
    2008), which does not care about the sign of the contrast. ``floor`` is the variance of what
    counts as flat: a window of less hardly correlates with anything. ``stride`` is how many voxels
    the middles of neighbouring windows are apart.

    Examples
    --------
    >>> import torch
    >>> image = torch.rand(1, 9, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> bool(LNCC()(image, 0.5 * image) < 0.01)
    True
    """

    radius: int = 2
    squared: bool = False
    floor: float = EPSILON
    stride: int = 1

    @classmethod
    def of(cls, radius: int) -> LNCC:
        """Make ``lncc`` for the registry, with windows of half width ``radius`` voxels."""
        return cls(radius)

    @classmethod
    def squared_of(cls, radius: int) -> LNCC:
        """Make ``lncc2`` for the registry, with windows of half width ``radius`` voxels."""
        return cls(radius, squared=True)

    @property
    def traits(self) -> Traits:
        """The traits; the worst value is that of opposite contrasts, or of none if squared."""
        return Traits(worst_value=1.0 if self.squared else 2.0, citation=_PAPER, by_loops=True)

    def at(self, spacing: float) -> LNCC:
        """Raise ``floor`` for larger voxels, and leave out windows that tell no more.

        A window of larger voxels sees more of an edge, so that what is faint in it is rather noise.
        Windows that are a third of their width apart hold every voxel about 27 times: fields are
        as good as by all windows, in a fraction of the time.
        """
        flat = min(_FLAT * spacing, _FLATTEST)
        apart = max((2 * self.radius + 1) // 3, 1)
        return replace(self, floor=max(self.floor, flat**2), stride=apart)

    def above_noise(self, sigma: float) -> LNCC:
        """Raise ``floor`` to the variance of twice the noise, which fine texture may pass for.

        Between two voxels an image is blurred by interpolation. Where windows hold little but
        noise that looks like more likeness, by which a fit ends off its place.
        """
        return replace(self, floor=max(self.floor, min(_NOISES * sigma, _FLATTEST) ** 2))

    @property
    def name(self) -> str:
        """The name: ``lncc``, or ``lncc2`` where the correlation is squared."""
        return "lncc2" if self.squared else "lncc"

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Compare two images of one channel; differentiable."""
        return lncc_reference(fixed[0], warped[0], weight, self.radius, **self._asked)

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient by the kernel, for features ``(1, I, J, K)``."""
        value, gradient = lncc_gradient(fixed[0], warped[0], weight, self.radius, **self._asked)
        return value, gradient[None]

    @property
    def _asked(self) -> _Asked:
        return {"squared": self.squared, "floor": self.floor, "stride": self.stride}
