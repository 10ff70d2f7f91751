"""What becomes of a volume elsewhere: arrays, images of other libraries, files, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from regkit.volume.arrays import as_array

if TYPE_CHECKING:
    from regkit.volume.volume import Volume


class Exports:
    """The ways out of a :class:`~regkit.Volume`, which has them all."""

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """What ``np.asarray`` gives: :meth:`to_numpy`."""
        return np.array(self.to_numpy(), dtype=dtype, copy=copy)

    def _repr_html_(self) -> str:
        from regkit.report.notebook import volume_html

        return volume_html(self._volume)

    @property
    def _volume(self) -> Volume:
        return cast("Volume", self)

    def to_numpy(self) -> NDArray[Any]:
        """The voxels, ``(*spatial)``, or ``(C, *spatial)`` where there are several channels."""
        return as_array(self._volume.data)

    def to_nibabel(self) -> Any:
        """A NIfTI image of nibabel; several channels lie along its fifth axis.

        Raises
        ------
        InputError
            If its world is none that NIfTI knows (RAS+ in mm, µm or m).
        """
        from regkit.io.interchange import to_nibabel

        return to_nibabel(self._volume)

    def to_sitk(self) -> Any:
        """An image of SimpleITK, in its own world (which mirrors x and y); channels are vectors.

        Raises
        ------
        InputError
            If its world is not RAS+ mm or pixels: ITK has no other.
        """
        from regkit.io.interchange import to_sitk

        return to_sitk(self._volume)

    def to_metatensor(self) -> Any:
        """A ``MetaTensor`` of MONAI, ``(C, *spatial)``, with the affine in RAS+.

        Raises
        ------
        InputError
            If MONAI is not installed.
        """
        from regkit.io.interchange import to_metatensor

        return to_metatensor(self._volume)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write to ``path``, whole or not at all, in the format that its extension names.

        Any image goes into .nii, .nii.gz, .nrrd, .mha and .mhd, a 3-D one also into .mgh and .mgz;
        .tif, .tiff and .png are for those whose type and place a picture can hold. Formats of other
        packages may add to these.

        Raises
        ------
        InputError
            If the extension is unknown, the format cannot hold the image, or the file exists and
            ``overwrite`` is false.
        """
        from regkit.io import save

        return save(self._volume, path, overwrite=overwrite)
