"""How an affine and a cubic B-spline are laid out in a parameter file of elastix, in LPS mm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from regkit.geometry import Grid
from regkit.io.itk_bspline import bspline_parameters
from regkit.io.lps import flip_xy, to_itk
from regkit.io.transform_format import ImagePair, Writers
from regkit.io.transform_formats.text import text_writers
from regkit.io.voxels import read_back_error
from regkit.transforms import Affine, Transform
from regkit.transforms.bspline import CubicBSpline

Numbers = Mapping[str, Sequence[float]]
_WORDS = {
    "FixedInternalImagePixelType": "float", "MovingInternalImagePixelType": "float",
    "HowToCombineTransforms": "Compose", "InitialTransformParameterFileName": "NoInitialTransform",
    "UseDirectionCosines": "true", "ResampleInterpolator": "FinalBSplineInterpolator",
    "Resampler": "DefaultResampler", "ResultImageFormat": "nii",
    "ResultImagePixelType": "float32", "CompressResultImage": "false",
}  # fmt: skip


def elastix_writers(
    transform: Affine | CubicBSpline,
    path: Path,
    pair: ImagePair,
    *,
    read: Callable[[Path, ImagePair], Transform],
) -> Writers:
    """Prepare to write a transform, fixed to moving, as transformix reads it.

    Parameters
    ----------
    transform
        Fixed to moving.
    path
        Where to.
    pair
        The fixed image, on whose grid transformix writes its result.
    read
        The reader of these files.

    Returns
    -------
    write, verify
        The first writes the parameters to a path, the second checks what lies there.
    """
    grid = pair.needed("fixed", path, "a parameter file of elastix")
    if isinstance(transform, Affine):
        return text_writers(_text(_affine(transform), "Affine", grid), transform, read, pair)
    text = _text(_bspline(transform), "BSpline", grid, {"UseCyclicTransform": "false"})
    return (
        lambda part: part.write_text(text, encoding="utf-8"),
        lambda part: _verify(transform, read(part, pair), part),
    )


def _verify(spline: CubicBSpline, found: Transform, path: Path) -> None:
    same = isinstance(found, CubicBSpline) and torch.allclose(
        found.coefficients, spline.coefficients.cpu().double()
    )
    if not same:
        raise read_back_error(path)


def _affine(transform: Affine) -> Numbers:
    matrix = flip_xy(transform.matrix)
    values = (*matrix[:3, :3].ravel(), *matrix[:3, 3])
    return {"CenterOfRotationPoint": (0, 0, 0), "TransformParameters": values}


def _bspline(transform: CubicBSpline) -> Numbers:
    place = to_itk(transform.grid)
    return {
        "BSplineTransformSplineOrder": (3,),
        "GridDirection": _columns(place.direction),
        "GridIndex": (0, 0, 0),
        "GridOrigin": place.origin,
        "GridSize": transform.grid.shape,
        "GridSpacing": place.spacing,
        "TransformParameters": bspline_parameters(transform).tolist(),
    }


def _columns(direction: Sequence[float]) -> Sequence[float]:
    """A direction matrix column by column."""
    columns: list[float] = np.reshape(direction, (3, 3)).T.ravel().tolist()
    return columns


def _text(own: Numbers, kind: str, grid: Grid, more: Mapping[str, str] | None = None) -> str:
    place = to_itk(grid)
    numbers: dict[str, Sequence[float]] = {
        **own,
        "Direction": _columns(place.direction),
        "FixedImageDimension": (3,),
        "Index": (0, 0, 0),
        "MovingImageDimension": (3,),
        "NumberOfParameters": (len(own["TransformParameters"]),),
        "Origin": place.origin,
        "Size": grid.shape,
        "Spacing": place.spacing,
        "FinalBSplineInterpolationOrder": (3,),
        "DefaultPixelValue": (0,),
    }
    words = {**_WORDS, **(more or {}), "Transform": f"{kind}Transform"}
    rows = [
        f"({key} {' '.join(f'{each:.17g}' for each in found)})" for key, found in numbers.items()
    ]
    rows += [f'({key} "{word}")' for key, word in words.items()]
    # Last, as the sign that nothing is missing.
    rows.sort(key=lambda row: (row.startswith("(UseDirectionCosines"), row))
    return "\n".join(rows) + "\n"
