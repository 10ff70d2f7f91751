"""How many numbers each kind of ITK transform has: with fewer, ITK reads beyond its list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from regkit.errors import InputError
from regkit.io.sizes import product

# Parameters, and how many fixed ones there may be; d stands for the dimension.
_SQUARE = "AffineTransform", "MatrixOffsetTransformBase"
_COUNTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "Euler3DTransform": (6, (3, 4)),
    "VersorRigid3DTransform": (6, (3,)),
    "Similarity3DTransform": (7, (3,)),
    "ScaleVersor3DTransform": (9, (3,)),
    "ScaleSkewVersor3DTransform": (15, (3,)),
    # ITK writes three, and reads a fourth from wherever it finds one.
    "VersorTransform": (4, (3,)),
    "QuaternionRigidTransform": (7, (3,)),
    "Euler2DTransform": (3, (2,)),
    "Rigid2DTransform": (3, (2,)),
    "Similarity2DTransform": (4, (2,)),
}
_COMPOSITE, _FIELD = "CompositeTransform", "DisplacementFieldTransform"
_BSPLINE = "BSplineTransform"


def check_kind(name: str, kind: str) -> tuple[str, int]:
    """Split a kind such as ``AffineTransform_double_3_3`` into its name and its dimension.

    Raises
    ------
    InputError
        If it is not a kind of ITK, or one that is not read.
    """
    found = re.fullmatch(r"(\w+)_(?:double|float)_([23])_\2", kind, flags=re.ASCII)
    if found is None:
        raise InputError(f"{name}: is not an ITK transform: it names a transform {kind[:60]!a}")
    known = {
        *_SQUARE,
        *_COUNTS,
        _COMPOSITE,
        _FIELD,
        _BSPLINE,
        "ScaleTransform",
        "TranslationTransform",
    }
    if found[1] not in known | {"IdentityTransform"}:
        raise InputError(
            f"{name}: holds a {found[1]}, which is not supported; allowed: affine kinds, "
            "B-splines, displacement fields and composites of them. SimpleITK makes it a field: "
            "TransformToDisplacementField"
        )
    return found[1], int(found[2])


def check_counts(name: str, kind: str, parameters: int, fixed: Sequence[float]) -> None:
    """Refuse a transform that has more or fewer numbers than its kind needs.

    Parameters
    ----------
    name
        The file, for messages.
    kind
        The kind as the file names it, such as ``AffineTransform_double_3_3``.
    parameters
        How many parameters the file has for it.
    fixed
        The fixed parameters themselves: the size of a field is among them.

    Raises
    ------
    InputError
        If their numbers do not fit, or the kind is not read.

    Examples
    --------
    >>> check_counts("a.tfm", "AffineTransform_double_3_3", 9, [0, 0, 0])
    Traceback (most recent call last):
    regkit.errors.InputError: a.tfm: its AffineTransform needs 12 parameters and 3 fixed ones,
    found 9 and 3; the file is cut or damaged
    """
    short, ndim = check_kind(name, kind)
    if short == _COMPOSITE:
        return
    if short in (_FIELD, _BSPLINE):
        _check_lattice(name, kind, parameters, fixed)
        return
    needed, allowed = _needed(short, ndim)
    if parameters != needed or len(fixed) not in allowed:
        shown = " or ".join(map(str, allowed))
        raise InputError(
            f"{name}: its {short} needs {needed} parameters and {shown} fixed ones, found "
            f"{parameters} and {len(fixed)}; the file is cut or damaged"
        )


def _needed(short: str, ndim: int) -> tuple[int, tuple[int, ...]]:
    if short in _SQUARE:
        return ndim * ndim + ndim, (ndim,)
    flexible = {
        "ScaleTransform": (ndim, (ndim,)),
        "TranslationTransform": (ndim, (0,)),
        "IdentityTransform": (0, (0,)),
    }
    return flexible.get(short) or _COUNTS[short]


def _check_lattice(name: str, kind: str, parameters: int, fixed: Sequence[float]) -> None:
    """Refuse a grid of vectors that says another size than it has."""
    short, ndim = check_kind(name, kind)
    needed = ndim * (ndim + 3)
    if len(fixed) != needed:
        raise InputError(
            f"{name}: its {short} needs {needed} fixed parameters, found {len(fixed)}; the file "
            "is cut or damaged"
        )
    sizes = [int(size) if abs(size) < 1 << 40 else 0 for size in fixed[:ndim]]
    if min(sizes) < 1 or product(sizes) * ndim != parameters:
        raise InputError(
            f"{name}: a {short} of {'x'.join(map(str, sizes))} voxels needs "
            f"{product(sizes) * ndim} values, found {parameters}; the file is damaged"
        )
