"""The formats of points by their extension."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.point_formats.comma_separated import read_csv
from regkit.io.point_formats.fcsv import read_fcsv
from regkit.io.point_formats.gifti import read_gifti
from regkit.io.point_formats.markups import read_markups
from regkit.io.point_formats.ply import read_ply
from regkit.io.point_formats.point_file import PointFile, Space
from regkit.io.point_formats.stl import read_stl
from regkit.io.point_formats.vtk import read_vtk
from regkit.io.preflight import check_regular
from regkit.volume.points import Points

PointReader = Callable[[Path, Space | None], PointFile]
POINT_FORMATS: dict[str, PointReader] = {
    ".csv": read_csv,
    ".fcsv": read_fcsv,
    ".mrk.json": read_markups,
    ".vtk": read_vtk,
    ".gii": read_gifti,
    ".ply": read_ply,
    ".stl": read_stl,
}


def point_suffix(path: Path) -> str:
    """Return the extension of a format of points.

    Raises
    ------
    InputError
        If no format has it.

    Examples
    --------
    >>> point_suffix(Path("lh.pial.surf.GII"))
    '.gii'
    """
    name = path.name.lower()
    found = next((each for each in POINT_FORMATS if name.endswith(each)), None)
    if found is None:
        raise InputError(
            f"{display_name(path)}: is in no format of points that is known here; allowed: "
            f"{', '.join(POINT_FORMATS)}"
        )
    return found


def open_points(path: str | Path, space: Space | None = None) -> PointFile:
    """Read the points of a file, so that it can be written again with others.

    Parameters
    ----------
    path
        With the extension of its format.
    space
        ``ras`` or ``lps``, where the file does not say it.

    Raises
    ------
    InputError
        If it cannot be read, or nobody says in which space its points are.
    """
    place = Path(path)
    reader = POINT_FORMATS[point_suffix(place)]
    check_regular(place)
    return reader(place, space)


def read_points(path: str | Path, *, space: Space | None = None) -> Points:
    r"""Read landmarks, or the points of a surface.

    Parameters
    ----------
    path
        CSV whose first line is ``x,y,z`` or ``x,y,z,name`` (``x,y`` or ``x,y,name`` in 2-D), in
        RAS+ mm; fiducials and markups of 3D Slicer (.fcsv, .mrk.json); surfaces (.vtk, .gii, .ply,
        .stl).
    space
        ``ras`` or ``lps``: in which the coordinates are, where the file does not say it.

    Returns
    -------
    Points
        In RAS+ mm.

    Raises
    ------
    InputError
        With the line number, if a line does not fit; if there is no point; or if nobody says in
        which space the points of a surface are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "p.csv").write_text("x,y,z,name\n1,2,3,tip\n")
    ...     read_points(Path(folder, "p.csv")).names
    ('tip',)
    """
    return open_points(path, space).points
