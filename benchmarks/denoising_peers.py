"""Denoisers of others that `benchmarks.denoise` runs; those that are not installed are left out.

Those with a parameter get the one that is best by the clean image of the first seed, which no user
has: they are an upper bound of what tuning can give.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from benchmarks.denoisers import Denoiser, Output
from benchmarks.denoising_cases import Array, Case

# Of auto-denoise, whose epoch of Noise2Void is one step on all slices.
_EPOCHS = {"N2V": 250, "N2N": 30}
_RATE, _FEATURES = 3e-3, 16
# Of non-local means, times sigma; patch and block radius of dipy's.
_STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3)
_RADII = ((1, 2), (1, 3), (1, 5), (2, 3))
# What was best, by method and image: found on the first seed, and taken for the others.
_BEST: dict[tuple[str, str], int] = {}


def peers(case: Case) -> dict[str, Denoiser]:
    """Those that are installed and apply to ``case``, by name."""
    known: dict[str, tuple[str, Denoiser]] = {
        "Gaussian filter, oracle": ("scipy", _gaussian),
        "total variation, oracle": ("skimage", _total_variation),
        "non-local means 3-D (dipy, skimage), oracle": ("dipy", _nlm),
        "BM4D, true sigma": ("bm4d", _bm4d),
        "Noise2Void 2-D (auto-denoise)": ("autoden", _noise2void),
    }
    if case.frames:
        known |= {
            "mean of the frames": ("numpy", _mean),
            "Patch2Self (dipy), the series": ("dipy", _patch2self),
            "Noise2Noise 2-D (auto-denoise), each frame": ("autoden", _noise2noise),
            "Noise2Noise 2-D (auto-denoise), mean of all": ("autoden", _noise2noise_mean),
        }
    return {name: run for name, (package, run) in known.items() if _here(package)}


def _gaussian(case: Case) -> Output:
    from scipy.ndimage import gaussian_filter

    widths = (0.4, 0.5, 0.6, 0.8, 1.0)
    return _tuned(case, "gaussian", [partial(gaussian_filter, case.noisy, sd) for sd in widths])


def _total_variation(case: Case) -> Output:
    from skimage.restoration import denoise_tv_chambolle

    weights = [_level(case) * f for f in (0.5, 0.75, 1.0, 1.5, 2.0)]
    tried = [partial(denoise_tv_chambolle, case.noisy, weight=w) for w in weights]
    return _tuned(case, "variation", tried)


def _nlm(case: Case) -> Output:
    from dipy.denoise.nlmeans import nlmeans
    from skimage.restoration import denoise_nl_means

    noisy, level = case.noisy.astype(np.float64), _level(case)
    same = {"rician": "rician" in case.name, "num_threads": torch.get_num_threads()}
    tried = [
        partial(nlmeans, noisy, sigma=f * level, patch_radius=p, block_radius=b, **same)
        for p, b in _RADII for f in _STRENGTHS
    ] + [
        partial(denoise_nl_means, case.noisy, patch_size=3, patch_distance=4, h=f * level,
                sigma=level) for f in _STRENGTHS
    ]  # fmt: skip
    return _tuned(case, "non-local", tried)


def _bm4d(case: Case) -> Output:
    from bm4d import bm4d

    return _timed(lambda: bm4d(case.noisy, _level(case)))


def _mean(case: Case) -> Output:
    return _timed(lambda: np.mean(case.frames, axis=0))


def _patch2self(case: Case) -> Output:
    from dipy.denoise.patch2self import patch2self

    series = np.stack(case.frames, -1).astype(np.float64)
    alike = np.full(len(case.frames), 1000.0)  # no frame is apart from the others
    with _quiet():
        return _timed(
            lambda: patch2self(series, alike, shift_intensity=False, verbose=False)[..., case.frame]
        )


def _noise2void(case: Case) -> Output:
    slices = np.ascontiguousarray(case.noisy.transpose(2, 0, 1))

    def run(autoden: Any, network: Any) -> Array:
        peer = autoden.N2V(model=network, reg_val=None, batch_size=8, verbose=False)
        stack, held_out = peer.prepare_data(slices, num_tst_ratio=0.1)
        peer.train(stack, held_out, epochs=_EPOCHS["N2V"], learning_rate=_RATE)
        return np.asarray(peer.infer(stack)).reshape(slices.shape).transpose(1, 2, 0)

    return _learned(run)


def _noise2noise(case: Case) -> Output:
    found = _pairs(case)
    return Output(found.image[case.frame], found.seconds)


def _noise2noise_mean(case: Case) -> Output:
    found = _pairs(case)
    return Output(found.image.mean(0), found.seconds)


@lru_cache(maxsize=1)
def _pairs(case: Case) -> Output:
    """Every frame, ``(n, i, j, k)``, by a network that predicts the mean of the others."""
    stacks = np.ascontiguousarray(np.stack(case.frames).transpose(0, 3, 1, 2))

    def run(autoden: Any, network: Any) -> Array:
        peer = autoden.N2N(model=network, reg_val=None, batch_size=8, verbose=False)
        seen, wanted, held_out = peer.prepare_data(stacks, num_tst_ratio=0.1)
        peer.train(seen, wanted, held_out, epochs=_EPOCHS["N2N"], learning_rate=_RATE)
        found = np.asarray(peer.infer(seen, average_splits=False))  # (k, n, i, j)
        return found.reshape(seen.shape).transpose(1, 2, 3, 0)

    return _learned(run)


def _learned(run: Callable[[Any, Any], Array]) -> Output:
    """A method of auto-denoise on a 2-D U-Net, as its documentation has it."""
    import autoden

    torch.manual_seed(0)
    np.random.seed(0)
    with _quiet():
        network = autoden.NetworkParamsUNet(n_features=_FEATURES, n_levels=3, n_dims=2)
        return _timed(lambda: run(autoden, network))


def _timed(run: Callable[[], Any]) -> Output:
    start = time.process_time()
    found = np.ascontiguousarray(run(), dtype=np.float32)
    return Output(found, time.process_time() - start)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _tuned(case: Case, method: str, tried: Sequence[Callable[[], Any]]) -> Output:
    """The one of ``tried`` that is nearest to the reference; seconds of that one."""
    key = (method, case.name)
    if key not in _BEST:
        errors = [float(((run() - case.reference)[case.mask] ** 2).mean()) for run in tried]
        _BEST[key] = int(np.argmin(errors))
    return _timed(tried[_BEST[key]])


def _level(case: Case) -> float:
    """The true sigma; of real noise, that of the distance to the reference."""
    if case.sigma is not None:
        return case.sigma
    return float((case.noisy - case.reference)[case.mask].std())


def _here(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
