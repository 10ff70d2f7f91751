"""What was judged about a denoised image."""

from __future__ import annotations

from denoise.learning.validation import lowest_risk
from denoise.noise.whiteness import residual_correlation
from denoise.report.measures import anatomy_in_residual, removed_variance
from denoise.result import DenoiseResult
from regkit.report import Check

_WHITE, _LEAST, _MOST, _UNLIKE = 0.1, 0.7, 1.15, 0.1


def denoising_checks(result: DenoiseResult) -> list[Check]:
    """Say in one sentence what each check found; none where nothing was denoised."""
    if result.method == "none":
        return []
    return [_variance(result), _whiteness(result), _anatomy(result), *_error(result)]


def _variance(result: DenoiseResult) -> Check:
    share = removed_variance(result)
    text = f"What was removed has {100 * share:.0f} % of the variance of the noise."
    return Check(_LEAST < share < _MOST, text)


def _whiteness(result: DenoiseResult) -> Check:
    worst = max(residual_correlation(result.residual.data[0], result.mask), key=abs)
    text = (
        f"Neighbouring voxels of what was removed have a correlation of {worst:.2f}; those of pure "
        "noise have none."
    )
    return Check(abs(worst) < _WHITE, text)


def _anatomy(result: DenoiseResult) -> Check:
    alike = anatomy_in_residual(result)
    text = f"What was removed has a correlation of {alike:.2f} with the image; noise has none."
    return Check(abs(alike) < _UNLIKE, text)


def _error(result: DenoiseResult) -> list[Check]:
    if not result.history:
        return []
    risk = lowest_risk(list(result.history)).risk
    share = f"{100 * max(risk, 0) ** 0.5:.0f} %"
    text = f"The error that remains is estimated at {share} of the noise (Stein's estimate)."
    return [Check(0 < risk < 0.5, text)]
