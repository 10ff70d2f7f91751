"""TransformFormat: all that regkit knows about one kind of transform file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.names import display_name
from regkit.transforms import Transform

Writers = tuple[Callable[[Path], object], Callable[[Path], object]]
End = Literal["fixed", "moving"]


@dataclass(frozen=True)
class PlacedImage:
    """An image as a transform file refers to it: its name, and the grid of its voxels."""

    name: str
    grid: Grid


@dataclass(frozen=True)
class ImagePair:
    """The images between which a transform leads, as far as they are known.

    Parameters
    ----------
    fixed, moving
        Points of the first are mapped to points of the second.
    """

    fixed: PlacedImage | None = None
    moving: PlacedImage | None = None

    def swapped(self) -> ImagePair:
        """The pair of the inverse transform."""
        return ImagePair(self.moving, self.fixed)

    def needed(self, end: End, path: Path, what: str) -> Grid:
        """Return the grid of one image.

        Parameters
        ----------
        end
            Which of the two.
        path, what
            The file of the transform, and what messages call its kind.

        Raises
        ------
        InputError
            If the image is not known, or not 3-D.
        """
        image = self.fixed if end == "fixed" else self.moving
        if image is None:
            raise InputError(
                f"{display_name(path)}: {what} is relative to the grid of the {end} image; give "
                f"that image as {end} (--{end} IMAGE on the command line; `regkit apply` knows "
                "both once --from names the program)"
            )
        if image.grid.ndim != 3:
            raise InputError(f"{image.name}: is 2-D; {what} lies between 3-D images")
        return image.grid

    def both(self, path: Path, what: str) -> tuple[Grid, Grid]:
        """Return the grids of both images, fixed first; see :meth:`needed`."""
        return self.needed("fixed", path, what), self.needed("moving", path, what)


UNKNOWN_PAIR = ImagePair()


@dataclass(frozen=True)
class TransformFormat:
    """One kind of transform file, as a row of :data:`regkit.io.transform_formats.table.TABLE`.

    Parameters
    ----------
    program
        The word by which a user names whose file it is, such as ``fsl``.
    name
        What messages call it.
    suffixes
        Its extensions, lower case, with the dot.
    read
        The transform in a file that is there and not empty, in RAS+ mm, fixed to moving.
    writers
        Given a transform (fixed to moving), the path of the file and the images, returns what
        writes it to a path and what checks it there; most files depend on the transform alone.
        None where regkit only reads.
    holds
        The types of transform that can be written, and what messages call them.
    recognises
        Whether a file is of this kind, by its content; None where the extension alone decides.
    sampled
        It holds any transform that is sampled on the grid of the fixed image.
    dimensions
        Those of the transforms that it holds.
    """

    program: str
    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, ImagePair], Transform]
    writers: Callable[[Any, Path, ImagePair], Writers] | None = None
    holds: tuple[type[Transform] | UnionType, str] = (Transform, "any transform")
    recognises: Callable[[Path], bool] | None = None
    sampled: bool = False
    dimensions: tuple[int, ...] = (3,)
