"""What `benchmarks.denoise` measures on: real MRI with added noise, and real repeated noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import regkit as rk
from benchmarks.data import as_float, brain, contrasts, data_folder

Array = NDArray[np.float32]
FRAME, _TOP = 10, 0.999


@dataclass(frozen=True, eq=False)
class Case:
    """A noisy volume and what it is judged against; the range of the reference is 1.

    Parameters
    ----------
    name
        Image and noise.
    noisy, reference
        ``(i, j, k)``, in units of the 99.9 % quantile of the reference inside the mask.
    mask
        Where it is judged.
    sigma
        Of the noise that was added; None for real noise.
    training
        Another person's clean image, for the supervised ceiling; None where there is none.
    frames
        All repeats, of which ``noisy`` is one of the middle; none where there is one image.
    """

    name: str
    noisy: Array
    reference: Array
    mask: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    sigma: float | None
    training: Array | None = None
    frames: tuple[Array, ...] = ()


def cases(size: tuple[int, int, int], seed: int) -> Iterator[Case]:
    """Every row of the table, on boxes of ``size`` around the middle of the brain."""
    folder = data_folder() / "brain_t1"
    one, other = (as_float(rk.read(folder / f"{who}_t1.nii.gz")) for who in ("a", "b"))
    clean, mask = _box(one, size)
    training, _ = _box(other, size)
    for noise in (("gaussian", 0.05), ("gaussian", 0.1), ("rician", 0.1)):
        yield _with_noise("brain_t1", clean, mask, noise, seed, training)
    t2, inside = _box(contrasts()["T2"], size)
    for noise in (("gaussian", 0.05), ("gaussian", 0.1), ("rician", 0.1)):
        yield _with_noise("ms_multicontrast T2", t2, inside, noise, seed, None)
    yield repeated()


def repeated() -> Case:
    """A frame of `dce_prostate`, judged against the mean of the nineteen others."""
    path = data_folder() / "dce_prostate" / "late_20_frames.nii.gz"
    frames = [rk.read(path, frame=n).data[0].numpy().astype(np.float32) for n in range(20)]
    reference = np.mean([f for n, f in enumerate(frames) if n != FRAME], axis=0)
    top = float(np.quantile(reference, _TOP))
    mask = reference > 0.02 * top
    spacing = rk.read(path, frame=0).grid.spacing
    return Case(
        "dce_prostate, real noise", frames[FRAME] / top, reference / top, mask,
        (spacing[0], spacing[1], spacing[2]), None, frames=tuple(f / top for f in frames),
    )  # fmt: skip


def _with_noise(
    image: str,
    clean: Array,
    mask: NDArray[np.bool_],
    noise: tuple[str, float],
    seed: int,
    training: Array | None,
) -> Case:
    kind, sigma = noise
    parts = sigma * np.random.default_rng(seed).standard_normal((2, *clean.shape), np.float32)
    noisy = clean + parts[0] if kind == "gaussian" else np.hypot(clean + parts[0], parts[1])
    name = f"{image}, {kind} {100 * sigma:.0f} %"
    return Case(name, noisy, clean, mask, (1.0, 1.0, 1.0), sigma, training)


def _box(volume: rk.Volume, size: tuple[int, int, int]) -> tuple[Array, NDArray[np.bool_]]:
    inside = brain(volume).data[0].numpy() > 0
    data = volume.data[0].numpy() - float(volume.data.flatten()[0])
    corner = [(n - min(s, n)) // 2 for n, s in zip(data.shape, size, strict=True)]
    box = tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
    cut, mask = data[box], inside[box]
    return np.maximum(cut / np.quantile(cut[mask], _TOP), 0).astype(np.float32), mask
