"""Parameter files of elastix: TransformParameters.N.txt, in LPS mm, fixed to moving as in ITK.

Each file may name the one before it; that is looked for beside it and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.io.itk import simpleitk
from regkit.io.itk_bspline import bspline_from_itk
from regkit.io.itk_transforms import transform_from_sitk
from regkit.io.lps import ItkGeometry
from regkit.io.names import display_name
from regkit.io.sizes import product
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.elastix_writing import elastix_writers
from regkit.io.transform_formats.text import first_text
from regkit.transforms import Affine, Transform, compose
from regkit.transforms.bspline import CubicBSpline

_MAX_BYTES = 1 << 28
_MOST_IN_A_ROW = 16
_ENTRY = re.compile(r"^[ \t]*\((\w+)((?:[ \t]+(?:\"[^\"\n]*\"|[^\s\")]+))*)[ \t]*\)", re.MULTILINE)
_LINEAR = {
    ("TranslationTransform", 2): 2, ("TranslationTransform", 3): 3,
    ("EulerTransform", 2): 3, ("EulerTransform", 3): 6,
    ("SimilarityTransform", 2): 4, ("SimilarityTransform", 3): 7,
    ("AffineTransform", 2): 6, ("AffineTransform", 3): 12,
}  # fmt: skip
_INITIAL = ("InitialTransformParameterFileName", "InitialTransformParametersFileName")
_NONE = "NoInitialTransform"
_SPLINES = ("BSplineTransform", "RecursiveBSplineTransform")  # one spline, two ways to sum it
Entries = Mapping[str, list[str]]


def read_elastix(path: Path, pair: ImagePair) -> Transform:
    """Read a parameter file of elastix, fixed to moving, with those that go before it.

    Raises
    ------
    InputError
        If one is cut or damaged, of another kind, or not beside the one that names it.
    """
    found, place, seen = list[Transform](), path, set[str]()
    while True:
        entries, name = _entries(place), display_name(place)
        found.append(_transform(entries, name))
        before = next((entries[key] for key in _INITIAL if key in entries), None)
        if before is None:
            raise InputError(f"{name}: does not say what goes before it; the file is cut")
        if before == [_NONE]:
            return compose(*found)
        if _word(entries, "HowToCombineTransforms", name) != "Compose":
            raise InputError(f"{name}: adds its transform to another one; allowed: Compose")
        seen.add(place.name)
        place = path.parent / re.split(r"[/\\]", before[0] if before else "")[-1]
        if place.name in seen or len(seen) >= _MOST_IN_A_ROW or not place.is_file():
            raise InputError(
                f"{name}: goes on from {place.name[:80]!a}, which is not beside it; copy it there"
            )


def _entries(path: Path) -> Entries:
    name = display_name(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes; sample it as a field instead")
    text = path.read_text(encoding="utf-8", errors="replace")
    found = {key: re.findall(r"\"([^\"]*)\"|(\S+)", rest) for key, rest in _ENTRY.findall(text)}
    # The last of those that matter: elastix sorts them.
    if "UseDirectionCosines" not in found:
        raise InputError(f"{name}: lacks UseDirectionCosines; the file is cut, or of elastix 4.2")
    return {key: [one or other for one, other in words] for key, words in found.items()}


def _word(entries: Entries, key: str, name: str) -> str:
    if not entries.get(key):
        raise InputError(f"{name}: lacks {key}; the file is cut or damaged")
    return entries[key][0]


def _numbers(entries: Entries, key: str, count: int, name: str) -> Matrix:
    """Exactly ``count`` finite numbers, ``(count,)``."""
    words = entries.get(key, [])
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{name}: {key} holds a word that is no number") from error
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(
            f"{name}: {key} needs {count} finite numbers, found {len(values)}; the file is cut or "
            "damaged"
        )
    return values


def _transform(entries: Entries, name: str) -> Transform:
    kind, dimension = _word(entries, "Transform", name), _word(entries, "FixedImageDimension", name)
    if dimension not in ("2", "3") or entries["UseDirectionCosines"] != ["true"]:
        raise InputError(
            f"{name}: is of {dimension[:9]} dimensions or without direction cosines; allowed: 2 or "
            "3 with them (UseDirectionCosines true)"
        )
    if entries.get("UseBinaryFormatForTransformationParameters") == ["true"]:
        raise InputError(f"{name}: keeps its parameters in another file; have them written as text")
    if kind in _SPLINES:
        return _bspline(entries, int(dimension), name)
    if (kind, int(dimension)) not in _LINEAR:
        raise InputError(
            f"{name}: holds a {kind[:60]} of elastix, which is not read; allowed: Translation, "
            "Euler, Similarity, Affine and BSpline. `transformix -def all` makes it a field"
        )
    return transform_from_sitk(_linear(kind, int(dimension), entries, name), name)


def _linear(kind: str, ndim: int, entries: Entries, name: str) -> Any:
    """A transform of SimpleITK."""
    values = _numbers(entries, "TransformParameters", _LINEAR[kind, ndim], name).tolist()
    itk = simpleitk()
    if kind == "TranslationTransform":
        return itk.TranslationTransform(ndim, values)
    made = itk.AffineTransform(ndim) if kind == "AffineTransform" else None
    if made is None:
        made = getattr(itk, f"{kind.removesuffix('Transform')}{ndim}DTransform")()
    made.SetCenter(_numbers(entries, "CenterOfRotationPoint", ndim, name).tolist())
    if kind == "EulerTransform" and ndim == 3:
        made.SetComputeZYX(_word(entries, "ComputeZYX", name) == "true")
    made.SetParameters(values)
    return made


def _bspline(entries: Entries, ndim: int, name: str) -> Transform:
    order = _word(entries, "BSplineTransformSplineOrder", name)
    if order != "3" or _word(entries, "UseCyclicTransform", name) != "false":
        raise InputError(
            f"{name}: holds a B-spline of order {order[:9]} or a cyclic one; allowed: 3"
        )
    sizes = _numbers(entries, "GridSize", ndim, name)
    if not ((sizes >= 4) & (sizes < 1 << 20) & (sizes == sizes.round())).all():
        raise InputError(f"{name}: GridSize is {sizes.tolist()}; allowed: whole numbers from 4")
    shape = [int(each) for each in sizes]
    if _numbers(entries, "GridIndex", ndim, name).any():
        raise InputError(f"{name}: GridIndex is not 0, which elastix always writes; it is damaged")
    values = _numbers(entries, "TransformParameters", ndim * product(shape), name)
    spacing = _numbers(entries, "GridSpacing", ndim, name)
    origin = _numbers(entries, "GridOrigin", ndim, name)
    # Column by column.
    direction = _numbers(entries, "GridDirection", ndim * ndim, name).reshape(ndim, ndim).T
    if not (spacing > 0).all():
        raise InputError(f"{name}: GridSpacing is {spacing.tolist()}; it must be positive")
    where = ItkGeometry(tuple(spacing), tuple(origin), tuple(direction.ravel()))
    return bspline_from_itk(values, shape, where, name)


def _is_elastix(path: Path) -> bool:
    found = re.search(r"^\s*\((\w+) ", first_text(path), flags=re.MULTILINE)
    return found is not None


ELASTIX = TransformFormat(
    "elastix", "elastix parameter file", (".txt",), read_elastix,
    partial(elastix_writers, read=read_elastix),
    (Affine | CubicBSpline, "an Affine or a cubic B-spline"), _is_elastix,
)  # fmt: skip
