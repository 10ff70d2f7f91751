"""Warps of other programs in NIfTI files, by their intent: which are read how, which are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nibabel.nifti1 import Nifti1Header

# What ITK reads as a field: 1007 in LPS, as it and ANTs write, and 1006 in RAS+.
VECTOR_INTENTS = (1006, 1007)

_READ = "read_transform and `regkit convert-transform` read it"
_WITH_IMAGES = f"{_READ}, with its images"
_TO_FIELD = (
    "regkit does not read it; turn it into a field with `fnirtfileutils -i IN -r FIXED -o OUT "
    "--withaff`"
)
# Hertz: how far a voxel moves depends on how its image was acquired, which is not in the file.
_IN_HERTZ = "a shift in Hz, not in mm, and so no transform; apply it with `applytopup`"
_FSL = {
    2006: ("a FNIRT displacement field", _WITH_IMAGES),
    2007: ("FNIRT coefficients (cubic splines)", _WITH_IMAGES),
    2008: ("FNIRT coefficients (cosines)", _TO_FIELD),
    2009: ("FNIRT coefficients (quadratic splines)", _TO_FIELD),
    2016: ("TOPUP coefficients (cubic splines)", _IN_HERTZ),
    2017: ("TOPUP coefficients (quadratic splines)", _IN_HERTZ),
    2018: ("a TOPUP field", _IN_HERTZ),
}
# What intent_p1 of NiftyReg says: only dense positions and displacements move points as they are.
_DENSE = (0, 1)
CUBIC, VELOCITY, LINEAR = 2, 5, 6
_TO_DENSE = (
    "regkit does not read it; turn it into a field with `reg_transform -ref IMAGE -def IN OUT`"
)
_NIFTYREG = {
    CUBIC: "control points (cubic splines)",
    3: "a velocity field (positions)",
    4: "a velocity field",
    VELOCITY: "velocity control points",
    LINEAR: "control points (linear splines)",
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
    """Name a warp that is no dense field, and what to do with it; None for anything else."""
    intent = int(header["intent_code"])
    if intent in _FSL:
        return _FSL[intent]
    if intent not in VECTOR_INTENTS or intent_name(header) != "NREG_TRANS":
        return None
    kind = niftyreg_kind(header)
    if kind in _DENSE:
        return None
    cures = {CUBIC: _READ, LINEAR: _READ, VELOCITY: f"{_READ}, with its fixed image"}
    return f"{_NIFTYREG.get(kind, 'a transform')} of NiftyReg", cures.get(kind, _TO_DENSE)


def vectors_of(header: Nifti1Header) -> Vectors:
    """Tell what the vectors of a field mean, by the program that wrote it.

    ITK's are displacements in its own world, except under intent 1006. NiftyReg stores positions
    (kind 0) or displacements (1) in RAS+ mm, SPM (``y_*.nii``, "Mapping") positions.
    """
    name = intent_name(header)
    if name == "NREG_TRANS":
        return Vectors("RAS", positions=niftyreg_kind(header) == 0)
    if name == "Mapping":
        return Vectors("RAS", positions=True)
    return Vectors("LPS" if int(header["intent_code"]) == 1007 else "RAS")


def intent_name(header: Nifti1Header) -> str:
    """Return the name that a header has beside its intent code."""
    return bytes(header["intent_name"].item()).split(b"\0")[0].decode("ascii", errors="replace")


def niftyreg_kind(header: Nifti1Header) -> int:
    """Return the kind of a transform that NiftyReg wrote, by intent_p1; -1 where it is none."""
    kind = float(header["intent_p1"])
    return int(kind) if kind.is_integer() else -1
