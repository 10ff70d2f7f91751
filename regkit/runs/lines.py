"""Lines that several jobs say alike."""

from __future__ import annotations

from collections.abc import Mapping

from regkit.volume import Volume


def describe(role: str, volume: Volume, name: str) -> str:
    """Describe an image on one line: its role, name, shape, spacing and orientation.

    Parameters
    ----------
    role
        What it is to the job, such as ``fixed``.
    volume
        The image.
    name
        The name that people see.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from regkit import Grid
    >>> describe("fixed", Volume(torch.zeros(4, 5, 6), Grid((4, 5, 6), np.eye(4))), "a.nii")
    'fixed   a.nii  4x5x6, 1x1x1 mm, RAS'
    """
    return f"{role:<7} {name}  {volume.grid.summary}"


def describe_deformation(metrics: Mapping[str, float]) -> str:
    """Say on one line how much of a transform folds, and how uneven it is.

    Examples
    --------
    >>> describe_deformation({"folding": 0.0, "log_jacobian_sd": 0.4823})
    'field   folding 0 %, log-Jacobian SD 0.482'
    """
    return (
        f"field   folding {100 * metrics['folding']:.3g} %, log-Jacobian SD "
        f"{metrics['log_jacobian_sd']:.3g}"
    )
