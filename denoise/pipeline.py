"""Denoise images: learn from themselves, or with a trained model, and say what was done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from denoise.bias_correction import restore_local_mean
from denoise.config import DenoiseConfig, make_denoise_config
from denoise.constant import is_constant, keep_constant
from denoise.diffusion.stages import train_stages
from denoise.ensemble import DRAWS, denoise_array, remaining_noise
from denoise.learning.fit import HeldOut
from denoise.learning.patches import checked_part
from denoise.learning.setting import OnValidation, TrainingData, train_method
from denoise.learning.validation import Validation, lowest_risk
from denoise.methods import Method, make_method
from denoise.phases import Counter
from denoise.prepared import PreparedSeries, prepare_series
from denoise.result import DenoiseResult
from denoise.series import FEWEST, fuse_frames
from denoise.start import with_start
from regkit.kernels.backend import threads
from regkit.registration.devices import resolve_device
from regkit.runs import OnProgress, ignore
from regkit.volume import Labels, Volume

# Noise below this share of the range is not learned from: there is nothing to gain.
_SILENT = 2e-3
_LENT = (
    "each frame is joined with what the others tell of it: small changes in time fade; "
    "--frames alone keeps them"
)


def denoise(
    image: Volume,
    config: DenoiseConfig | None = None,
    *,
    mask: Labels | None = None,
    sigma: Volume | None = None,
    trained: Method | None = None,
    watch: OnValidation = lambda _: None,
    on_progress: OnProgress = ignore,
) -> DenoiseResult:
    """Take the noise out of one image.

    Parameters
    ----------
    image
        One channel, 2-D or 3-D.
    config
        Settings; the preset ``default`` if left out.
    mask
        Where noise is estimated and taken away, on the image's grid; elsewhere the image stays.
    sigma
        A map of the noise's standard deviation, in intensities, on the image's grid.
    trained
        A network that is applied as it is; without one, a network learns from the image.
    watch
        Called at every check of the training.
    on_progress
        Called after each pass over a frame once the network is there; ``stage`` is ``applying``,
        ``joining`` or ``uncertainty``.

    Raises
    ------
    InputError
        If the image has several channels, or a map is not on its grid.

    Examples
    --------
    >>> import numpy as np
    >>> from regkit import Grid
    >>> clean = Volume(torch.ones(8, 8, 8), Grid((8, 8, 8), np.eye(4)))
    >>> denoise(clean.with_data(clean.data * torch.arange(8.0))).method
    'none'
    """
    return denoise_series(
        [image],
        config,
        mask=mask,
        sigma=sigma,
        trained=trained,
        watch=watch,
        on_progress=on_progress,
    )[0]


def denoise_series(
    frames: Sequence[Volume],
    config: DenoiseConfig | None = None,
    *,
    mask: Labels | None = None,
    sigma: Volume | None = None,
    trained: Method | None = None,
    watch: OnValidation = lambda _: None,
    on_progress: OnProgress = ignore,
) -> list[DenoiseResult]:
    """Take the noise out of images of one kind on one grid, such as the frames of a 4-D file.

    One network learns from all of them; what then becomes of each, ``config.frames`` says.

    Parameters
    ----------
    frames
        The images, of one channel, 2-D or 3-D.
    config
        Settings; the preset ``default`` if left out.
    mask
        Where noise is estimated and taken away, on the images' grid; elsewhere they stay.
    sigma
        A map of the noise's standard deviation, in intensities, on the images' grid.
    trained
        A network that is applied as it is; without one, a network learns from the images.
    watch
        Called at every check of the training.
    on_progress
        Called after each pass over a frame; see :func:`denoise`.

    Returns
    -------
    list
        One result a frame; a single one where the frames are repeats of one scene.

    Raises
    ------
    InputError
        If an image has several channels, or a map is not on their grid.
    """
    settings = config or make_denoise_config()
    if is_constant(frames):
        return [keep_constant(frame, settings) for frame in frames]
    work = prepare_series(frames, settings, mask, sigma)
    if settings.frames == "repeats" and len(frames) > 1:
        frames, work = [_mean_of(frames)], work.mean()
    with threads(settings.threads):
        if work.scaling.sigma < _SILENT:
            return [_untouched(frame, work, settings) for frame in frames]
        start = time.perf_counter()
        method, history = trained, list[Validation]()
        if method is None:
            method, history, notes = _learned(work, settings, watch)
            work = replace(work, notes=work.notes + notes)
        method.network.to(resolve_device(settings.device))
        if _lend(settings, frames):
            work = replace(work, notes=(*work.notes, _LENT))
        learning = time.perf_counter() - start
        clean = _applied(work, settings, method, history, on_progress)
        count = Counter("uncertainty", len(frames) * (DRAWS + 1), on_progress)
        found = [_one(frame, n, work, settings, method, clean[n], count)
                 for n, frame in enumerate(frames)]  # fmt: skip
    seconds = {"learning": learning, "applying": time.perf_counter() - start - learning}
    return [replace(each, history=tuple(history), seconds=seconds) for each in found]


def _lend(config: DenoiseConfig, frames: Sequence[object]) -> bool:
    """Whether frames tell of each other."""
    return config.frames == "together" and len(frames) >= FEWEST


def _mean_of(frames: Sequence[Volume]) -> Volume:
    return frames[0].with_data(torch.stack([frame.data.float() for frame in frames]).mean(0))


def _applied(
    work: PreparedSeries,
    config: DenoiseConfig,
    method: Method,
    history: Sequence[Validation],
    on_progress: OnProgress,
) -> list[Tensor]:
    """Every frame, denoised; together with the others where that is asked for."""
    method.network.eval()
    sigma = work.scaling.sigma
    count = Counter("applying", len(work.images) * config.passes, on_progress)
    alone = [denoise_array(method, seen, sigma, passes=config.passes, blur=work.blur, on_pass=count)
             for seen in work.images]  # fmt: skip
    if _lend(config, alone):
        risk = lowest_risk(list(history)).risk if history else 1.0
        alone = fuse_frames(work.images, alone, work.masks, sigma, risk, on_progress)
    return [restore_local_mean(seen, clean, mask)
            for seen, clean, mask in zip(work.images, alone, work.masks, strict=True)]  # fmt: skip


def _learned(
    work: PreparedSeries, config: DenoiseConfig, watch: OnValidation
) -> tuple[Method, list[Validation], tuple[str, ...]]:
    check = HeldOut(*checked_part(work.images[0], work.masks[0]), work.blur)
    setting = TrainingData(
        work.images, work.masks, check,
        work.scaling.sigma, work.spacing, work.square,
        config, resolve_device(config.device),
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # layers draw their first weights from it
        if config.method == "diffusion":
            stages = train_stages(setting, watch)
            return stages.student, stages.history["student"], (stages.note,)
        untrained = make_method(config, work.images[0].shape, work.spacing, work.blur)
        method = with_start(untrained, config)
    return method, train_method(method, setting, work.images, watch=watch), ()


def _one(
    frame: Volume,
    number: int,
    work: PreparedSeries,
    config: DenoiseConfig,
    method: Method,
    out: Tensor,
    count: Counter,
) -> DenoiseResult:
    seen, mask, sigma = work.images[number], work.masks[number], work.scaling.sigma
    once = denoise_array(method, seen, sigma, blur=work.blur, on_pass=count)
    spread = remaining_noise(method, seen, once, sigma, blur=work.blur, on_pass=count)
    restored = _restored(frame, work, out, mask)
    step = 0.5 * sigma
    above, below = (
        work.scaling.back(work.from_network(out + s, frame.ndim)) for s in (step, -step)
    )
    left = (
        work.from_network(torch.where(mask, spread, 0.0), frame.ndim) * (above - below) / (2 * step)
    )
    return DenoiseResult(
        frame, restored, work.from_network(mask, frame.ndim), work.scaling,
        frame.with_data(left[None]), work.correlation, config, method.name, notes=work.notes,
        learned=method,
    )  # fmt: skip


def _restored(frame: Volume, work: PreparedSeries, out: Tensor, mask: Tensor) -> Volume:
    """In the type of the file; what lies outside the mask is not touched."""
    found = work.scaling.back(work.from_network(out, frame.ndim))
    if not frame.data.dtype.is_floating_point:
        limits = torch.iinfo(frame.data.dtype)
        found = found.round().clamp(limits.min, limits.max)
    inside = work.from_network(mask, frame.ndim)
    return frame.with_data(torch.where(inside, found.to(frame.data.dtype), frame.data[0])[None])


def _untouched(frame: Volume, work: PreparedSeries, config: DenoiseConfig) -> DenoiseResult:
    share = f"{100 * work.scaling.sigma:.2g} %"
    note = f"The noise is {share} of the range: too little to take away, so nothing was changed."
    nothing = frame.with_data(torch.zeros_like(frame.data, dtype=torch.float32))
    return DenoiseResult(
        frame, frame, work.from_network(work.masks[0], frame.ndim), work.scaling, nothing,
        work.correlation, config, "none", notes=(note,),
    )  # fmt: skip
