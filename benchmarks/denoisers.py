"""The denoisers that `benchmarks.denoise` compares: regkit's, and what else there is.

Peers that are not installed are left out. Those with a parameter get the one that is best by the
clean image, which no user has: they are an upper bound of what tuning can give.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch

import regkit as rk
from benchmarks.denoising_cases import FRAME, Array, Case
from denoise.config import DenoiseConfig, make_denoise_config
from denoise.pipeline import denoise, denoise_series

_EPOCHS = 100
# Of non-local means, times sigma.
_STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3)


@dataclass(frozen=True, eq=False)
class Output:
    """A denoised volume, the CPU seconds that it took, and what to say of it."""

    image: Array
    seconds: float
    note: str = ""


Denoiser = Callable[[Case], Output]


def regkit(method: str, **options: Any) -> Denoiser:
    """`regkit denoise` with nothing told but its method."""

    def run(case: Case) -> Output:
        config = make_denoise_config("default", method=method, **options)
        start = time.process_time()
        found = denoise(_volume(case.noisy, case), config)
        note = f"{found.model.name}, sigma {found.model.level:.3f}"
        return Output(found.denoised.data[0].numpy(), time.process_time() - start, note)

    return run


def series(**options: Any) -> Denoiser:
    """`regkit denoise` on a 4-D image: all frames are learned from, each is denoised alone."""

    def run(case: Case) -> Output:
        config = make_denoise_config("default", **options)
        start = time.process_time()
        found = denoise_series([_volume(each, case) for each in case.frames], config)[FRAME]
        note = f"{found.model.name}, sigma {found.model.level:.3f}"
        return Output(found.denoised.data[0].numpy(), time.process_time() - start, note)

    return run


def supervised(**options: Any) -> Denoiser:
    """The same network, trained on another person's clean image: what nobody has."""

    def run(case: Case) -> Output:
        from benchmarks.denoising_ceiling import trained_with_truth

        start = time.process_time()
        config: DenoiseConfig = make_denoise_config("default", **options)
        return Output(trained_with_truth(case, config), time.process_time() - start)

    return run


def peers() -> dict[str, Denoiser]:
    """Those that are installed, by name."""
    known: dict[str, tuple[str, Denoiser]] = {
        "Gaussian filter, oracle": ("scipy", _gaussian),
        "total variation, oracle": ("skimage", _total_variation),
        "non-local means 3-D (dipy, skimage), oracle": ("dipy", _nlm),
        "Noise2Void 2-D (auto-denoise)": ("autoden", _noise2void),
        "BM4D, true sigma": ("bm4d", _bm4d),
    }
    return {name: run for name, (package, run) in known.items() if _here(package)}


def _gaussian(case: Case) -> Output:
    from scipy.ndimage import gaussian_filter

    return _tuned(case, (gaussian_filter(case.noisy, sd) for sd in (0.4, 0.5, 0.6, 0.8, 1.0)))


def _total_variation(case: Case) -> Output:
    from skimage.restoration import denoise_tv_chambolle

    weights = (_level(case) * f for f in (0.5, 0.75, 1.0, 1.5, 2.0))
    return _tuned(case, (denoise_tv_chambolle(case.noisy, weight=w) for w in weights))


def _nlm(case: Case) -> Output:
    from dipy.denoise.nlmeans import nlmeans
    from skimage.restoration import denoise_nl_means

    noisy, rician = case.noisy.astype(np.float64), "rician" in case.name
    grid = [(p, b, f) for p, b in ((1, 2), (1, 3), (1, 5), (2, 3)) for f in _STRENGTHS]
    level = _level(case)
    other = (
        denoise_nl_means(case.noisy, patch_size=3, patch_distance=4, h=f * level, sigma=level)
        for f in _STRENGTHS
    )
    found = (
        nlmeans(noisy, sigma=f * level, patch_radius=p, block_radius=b, rician=rician,
                num_threads=torch.get_num_threads())
        for p, b, f in grid
    )  # fmt: skip
    return _tuned(case, chain(found, other))


def _bm4d(case: Case) -> Output:
    from bm4d import bm4d

    start = time.process_time()
    return Output(bm4d(case.noisy, _level(case)), time.process_time() - start)


def _noise2void(case: Case) -> Output:
    import autoden

    slices = np.ascontiguousarray(case.noisy.transpose(2, 0, 1))
    start = time.process_time()
    torch.manual_seed(0)
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = autoden.NetworkParamsUNet(n_features=24, n_levels=3, n_dims=2)
        peer = autoden.N2V(model=net, reg_val=None, batch_size=8, verbose=False)
        stack, held_out = peer.prepare_data(slices, num_tst_ratio=0.1)
        peer.train(stack, held_out, epochs=_EPOCHS)
        out = np.asarray(peer.infer(stack))
    return Output(out.reshape(slices.shape).transpose(1, 2, 0), time.process_time() - start)


def _tuned(case: Case, found: Iterable[Any]) -> Output:
    """The one that is nearest to the reference; seconds of one of them."""
    start, best, count = time.process_time(), None, 0
    for each in found:
        count += 1
        error = float(((each - case.reference)[case.mask] ** 2).mean())
        if best is None or error < best[0]:
            best = (error, each)
    if best is None:
        raise rk.InputError("nothing to choose from")
    return Output(best[1].astype(np.float32), (time.process_time() - start) / count)


def _level(case: Case) -> float:
    """The true sigma; of real noise, that of the distance to the reference."""
    if case.sigma is not None:
        return case.sigma
    return float((case.noisy - case.reference)[case.mask].std())


def _volume(data: Array, case: Case) -> rk.Volume:
    grid = rk.Grid(data.shape, np.diag([*case.spacing, 1.0]))
    return rk.Volume(torch.from_numpy(np.ascontiguousarray(data)), grid, case.name)


def _here(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
