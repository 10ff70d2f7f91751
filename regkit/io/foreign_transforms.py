"""Transform files of other programs that are known by their content and not read."""

from __future__ import annotations

import re
from pathlib import Path

from regkit.io.names import extension

_START = 4096
_NUMBER = rb"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_ROW = rb"\s*" + rb"\s+".join([_NUMBER] * 4) + rb"\s*"
_MATRIX = re.compile(rb"(?:" + _ROW + rb"\n){3}" + _ROW + rb"(?:\n|$)")

_ELASTIX = (
    "parameters of elastix",
    "have elastix write ITK's form (WriteITKCompositeTransform), or a field by `transformix -def "
    "all`",
)
_PLAIN = (
    "a bare 4x4 matrix",
    "write one of FSL with `c3d_affine_tool -ref FIXED -src MOVING MATRIX -fsl2ras -oitk OUT.txt`, "
    "one of greedy or NiftyReg with `c3d_affine_tool MATRIX -oitk OUT.txt`",
)
_LTA = ("a FreeSurfer LTA", "convert it with `lta_convert --inlta IN --outitk OUT.txt`")
_XFM = ("a MINC .xfm", "its matrix is in RAS: regkit.write_transform(Affine(matrix), 'out.tfm')")
_X5 = ("an X5 transform", "convert it with nitransforms, to_filename(..., fmt='itk')")
_AFNI = ("an AFNI matrix", "convert it with nitransforms, to_filename(..., fmt='itk')")
_BY_SUFFIX = {".lta": _LTA, ".xfm": _XFM, ".x5": _X5, ".1d": _AFNI}


def foreign_transform(path: Path) -> tuple[str, str] | None:
    """Recognise a transform file of another program, and say what converts it; None if unknown.

    The file must be there; it is recognised by its first bytes, or by its extension.
    """
    with path.open("rb") as file:
        start = file.read(_START)
    if re.search(rb"^\s*\(Transform\s", start, flags=re.MULTILINE):
        return _ELASTIX
    if start.startswith(b"MNI Transform File"):
        return _XFM
    if _MATRIX.match(start):
        return _PLAIN
    return _BY_SUFFIX.get(extension(path))
