"""Linear transforms of MINC: .xfm, from the source, which is moving, to the target, fixed.

Its world is RAS+ mm; ITK reads these files without a turn and without inverting them.
"""

from __future__ import annotations

import re
from pathlib import Path

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
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
_LINEAR = re.compile(r"\s*Linear\s*;\s*Linear_Transform\s*=([^;]*);\s*")


def read_xfm(path: Path, pair: ImagePair) -> Transform:
    """Read the linear transforms of an .xfm, of which the first is applied first, inverted.

    Raises
    ------
    InputError
        If it is cut, or holds a grid or thin-plate spline.
    """
    name, text = display_name(path), read_small_text(path)
    if not text.startswith(_TITLE):
        raise InputError(f"{name}: is not a MINC .xfm: its first line is not {_TITLE!r}")
    _, *parts = re.split(r"Transform_Type\s*=", _COMMENT.sub("", text))
    if not parts:
        raise InputError(f"{name}: names no transform; the file is cut")
    found = [_linear(part, name) for part in parts]
    return compose(*reversed(found)).inverse()


def _linear(part: str, name: str) -> Affine:
    kind = re.match(r"\s*(\w+)\s*;", part)
    if kind is None or kind[1] == "Linear":
        whole = _LINEAR.fullmatch(part)
        if whole is None:
            raise InputError(f"{name}: its linear transform does not end with ';'; it is cut")
        return Affine(parse_affine(whole[1], 3, name, "its linear transform"))
    raise InputError(
        f"{name}: holds a {kind[1]}, which is not read; allowed: Linear. Sample it as a field with "
        "minc_displacement of minctools"
    )


def xfm_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as an .xfm, moving to fixed.

    Parameters
    ----------
    transform
        Fixed to moving.
    path, pair
        Not needed: the file depends on neither.

    Returns
    -------
    write, verify
        The first writes the file to a path, the second checks what lies there.
    """
    rows = matrix_rows(transform.inverse().matrix[:3]).rstrip()
    text = f"{_TITLE}\n\nTransform_Type = Linear;\nLinear_Transform =\n{rows};\n"
    return text_writers(text, transform, read_xfm, pair)


MINC_XFM = TransformFormat(
    "minc", "MINC .xfm", (".xfm",), read_xfm, xfm_writers, (Affine, "an Affine"),
    lambda path: first_text(path).startswith(_TITLE),
)  # fmt: skip
