"""Verdicts: which frames were aligned, which ask for a look, and which show nothing to align."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from regkit.geometry.affines import Matrix
from regkit.registration.series.aligner import FrameFit

_LEAST_OVERLAP = 0.5
_NOTHING, _POOR = 0.25, 0.6  # of the median gain
_FAR = 5.0  # standard deviations below the median, by the median absolute deviation
_AS_DEVIATION = 1.4826


@dataclass(frozen=True)
class FrameVerdict:
    """What the alignment of a frame is worth.

    Parameters
    ----------
    grade
        ``pass``, ``doubtful`` or ``fail``.
    reason
        Why it does not pass, as the end of a sentence.
    """

    grade: Literal["pass", "doubtful", "fail"]
    reason: str = ""


def judge_frames(fits: Sequence[FrameFit]) -> list[FrameVerdict]:
    """Judge every frame beside all others.

    A frame fails that shows no contrast, has lost half of the body, or is hardly more like the
    reference than an image that shows nothing. One that is much less like it than most is doubtful.
    """
    gains = np.array([each.gain for each in fits if each.affine is not None])
    middle = float(np.median(gains)) if len(gains) else 0.0
    spread = _AS_DEVIATION * float(np.median(np.abs(gains - middle))) if len(gains) else 0.0
    return [_verdict(each, middle, spread) for each in fits]


def _verdict(fit: FrameFit, middle: float, spread: float) -> FrameVerdict:
    if fit.affine is None:
        return FrameVerdict("fail", "it has no contrast where the body may be")
    if fit.overlap < _LEAST_OVERLAP:
        return FrameVerdict("fail", f"only {fit.overlap:.0%} of the body lie inside it")
    likeness = fit.gain / middle if middle > 0 else 0.0
    if likeness < _NOTHING:
        return FrameVerdict("fail", "it shows hardly anything of the reference")
    if likeness < _POOR and fit.gain < middle - _FAR * spread:
        return FrameVerdict("doubtful", "it is much less like the reference than most frames are")
    return FrameVerdict("pass")


def usable_affines(fits: Sequence[FrameFit], verdicts: Sequence[FrameVerdict]) -> list[Matrix]:
    """Return an affine (4, 4) for every frame: one that fails takes that of the last that did not.

    Before the first frame that did not fail it is that frame's.

    Parameters
    ----------
    fits
        What was found for each frame.
    verdicts
        What each is worth; at least one must not be ``fail``.
    """
    good = [
        fit.affine
        for fit, verdict in zip(fits, verdicts, strict=True)
        if fit.affine is not None and verdict.grade != "fail"
    ]
    latest, out = good[0], []
    for fit, verdict in zip(fits, verdicts, strict=True):
        latest = fit.affine if verdict.grade != "fail" and fit.affine is not None else latest
        out.append(latest)
    return out
