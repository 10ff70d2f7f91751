"""Warps of other programs in NIfTI files, by their intent: which regkit reads, which it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nibabel.nifti1 import Nifti1Header

# What ITK reads as a field: 1007 in LPS, as it and ANTs write, and 1006 in RAS+.
VECTOR_INTENTS = (1006, 1007)

_TO_FIELD = "turn it into a field with `fnirtfileutils -i IN -r FIXED -o OUT --withaff`"
_FSL = {
    2006: (
        "a FNIRT displacement field",
        "it is read by read_transform or `regkit convert-transform`, with its images",
    ),
    2007: ("FNIRT coefficients (cubic splines)", _TO_FIELD),
    2008: ("FNIRT coefficients (cosines)", _TO_FIELD),
    2009: ("FNIRT coefficients (quadratic splines)", _TO_FIELD),
    2016: ("TOPUP coefficients (cubic splines)", "apply it with `applytopup`"),
    2017: ("TOPUP coefficients (quadratic splines)", "apply it with `applytopup`"),
    2018: ("a TOPUP field", "apply it with `applytopup`"),
}
# What intent_p1 of NiftyReg says: only dense positions and displacements move points as they are.
_DENSE = (0, 1)
_NIFTYREG = {
    2: "control points (cubic splines)",
    3: "a velocity field (positions)",
    4: "a velocity field",
    5: "velocity control points",
    6: "control points (linear splines)",
}


@dataclass(frozen=True)
class Intent:
    """What a NIfTI header says of its values: a code, and a name and a parameter beside it."""

    code: int
    name: str = ""
    parameter: float = 0.0


ITK_VECTORS = Intent(1007)
SYMMETRIC = Intent(1005, parameter=3)  # the rows of the matrices
FSL_DISPLACEMENTS = Intent(2006)
NIFTYREG_POSITIONS = Intent(1007, "NREG_TRANS")
SPM_POSITIONS = Intent(1007, "Mapping")


@dataclass(frozen=True)
class Vectors:
    """What the vectors of a field mean.

    ``world`` is that of their components; ``positions`` tells whether they are the points that
    voxels are sent to, instead of the way to there.
    """

    world: Literal["RAS", "LPS"]
    positions: bool = False


def foreign_warp(header: Nifti1Header) -> tuple[str, str] | None:
    """Name a warp that regkit does not read, and what to do with it; None for anything else."""
    intent = int(header["intent_code"])
    if intent in _FSL:
        return _FSL[intent]
    if intent not in VECTOR_INTENTS or intent_name(header) != "NREG_TRANS":
        return None
    kind = _niftyreg_kind(header)
    if kind in _DENSE:
        return None
    return (
        f"{_NIFTYREG.get(kind, 'a transform')} of NiftyReg",
        "turn it into a field with `reg_transform -ref IMAGE -def IN OUT`",
    )


def vectors_of(header: Nifti1Header) -> Vectors:
    """Tell what the vectors of a field mean, by the program that wrote it.

    ITK's are displacements in its own world, except under intent 1006. NiftyReg stores positions
    (kind 0) or displacements (1) in RAS+ mm, SPM (``y_*.nii``, "Mapping") positions.
    """
    name = intent_name(header)
    if name == "NREG_TRANS":
        return Vectors("RAS", positions=_niftyreg_kind(header) == 0)
    if name == "Mapping":
        return Vectors("RAS", positions=True)
    return Vectors("LPS" if int(header["intent_code"]) == 1007 else "RAS")


def intent_name(header: Nifti1Header) -> str:
    """Return the name that a header has beside its intent code."""
    return bytes(header["intent_name"].item()).split(b"\0")[0].decode("ascii", errors="replace")


def _niftyreg_kind(header: Nifti1Header) -> int:
    kind = float(header["intent_p1"])
    return int(kind) if kind.is_integer() else -1
