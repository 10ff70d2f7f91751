"""An image at the resolutions at which it was wanted, which calls and threads share."""

from __future__ import annotations

from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.preprocess.nodata import fill_nodata
from regkit.resample import resample
from regkit.volume.once import Lock
from regkit.volume.volume import Volume

_MOST = 4.0  # of its own voxels; the levels of one call come to one or two times as many


class Pyramid:
    """One image on the grids on which it was wanted last, up to four times its voxels in all.

    Levels of a pair lie on grids that hang on both images; registered to one atlas, subjects of one
    resolution ask for the same ones.

    Parameters
    ----------
    data
        The voxels of the image; of others, and of all where it is None, nothing is kept.
    """

    def __init__(self, data: Tensor | None = None) -> None:
        self._data = data
        self._kept: dict[tuple[Grid, Grid], Tensor] = {}
        self._lock = Lock()

    def on(self, image: Volume, grid: Grid) -> Tensor:
        """The voxels of ``image`` on ``grid``, ``(C, *shape)``, which must not be changed.

        Parameters
        ----------
        image
            Its grid may be in another scale, as engines count.
        grid
            In the world of ``image``.
        """
        if image.data is not self._data:
            return fill_nodata(resample(image, grid)).data
        if grid == image.grid and image.valid is None:
            return image.data
        key = image.grid, grid
        with self._lock:
            found = self._kept.pop(key, None)
            found = fill_nodata(resample(image, grid)).data if found is None else found
            self._kept[key] = found
            while len(self._kept) > 1 and self._size > _MOST * image.data.numel():
                del self._kept[next(iter(self._kept))]
            return found

    def forget(self) -> None:
        """Let go of what is kept."""
        with self._lock:
            self._kept.clear()

    @property
    def _size(self) -> int:
        return sum(each.numel() for each in self._kept.values())
