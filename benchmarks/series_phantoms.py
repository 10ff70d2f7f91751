"""Series of real images whose motion is known: each frame is sampled once from a sharp image.

The sharp image is smoothed for the voxels of the series, moved, sampled by a cubic spline, scaled
and given Rician noise. Nothing that is judged takes part in making it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import regkit as rk
from benchmarks.data import as_float, background, brain, contrasts, data_folder
from benchmarks.spline_truth import spline_at, spline_of
from regkit.geometry.affines import (
    Matrix,
    about,
    apply_affine,
    homogeneous,
    nearest_rotation,
    rotation,
)
from regkit.resample import antialias

_STEP = np.array([0.25, 0.25, 0.4, 0.006, 0.004, 0.004])  # mm and radians from frame to frame
_B = 1000.0  # s/mm²
_ADC = {"csf": 3e-3, "grey": 0.8e-3, "white": 0.3e-3, "along": 1.2e-3}  # mm²/s
_EACH_PLAIN = 5  # every fifth frame of a diffusion series is not weighted
Array = NDArray[np.float32]
MakePhantom = Callable[[int], "SeriesPhantom"]


@dataclass(frozen=True, eq=False)
class SeriesPhantom:
    """A series and its truth.

    Parameters
    ----------
    frames
        On one oblique grid.
    truth
        World affines from the body to each frame (4, 4); the first one is the identity.
    points
        World points of the body ``(N, 3)``.
    """

    frames: list[rk.Volume]
    truth: list[Matrix]
    points: Matrix


def bold_phantom(count: int, *, noise: float = 0.03) -> SeriesPhantom:
    """A T2-weighted brain in 64x64x30 voxels of 3.4x3.4x4 mm, brighter and darker by a tenth."""
    sharp = contrasts()["T2"]
    gains = [1 + 0.1 * np.sin(number) for number in range(count)]
    images = (sharp.with_data(gain * sharp.data) for gain in gains)
    return _moved(images, count, (64, 64, 30), (3.4, 3.4, 4.0), noise)


def diffusion_phantom(count: int, *, noise: float = 0.03) -> SeriesPhantom:
    """The same brain as a diffusion series of b = 1000: fluid goes dark, fibres by direction."""
    t1, t2 = (contrasts()[name] for name in ("T1", "T2"))
    inside = brain(t1).data.numpy()[0] > 0
    fluid, white = _tissues(t1.data.numpy()[0], inside)
    random = np.random.default_rng(5)
    fibres = np.stack([gaussian_filter(random.normal(size=inside.shape), 12) for _ in range(3)])
    fibres /= np.linalg.norm(fibres, axis=0)
    directions = random.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    plain = np.where(inside, t2.data.numpy()[0] - t2.data.numpy()[0][inside].min(), 0)

    def images() -> Iterator[rk.Volume]:
        for number, way in enumerate(directions):
            along = np.einsum("c,c...->...", way, fibres) ** 2
            white_adc = _ADC["white"] + _ADC["along"] * along
            adc = _ADC["csf"] * fluid + white_adc * white + _ADC["grey"] * (1 - fluid) * (1 - white)
            loss = 1.0 if number % _EACH_PLAIN == 0 else np.exp(-_B * adc)
            data = torch.from_numpy((plain * loss).astype(np.float32))[None]
            yield rk.Volume(data, t2.grid)

    return _moved(images(), count, (64, 64, 30), (3.4, 3.4, 4.0), noise)


def enhancement_phantom(count: int, *, noise: float = 0.03) -> SeriesPhantom:
    """A prostate MRI in 80x80x20 voxels, three regions of which brighten up to 2.5 times."""
    path = data_folder() / "dce_prostate" / "late_20_frames.nii.gz"
    late = [as_float(rk.read(path, frame=number).load()) for number in range(20)]
    sharp = late[0].with_data(torch.stack([each.data for each in late]).mean(0))
    grid = sharp.grid
    places = ((0.5, 0.48, 0.5), (0.31, 0.62, 0.4), (0.69, 0.38, 0.6))
    spots = torch.stack([_spot(grid, place) for place in places]).sum(0)
    images = (
        sharp.with_data(sharp.data * (1 + 1.5 * number / (count - 1) * spots).float())
        for number in range(count)
    )
    spacing = (2 * grid.spacing[0], 2 * grid.spacing[1], grid.spacing[2])
    return _moved(images, count, (80, 80, 20), spacing, noise)


def _spot(grid: rk.Grid, place: tuple[float, float, float]) -> torch.Tensor:
    """A smooth spot 15 mm wide at a place given in shares of the field of view, ``(1, *shape)``."""
    index = torch.tensor([share * n for share, n in zip(place, grid.shape, strict=True)])
    away = grid.world_points() - grid.to_world(index.double())
    return torch.exp(-away.square().sum(-1) / (2 * 15.0**2))[None]


def _tissues(t1: Array, inside: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Shares of fluid and of white matter by the brightness of a T1-weighted brain."""
    dark, grey, mid, bright = np.quantile(t1[inside], [0.08, 0.2, 0.5, 0.62])
    fluid: Array = np.clip((grey - t1) / (grey - dark), 0, 1)
    white: Array = np.clip((t1 - mid) / (bright - mid), 0, 1)
    return fluid, white


