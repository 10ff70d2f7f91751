"""What `benchmarks.denoise` measures on: real MRI with added noise, and real repeated noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import regkit as rk
from benchmarks.data import as_float, brain, contrasts, data_folder

Array = NDArray[np.float32]
_TOP = 0.999
# Of the frames that a method sees: one of the middle.
_FRAMES = (5, 4, 6)


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
    training, other
        Another person's clean image, for the supervised ceiling, and the same with noise, for
        models that are applied to whom they have not seen; None where there is none.
    frames, frame
        Repeats that a method may see, and which of them is ``noisy``; none where there is one
        image. Those that the reference is made of are not among them.
    """

    name: str
    noisy: Array
    reference: Array
    mask: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    sigma: float | None
    training: Array | None = None
    other: Array | None = None
    frames: tuple[Array, ...] = ()
    frame: int = 0


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
    yield repeated(size, seed)


def repeated(size: tuple[int, int, int], seed: int) -> Case:
    """A frame of `dce_prostate`, judged against the mean of every second one of the others.

    A method sees the ten frames of even number alone, so that no noise of the reference is in
    what it is given. The seed chooses the frame.
    """
    path = data_folder() / "dce_prostate" / "late_20_frames.nii.gz"
    volumes = [rk.read(path, frame=n) for n in range(20)]
    box = _middle(volumes[0].grid.shape, size)
    frames = [each.data[0].numpy()[box].astype(np.float32) for each in volumes]
    reference = np.mean(frames[1::2], axis=0)
    top = float(np.quantile(reference, _TOP))
    mask = reference > 0.02 * top
    spacing = volumes[0].grid.spacing
    seen, frame = tuple(f / top for f in frames[::2]), _FRAMES[seed % len(_FRAMES)]
    return Case(
        "dce_prostate, real noise", seen[frame], reference / top, mask,
        (spacing[0], spacing[1], spacing[2]), None, frames=seen, frame=frame,
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
    noisy = _noised(clean, kind, sigma, np.random.default_rng(seed))
    other = None
    if training is not None:
        other = _noised(training, kind, sigma, np.random.default_rng([seed, 1]))
    name = f"{image}, {kind} {100 * sigma:.0f} %"
    return Case(name, noisy, clean, mask, (1.0, 1.0, 1.0), sigma, training, other)


def _noised(clean: Array, kind: str, sigma: float, generator: np.random.Generator) -> Array:
    parts = sigma * generator.standard_normal((2, *clean.shape), np.float32)
    noisy: Array = clean + parts[0]
    return noisy if kind == "gaussian" else np.hypot(noisy, parts[1])


def _box(volume: rk.Volume, size: tuple[int, int, int]) -> tuple[Array, NDArray[np.bool_]]:
    inside = brain(volume).data[0].numpy() > 0
    data = volume.data[0].numpy() - float(volume.data.flatten()[0])
    box = _middle(data.shape, size)
    cut, mask = data[box], inside[box]
    return np.maximum(cut / np.quantile(cut[mask], _TOP), 0).astype(np.float32), mask


def _middle(shape: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
    corner = [(n - min(s, n)) // 2 for n, s in zip(shape, size, strict=True)]
    return tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
