"""What the numbers of a run mean, in sentences."""

from __future__ import annotations

import torch

from denoise.learning.health import best
from denoise.noise.whiteness import residual_correlation
from denoise.result import Result
from regkit.report.verdict import Finding

_WHITE, _LEAST, _MOST, _UNLIKE = 0.1, 0.7, 1.15, 0.1


def findings(result: Result) -> list[Finding]:
    """One sentence a check; those that ask for a closer look are not ``good``."""
    found = [Finding(False, note) for note in result.notes]
    if result.method == "none":
        return found
    return [_taken(result), _white(result), _unlike(result), *_risk(result), *found]


def verdict(found: list[Finding]) -> str:
    """One line for all of them.

    Examples
    --------
    >>> verdict([Finding(True, "")])
    'Nothing speaks against this result.'
    """
    worse = sum(not each.good for each in found)
    if not worse:
        return "Nothing speaks against this result."
    return "One thing asks for a closer look." if worse == 1 else f"{worse} things to look at."


def taken_variance(result: Result) -> float:
    """Variance of what was taken away on the stabilised scale, over that of the noise.

    1 where all noise and nothing else was taken.
    """
    noisy, clean = (result.model.stabilise(v.data[0].float())
                    for v in (result.noisy, result.denoised))  # fmt: skip
    return float((noisy - clean)[result.mask].var()) / result.scaling.noise**2


def anatomy_in_residual(result: Result) -> float:
    """Correlation of what was taken away with the result, over the mask."""
    pair = torch.stack([v.data[0].float()[result.mask] for v in (result.residual, result.denoised)])
    return float(torch.nan_to_num(torch.corrcoef(pair)[0, 1]))


def _taken(result: Result) -> Finding:
    share = taken_variance(result)
    good = _LEAST < share < _MOST
    return Finding(good, f"Taken away: {100 * share:.0f} % of the variance of the noise.")


def _white(result: Result) -> Finding:
    worst = max(residual_correlation(result.residual.data[0], result.mask), key=abs)
    text = f"Neighbouring voxels of what was taken away are correlated by {worst:.2f}."
    return Finding(abs(worst) < _WHITE, text)


def _unlike(result: Result) -> Finding:
    alike = anatomy_in_residual(result)
    text = f"What was taken away is correlated with the image by {alike:.2f}."
    return Finding(abs(alike) < _UNLIKE, text)


def _risk(result: Result) -> list[Finding]:
    if not result.history:
        return []
    risk = best(list(result.history)).risk
    text = f"Estimated error: {100 * max(risk, 0) ** 0.5:.0f} % of sigma, by Stein's rule."
    return [Finding(0 < risk < 0.5, text)]
