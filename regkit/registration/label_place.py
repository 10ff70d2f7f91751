"""Whether labels lie where the body in their image does; those of another one seldom do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
import torch

from regkit.errors import InputError
from regkit.kernels.sampling import sample
from regkit.preprocess.channels import mean_channel, shares_of
from regkit.preprocess.foreground import foreground
from regkit.preprocess.intensity import normalise
from regkit.registration.canonical import canonical
from regkit.registration.pair import at_spacing
from regkit.resample import resample
from regkit.volume.volume import Labels, Volume

_HALF = 0.5
_ACROSS = 64  # voxels along the longest axis: enough to tell where a body is
_MOST = 100_000  # labelled voxels that are looked at


@dataclass(frozen=True)
class LabelPlace:
    """Where labelled voxels lie.

    Parameters
    ----------
    seen
        Share of the labelled voxels in the field of view of the image.
    body
        Share of those in the body that the image shows, hollows such as lungs counted in.
    covered
        Share of the body that lies on the grid of the labels.
    """

    seen: float
    body: float
    covered: float

    @property
    def is_elsewhere(self) -> bool:
        """Whether image and labels have next to nothing in common.

        Labels may be cropped around a structure, and may go on beyond a slab: both are right.
        """
        return self.seen == 0 or (self.seen < _HALF and self.covered < _HALF)

    @property
    def is_strange(self) -> bool:
        """Whether hardly any label lies in the body.

        Measured: 0.99 or more for brains, lesions and lobes of lungs in their own images, 0.41 for
        lobes in a brain.
        """
        return self.body < _HALF


def place_of(labels: Labels, image: Volume) -> LabelPlace | None:
    """Compare labels with the image that they belong to; None where nothing is labelled."""
    whole = canonical(labels.without_unknown())
    index = torch.nonzero(whole.data[0])
    if not len(index):
        return None
    points = whole.grid.to_world(index[:: 1 + len(index) // _MOST].double())
    body = _body(image)
    seen = body.grid.contains(points)
    inside = sample(body.data, body.grid.to_index(points[seen]), nearest=True)[0] > 0
    tissue = body.grid.to_world(torch.nonzero(body.data[0]).double())
    covered = whole.grid.contains(tissue)
    return LabelPlace(
        *(float(each.float().mean().nan_to_num(0)) for each in (seen, inside, covered))
    )


def checked_place(labels: Labels, image: Volume) -> str | None:
    """Refuse labels that lie elsewhere than their image; return a warning if they hardly fit.

    Raises
    ------
    InputError
        With the shares that they have in common.
    """
    place = place_of(labels, image)
    if place is None or not (place.is_elsewhere or place.is_strange):
        return None
    name, whose = labels.name or "labels", image.name or "its image"
    seen = f"{place.seen:.0%} of its labelled voxels lie in the field of view of {whose}"
    if place.is_elsewhere:
        raise InputError(
            f"{name}: {seen}, and its grid holds {place.covered:.0%} of the body there; one of "
            "the two must be half at least. Give labels that lie in the world of that image"
        )
    return (
        f"{name}: {seen}, and {place.body:.0%} of those in the body that it shows; make sure that "
        "they belong together"
    )


def _body(image: Volume) -> Labels:
    """The foreground in large voxels, with what a section of it encloses: lungs that are cut."""
    whole = canonical(image)
    extent = float(np.max(np.array(whole.grid.shape) * np.array(whole.grid.spacing)))
    small = resample(whole, at_spacing(whole.grid, extent / _ACROSS))
    found = foreground(mean_channel(normalise(small, "auto"), shares_of(small.channels)))
    mask = found.data[0].numpy() > 0
    filled = mask.copy()
    for axis, n in enumerate(mask.shape):
        for k in range(n):
            cut = (slice(None),) * axis + (k,)
            filled[cut] |= scipy.ndimage.binary_fill_holes(mask[cut])
    return found.with_data(torch.from_numpy(filled.astype(np.uint8))[None])


def check_structures(fixed: Labels, moving: Labels) -> None:
    """Refuse two label maps that cannot be compared, before a registration that they would judge.

    Raises
    ------
    InputError
        If neither holds a structure, or one value has two names.
    """
    for value in sorted(fixed.names.keys() & moving.names.keys()):
        one, other = fixed.names[value], moving.names[value]
        if one.casefold() != other.casefold():
            raise InputError(
                f"{moving.name}: label {value} is {other!r:.40}, and {one!r:.40} in {fixed.name}; "
                "name the structures to compare with structures=NAME,NAME"
            )
    if not bool(fixed.data.any()) and not bool(moving.data.any()):
        raise InputError(
            f"{fixed.name}: holds no structure, and neither does {moving.name}: all voxels are 0. "
            "Give label maps of structures, or leave the labels out"
        )