def _moved(
    images: Iterator[rk.Volume],
    count: int,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    noise: float,
) -> SeriesPhantom:
    """Frames on an oblique, left-handed grid; noise is a share of the brightness of the first."""
    random = np.random.default_rng(1)
    frames, truth, walk, level = list[rk.Volume](), list[Matrix](), np.zeros(6), 0.0
    for number, image in enumerate(images):
        grid = _oblique(image.grid, shape, spacing)
        walk = walk + (random.normal(size=6) * _STEP if number else 0)
        motion = homogeneous(np.eye(3), walk[:3]) @ about(grid.centre, rotation(list(walk[3:])))
        values = _sampled(image, grid, np.asarray(np.linalg.inv(motion)))
        level = level or float(np.quantile(values[values > 0.05 * values.max()], 0.9))
        signal, quadrature = (noise * level * random.normal(size=shape) for _ in range(2))
        noisy = np.hypot(values + signal, quadrature).astype(np.float32)
        frames.append(rk.Volume(noisy, grid))
        truth.append(motion)
        if number == 0:
            body = grid.world_points().numpy()[values > 0.2 * level]
    if len(frames) != count:
        raise ValueError(f"{len(frames)} frames instead of {count}")
    return SeriesPhantom(frames, truth, body)


def _oblique(
    sharp: rk.Grid, shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> rk.Grid:
    linear = rotation([0.1, -0.07, 0.15]) @ np.diag([-spacing[0], spacing[1], spacing[2]])
    middle = linear @ ((np.array(shape) - 1) / 2)
    return rk.Grid(shape, homogeneous(linear, sharp.centre - middle))


def _sampled(image: rk.Volume, grid: rk.Grid, back: Matrix) -> Array:
    """An image in the voxels of a grid, through a world affine from the grid to it (4, 4)."""
    shifted = image.with_data(image.data - background(image)) if background(image) else image
    smooth = antialias(shifted, grid)
    index = apply_affine(smooth.grid.inverse_affine @ back, grid.world_points().numpy())
    values = spline_at(spline_of(smooth.data.numpy()), index)[0]
    inside = ((index >= 0) & (index <= np.array(smooth.grid.shape) - 1)).all(axis=-1)
    out: Array = np.where(inside, np.maximum(values, 0), 0)
    return out


def motion_errors(found: list[Matrix], phantom: SeriesPhantom) -> Matrix:
    """How far each frame is off, ``(N,)``: the mean over the points of the body, in mm.

    The rigid motion that all frames share is left out: where the reference lies is a choice.

    Parameters
    ----------
    found
        World affines from the reference of a method to each frame (4, 4).
    phantom
        The truth.
    """
    shared = _mean_motion(
        [np.linalg.inv(true) @ each for each, true in zip(found, phantom.truth, strict=True)],
        phantom.points.mean(axis=0),
    )
    apart = [
        apply_affine(each, phantom.points) - apply_affine(true @ shared, phantom.points)
        for each, true in zip(found, phantom.truth, strict=True)
    ]
    return np.array([np.linalg.norm(each, axis=1).mean() for each in apart])


def _mean_motion(motions: list[Matrix], centre: Matrix) -> Matrix:
    turn = nearest_rotation(np.mean([each[:3, :3] for each in motions], axis=0))
    shift = np.mean([apply_affine(each, centre) for each in motions], axis=0)
    return homogeneous(turn, shift - turn @ centre)
