"""World: what the numbers of a position mean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regkit.errors import InputError

RAS = "RAS+"
_METRES = {"mm": 1e-3, "µm": 1e-6, "m": 1.0, "ft": 0.3048, "us-ft": 1200 / 3937}
_OTHER_SPELLINGS = {
    "um": "µm", "μm": "µm", "micron": "µm", "micrometer": "µm", "metre": "m", "meter": "m",
    "millimeter": "mm", "millimetre": "mm", "px": "pixel", "pixels": "pixel", "deg": "degree",
}  # fmt: skip
_NO_NAMES = ("", "unnamed", "unknown")
UNITS = (*_METRES, "pixel", "degree")


@dataclass(frozen=True)
class World:
    """The unit, the axes and, where there is one, the coordinate reference system of a space.

    Parameters
    ----------
    unit
        Of all lengths: ``"mm"``, ``"µm"`` (or ``"um"``), ``"m"``, ``"ft"`` (international feet),
        ``"us-ft"`` (those of US surveys), ``"pixel"`` or ``"degree"``.
    axes
        Where the axes point: ``"RAS+"`` (right, anterior, superior) for medical images, ``"EN+"``
        (easting, northing) for maps, ``"ij"`` for an array that is nowhere.
    crs
        The coordinate reference system, such as ``"EPSG:32632"``; None where there is none.

    Raises
    ------
    InputError
        If the unit is unknown, or the axes have no name.

    Examples
    --------
    >>> World(), World.pixels(), World.projected("EPSG:32632")
    (World('RAS+ mm'), World('pixel'), World('EPSG:32632, EN+ m'))
    """

    unit: str = "mm"
    axes: str = RAS
    crs: str | None = None

    def __post_init__(self) -> None:
        unit = _OTHER_SPELLINGS.get(self.unit, self.unit)
        if unit not in UNITS:
            raise InputError(f"unit {self.unit!r} is unknown; allowed: {', '.join(UNITS)}")
        if not self.axes:
            raise InputError("the axes of a world have no name; give one, such as RAS+ or EN+")
        object.__setattr__(self, "unit", unit)

    @classmethod
    def pixels(cls) -> World:
        """The space of an image that says nothing of its size: positions count pixels.

        Files put such an image where ITK does, from an origin at 0 to the left and the back, so
        that its pixel ``(i, j)`` lies at ``(-i, -j)`` and transforms mean the same to ITK.
        """
        return cls("pixel", "ij")

    @classmethod
    def projected(cls, crs: str, unit: str = "m") -> World:
        """Easting and northing in a projected coordinate reference system."""
        return cls(unit, "EN+", crs)

    def __str__(self) -> str:
        if self == World.pixels():
            return "pixel"
        place = f"{self.crs_name}, " if self.crs else ""
        return f"{place}{self.axes} {self.unit}"

    def __repr__(self) -> str:
        return f"World({str(self)!r})"

    @property
    def crs_name(self) -> str:
        """The CRS as people call it: a code, or the name in its definition; empty without one.

        One that has no name is called by its projection.

        Examples
        --------
        >>> World("m", "EN+", 'PROJCS["Lo25",GEOGCS[]]').crs_name
        'Lo25'
        >>> World("m", "EN+", 'PROJCS["unnamed",PROJECTION["Transverse_Mercator"]]').crs_name
        'Transverse Mercator'
        """
        text = self.crs or ""
        if "[" not in text or text.count('"') < 2:
            return text
        name = text.split('"')[1]
        return _projection(text) or name if name.casefold() in _NO_NAMES else name

    @property
    def anatomical(self) -> bool:
        """Whether the axes are those of a body, so that orientation letters mean something."""
        return self.axes == RAS

    def scale_to(self, unit: str) -> float:
        """Return how many of ``unit`` make one unit of this world.

        Raises
        ------
        InputError
            If one of the two is no length, such as pixels.

        Examples
        --------
        >>> World("m").scale_to("mm")
        1000.0
        """
        wanted = World(unit).unit
        for each in (self.unit, wanted):
            if each not in _METRES:
                raise InputError(
                    f"{each} is no length that could be converted between {self.unit} and {wanted};"
                    f" allowed: {', '.join(_METRES)}"
                )
        return 1.0 if wanted == self.unit else _METRES[self.unit] / _METRES[wanted]


def _projection(wkt: str) -> str:
    """The name of a projection, and its meridian where it has one; empty where none is told."""
    method = re.search(r'(?:PROJECTION|METHOD)\["([^"]+)"', wkt)
    meridian = re.search(
        r'"(?:central_meridian|Longitude of natural origin)",(-?[\d.]+)', wkt, re.IGNORECASE
    )
    about = f" about {float(meridian[1]):g}°" if meridian else ""
    return method[1].replace("_", " ") + about if method else ""


MEDICAL = World()


def check_same_world(one: World, other: World, names: tuple[str, str]) -> None:
    """Refuse to combine two things that lie in different worlds.

    Parameters
    ----------
    one, other
        The worlds of the two things.
    names
        What messages call the two things, such as their file names.

    Raises
    ------
    InputError
        If the worlds differ; it names both things and what brings them together.

    Examples
    --------
    >>> check_same_world(World(), World("um"), ("a.nii", "b.nii"))
    Traceback (most recent call last):
    regkit.errors.InputError: a.nii lies in RAS+ mm and b.nii in RAS+ µm; both must lie in one
    world. Convert one with in_unit('mm'), or give the transform between the two worlds
    """
    if one == other:
        return
    lengths = one.unit != other.unit and {one.unit, other.unit} <= set(_METRES)
    cure = f"Convert one with in_unit({one.unit!r}), or give" if lengths else "Give"
    raise InputError(
        f"{names[0]} lies in {one} and {names[1]} in {other}; both must lie in one world. {cure} "
        "the transform between the two worlds"
    )
