"""Mean and standard deviation of frames that are seen one at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.volume.volume import Volume


class RunningMoments:
    """Mean and spread over time of every voxel, by Welford's recurrence.

    Examples
    --------
    >>> import numpy as np
    >>> seen = RunningMoments()
    >>> for value in (1.0, 3.0):
    ...     seen.add(Volume(np.full((1, 1, 1), value), np.eye(4)))
    >>> float(seen.mean.data), round(float(seen.ratio.data), 3)
    (2.0, 1.414)
    """

    def __init__(self) -> None:
        self._like: Volume | None = None
        self._count = self._mean = self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, frame: Volume) -> None:
        """See one frame more; all have one grid. Voxels without data change nothing."""
        data = frame.data.double()
        known = torch.ones_like(data) if frame.valid is None else frame.valid[None].double()
        self._like = frame if self._like is None else self._like
        self._count = self._count + known
        apart = (data - self._mean) * known
        self._mean = self._mean + apart / self._count.clamp(min=1)
        self._squares = self._squares + apart * (data - self._mean)

    @property
    def mean(self) -> Volume:
        """The mean ``(1, *spatial)``, in float32."""
        return self._as_volume(self._mean)

    @property
    def ratio(self) -> Volume:
        """Mean over standard deviation (temporal signal to noise); 0 where nothing varies."""
        spread = (self._squares / (self._count - 1).clamp(min=1)).sqrt()
        steady = spread <= 1e-6 * self._mean.abs()
        return self._as_volume(torch.where(steady, 0.0, self._mean / spread))

    def _as_volume(self, values: Tensor) -> Volume:
        if self._like is None:
            raise TypeError("no frame was seen yet")
        return Volume(values.float(), self._like.grid)
