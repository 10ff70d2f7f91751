"""B-splines of ITK and elastix, whose coefficients lie one component after the other, in LPS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.io.fields import flip_components
from regkit.io.lps import ItkGeometry, from_itk
from regkit.io.nifti_vectors import check_vectors
from regkit.transforms.bspline import CubicBSpline


def bspline_parameters(spline: CubicBSpline) -> NDArray[np.float64]:
    """List the coefficients of a B-spline, fixed to moving, as ITK does, in LPS mm.

    Returns
    -------
    NDArray
        ``(d * n,)``: of all control points the first component, then the others; the first axis is
        fastest.
    """
    turned = flip_components(spline.coefficients.detach().cpu().double().clone())
    return turned.permute(0, *range(spline.ndim, 0, -1)).numpy().ravel()


def bspline_from_itk(
    values: NDArray[np.float64], shape: Sequence[int], geometry: ItkGeometry, name: str
) -> CubicBSpline:
    """Make a cubic B-spline, fixed to moving, from what a file of ITK holds.

    Parameters
    ----------
    values
        Coefficients in LPS mm ``(d * n,)``: of all control points the first component, then the
        others; the first axis is fastest.
    shape
        Control points along each axis.
    geometry
        Where they lie, in LPS mm.
    name
        The file, for messages.

    Raises
    ------
    InputError
        If they do not fit together, or are not finite.
    """
    backwards = values.reshape(len(shape), *reversed(shape))
    order = (0, *range(len(shape), 0, -1))
    whole = torch.from_numpy(np.ascontiguousarray(np.transpose(backwards, order)))
    try:
        return CubicBSpline(flip_components(check_vectors(name, whole)), from_itk(shape, geometry))
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(name) else f"{name}: {text}") from error
