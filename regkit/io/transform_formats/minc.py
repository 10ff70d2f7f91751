"""Transforms of MINC: .xfm, from the source, which is moving, to the target, which is fixed.

Its world is RAS+ mm; ITK reads these files without a turn and without inverting them.
"""

from __future__ import annotations

import re
from pathlib import Path

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
from regkit.io.transform_formats.minc_grid import read_named_grid
from regkit.io.transform_formats.text import (
    first_text,
    matrix_rows,
    parse_affine,
    read_small_text,
    text_writers,
)
from regkit.transforms import Affine, Transform, compose

_TITLE = "MNI Transform File"
_COMMENT = re.compile(r"%[^\n]*")
_KIND = re.compile(r"\s*(\w+)\s*;\s*(?:Invert_Flag\s*=\s*(\w+)\s*;)?")
_LINEAR = re.compile(r"\s*Linear_Transform\s*=([^;]*);\s*")
_GRID = re.compile(r"\s*Displacement_Volume\s*=\s*([^;\n]*?)\s*;\s*")


def read_xfm(path: Path, pair: ImagePair) -> Transform:
    """Read the transforms of an .xfm, of which the first is applied first, inverted.

    Raises
    ------
    InputError
        If it is cut, holds a thin-plate spline, or names a grid that is not beside it.
    """
    name, text = display_name(path), read_small_text(path)
    if not text.startswith(_TITLE):
        raise InputError(f"{name}: is not a MINC .xfm: its first line is not {_TITLE!r}")
    _, *parts = re.split(r"Transform_Type\s*=", _COMMENT.sub("", text))
    if not parts:
        raise InputError(f"{name}: names no transform; the file is cut")
    return compose(*(_back(part, path) for part in parts))


def _back(part: str, path: Path) -> Transform:
    """The inverse of one transform, which is what leads from fixed to moving."""
    name, kind = display_name(path), _KIND.match(part)
    if kind is None:
        raise InputError(f"{name}: does not end with ';' what kind its transform is; it is cut")
    forth = _forth(kind[1], part[kind.end() :], path)
    if (kind[2] or "False") not in ("True", "False"):
        raise InputError(f"{name}: its Invert_Flag is {kind[2]:.40}; allowed: True and False")
    return forth if kind[2] == "True" else forth.inverse()


def _forth(kind: str, rest: str, path: Path) -> Transform:
    name = display_name(path)
    if kind == "Linear":
        return Affine(parse_affine(_whole(_LINEAR, rest, name), 3, name, "its linear transform"))
    if kind == "Grid_Transform":
        return read_named_grid(_whole(_GRID, rest, name), path)
    raise InputError(
        f"{name}: holds a {kind:.40}, which is not read; allowed: Linear and Grid_Transform. "
        "Sample it as a grid with minc_displacement of minctools"
    )


def _whole(pattern: re.Pattern[str], text: str, name: str) -> str:
    found = pattern.fullmatch(text)
    if found is None:
        raise InputError(f"{name}: its transform does not end with ';'; it is cut")
    return found[1]


def xfm_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as an .xfm, moving to fixed.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    rows = matrix_rows(transform.inverse().matrix[:3]).rstrip()
    text = f"{_TITLE}\n\nTransform_Type = Linear;\nLinear_Transform =\n{rows};\n"
    return text_writers(text, transform, read_xfm, pair)


MINC_XFM = TransformFormat(
    "minc", "MINC .xfm", (".xfm",), read_xfm, xfm_writers, (Affine, "an Affine"),
    lambda path: first_text(path).startswith(_TITLE),
)  # fmt: skip
