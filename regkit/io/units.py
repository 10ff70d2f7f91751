"""Units of length that files name, in millimetres: the only place that converts them."""

from __future__ import annotations

from collections.abc import Iterable

from regkit.errors import InputError

_NAMES = {
    1e3: "m meter meters metre metres",
    25.4: "in inch inches",
    10.0: "cm centimeter centimeters centimetre centimetres",
    1.0: "mm millimeter millimeters millimetre millimetres",
    1e-3: "um µm μm micron microns micrometer micrometers micrometre micrometres",
    1e-6: "nm nanometer nanometers nanometre nanometres",
}
_MILLIMETRES = {name: factor for factor, names in _NAMES.items() for name in names.split()}
# What a file writes that does not say.
_SILENT = {"", "?", "none", "unknown"}


def millimetres(name: str, field: str, units: Iterable[str]) -> float:
    """Return how many millimetres one unit of a file is; all its axes must have the same.

    Parameters
    ----------
    name, field
        The file and the field of its header, for messages.
    units
        A unit for every axis; a file that does not say is taken to count in millimetres.

    Raises
    ------
    InputError
        If a unit is no length that is known, or the axes have different ones.

    Examples
    --------
    >>> millimetres("a.nrrd", "space units", ["um", "um", "um"])
    0.001
    """
    given = {unit.strip().strip('"').lower() for unit in units} or {""}
    unknown = sorted(given - _SILENT - _MILLIMETRES.keys())
    if unknown:
        raise InputError(
            f"{name}: {field} is {unknown[0]!r:.40}; allowed: m, cm, mm, um, nm. Fix the header"
        )
    factors = {_MILLIMETRES.get(unit, 1.0) for unit in given}
    if len(factors) > 1:
        raise InputError(
            f"{name}: {field} differs from axis to axis ({', '.join(sorted(given))}); store the "
            "image in one unit"
        )
    return factors.pop()
