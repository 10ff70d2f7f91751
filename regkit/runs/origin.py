"""Origin: the registration that wrote a transform, by the record beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.runs.kinds import kind_of
from regkit.runs.outputs import RECORD
from regkit.runs.record import read_record

# From the image whose points a file takes to the other one.
_KINDS = ("register", "scene")
_WAYS = {"transform.h5": ("fixed", "moving"), "inverse.h5": ("moving", "fixed")}


_WARPED = ("warped.nii.gz", "warped.tif")


@dataclass(frozen=True)
class Origin:
    """What a registration says of a transform that it wrote.

    Parameters
    ----------
    source, target
        The image whose points it takes, and the one that they go to: ``fixed`` or ``moving``.
    images
        SHA-256 of both, by role.
    """

    source: str
    target: str
    images: Mapping[str, str]

    @property
    def other(self) -> str:
        """The file of the other direction."""
        return next(name for name, way in _WAYS.items() if way == (self.target, self.source))


def origin_of(transform: Path) -> Origin | None:
    """Find out where a transform comes from; None if no ``run.json`` beside it vouches for it.

    Examples
    --------
    >>> origin_of(Path("nowhere/transform.h5")) is None
    True
    """
    path = transform.with_name(RECORD)
    if not transform.is_file() or not path.is_file():
        return None
    try:
        record = read_record(path)
    except InputError:  # of something else
        return None
    digest = sha256(transform)
    name = next((n for n in _WAYS if record["sha256"].get(n) == digest), None)
    if name is None or kind_of(record) not in _KINDS:
        return None
    entries = [each for each in record["inputs"] if isinstance(each, dict)]
    images = {str(each.get("role")): str(each.get("sha256")) for each in entries}
    return Origin(*_WAYS[name], images)


def transform_from(run: Path, image: str) -> Path:
    """Find the transform of a registration that takes points of one of its images to the other.

    It warps the other image onto this one.

    Parameters
    ----------
    run
        The folder of the registration.
    image
        ``fixed`` or ``moving``.

    Raises
    ------
    InputError
        If the folder is not that of a whole registration.
    """
    name = next(name for name, (source, _) in _WAYS.items() if source == image)
    if origin_of(run / name) is None:
        raise InputError(
            f"{display_name(run)}: holds no {name} for which a {RECORD} beside it vouches; give "
            "the folder that `regkit register` wrote"
        )
    return run / name


def warped_by(run: Path) -> Path:
    """Return the moving image of a registration as it was warped, which has the grid of its result.

    Raises
    ------
    InputError
        If the folder is not that of a whole registration, or it warped nothing.
    """
    transform = transform_from(run, "fixed")
    names = read_record(transform.with_name(RECORD)).get("outputs")
    found = [name for name in names or () if Path(name).name == name and name in _WARPED]
    if not found:
        raise InputError(
            f"{display_name(run)}: resampled nothing (--shift-only); give --onto, an image with "
            "the grid of the result"
        )
    return run / str(found[0])


def check_direction(transform: Path, image: Path) -> None:
    """Refuse to warp an image by the transform that leads away from it.

    Parameters
    ----------
    transform
        From points of the reference to points of ``image``.
    image
        What is to be warped.

    Raises
    ------
    InputError
        If the record beside the transform says that it leads the other way.
    """
    origin = origin_of(transform)
    if origin is None:
        return
    digest, known = sha256(image), origin.images
    if digest == known.get(origin.source) != known.get(origin.target):
        raise InputError(
            f"{display_name(transform)}: warps the {origin.target} image of its run, and "
            f"{display_name(image)} is the {origin.source} one; pass {origin.other}"
        )


def check_not_inverted(transform: Path, of: str) -> None:
    """Refuse to invert a transform that is an inverse already.

    Raises
    ------
    InputError
        If ``of`` is ``moving`` and the record beside the transform says that it takes the points of
        moving as it is.
    """
    origin = origin_of(transform)
    if of == "moving" and origin is not None and origin.source == of:
        raise InputError(
            f"{display_name(transform)}: takes points of moving to fixed as it is, and --of moving "
            f"would invert it; pass {origin.other} --of moving"
        )
