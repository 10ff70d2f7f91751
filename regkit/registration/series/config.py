"""What a motion correction can be told, the same names in Python and on the command line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from regkit.losses.registry import is_registered, make, names
from regkit.settings import Settings


def compares_intensities(name: str) -> bool:
    """Tell whether a similarity of that name compares voxels as they are, by no directed features.

    Examples
    --------
    >>> compares_intensities("mi"), compares_intensities("mind")
    (True, False)
    """
    return is_registered(name) and not make(name).oriented


def _known(name: str) -> str:
    if compares_intensities(name):
        return name
    raise ValueError("allowed: " + ", ".join(filter(compares_intensities, names())))


class MotionConfig(Settings):
    """How the frames of a series are brought to one reference.

    ``reference`` is the number of a frame from 0, ``auto``: the frame that is most like all others,
    or ``mean``: the mean of the frames once they are aligned with that one. ``similarity`` compares
    a frame with the reference; mutual information does not mind that the contrast changes from
    frame to frame; fields are found after that by local correlation (``lncc2``). ``radius`` is that
    of the sphere on which rotations count for the framewise displacement, in world units; 50 mm for
    heads if it is not given (see
    :func:`~regkit.registration.series.parameters.sphere_radius`). One of the ``threads`` is enough:
    frames are small, and on a busy machine several spend their time waiting for each other.

    Examples
    --------
    >>> MotionConfig(reference=3).transform
    'rigid'
    """

    transform: Literal["rigid", "affine", "deformable"] = "rigid"
    reference: Annotated[int, Field(ge=0, strict=True)] | Literal["auto", "mean"] = "auto"
    similarity: Annotated[str, AfterValidator(_known)] = "mi"
    radius: float | None = Field(None, gt=0, allow_inf_nan=False)
    threads: int = Field(1, ge=0, description="0: all cores")
