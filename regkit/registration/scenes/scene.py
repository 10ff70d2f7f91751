"""GeoScene: the bands of one image on the earth, each with its own gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.registration.scenes.pyramid import KEPT, BandPyramid
from regkit.volume.channels import check_one_grid
from regkit.volume.combined import hidden_where, mask_where
from regkit.volume.volume import Volume

_SAR_BANDS = {"vv", "vh", "hh", "hv", "sigma0_vv", "sigma0_vh", "gamma0_vv", "gamma0_vh"}


@dataclass(frozen=True, eq=False)
class GeoScene:
    """Bands of one grid, one channel each.

    Parameters
    ----------
    bands
        Volumes of one channel, each with its own ``valid``.
    names
        What they are called; empty words where they have no name.
    name
        What messages call the scene.
    keep
        Pixels that are held in memory of all bands together, on their finest level that is held.
    pyramids
        The bands at coarser resolutions.
    """

    bands: tuple[Volume, ...]
    names: tuple[str, ...] = ()
    name: str = "scene"
    keep: int = KEPT
    # Not given, so that other bands in a copy have pyramids of their own.
    pyramids: tuple[BandPyramid, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.bands:
            raise InputError(f"{self.name}: has no band with data; choose others with --channels")
        check_one_grid([each.grid for each in self.bands], [self.name] * len(self.bands))
        if not self.names:
            object.__setattr__(self, "names", ("",) * len(self.bands))
        keep = self.keep // len(self.bands)
        object.__setattr__(self, "pyramids", tuple(BandPyramid(each, keep) for each in self.bands))

    @classmethod
    def of(cls, volume: Volume, names: Sequence[str] = ()) -> GeoScene:
        """Make a scene of the channels of an image, which then share where it has data."""
        return cls(volume.split(), tuple(names), volume.name or "scene")

    @property
    def grid(self) -> Grid:
        """Where all bands lie."""
        return self.bands[0].grid

    @property
    def is_radar(self) -> bool:
        """Whether the names of the bands are those of a SAR, such as VV."""
        return any(name.casefold() in _SAR_BANDS for name in self.names)

    def called(self, number: int) -> str:
        """The name of a band, or its number from 0 where it has none."""
        return self.names[number] or f"band {number}"

    def picked(self, numbers: Sequence[int]) -> GeoScene:
        """The same scene with some of its bands, by their numbers from 0."""
        bands = tuple(self.bands[n] for n in numbers)
        scene = replace(self, bands=bands, names=tuple(self.names[n] for n in numbers))
        # What has been read of them is not read again.
        object.__setattr__(scene, "pyramids", tuple(self.pyramids[n] for n in numbers))
        return scene

    def without(self, mask: Volume | None) -> GeoScene:
        """The same scene, with no data where ``mask`` on its grid is above 0, such as clouds.

        Raises
        ------
        InputError
            If the mask lies on another grid, or leaves nothing.
        """
        if mask is None:
            return self
        if not mask.grid.lies_on(self.grid):
            raise InputError(
                f"{mask.name or 'mask'}: lies on {mask.grid}, and {self.name} on {self.grid}, "
                f"{mask.grid.apart(self.grid)}; resample the mask on the scene"
            )
        low_and_high = BandPyramid(mask_where(mask, _above_nothing)).low_and_high
        if low_and_high is not None and low_and_high[0] == 1:
            raise InputError(f"{mask.name or 'mask'}: covers all of {self.name}; nothing is left")
        bands = tuple(hidden_where(each, mask) for each in self.bands)
        return replace(self, bands=bands)


def _above_nothing(values: Tensor) -> Tensor:
    return values > 0
