"""Rows of the three tables of a diagnosis of attribution."""

from __future__ import annotations

from dataclasses import dataclass

from probes.reliance.rows import DONE


@dataclass(frozen=True)
class MethodRow:
    """One method by one metric, on mosaics of which one piece is of the class.

    Parameters
    ----------
    model, method, category, metric
        What was judged, by what.
    score, low, high
        The mean over mosaics, with its interval; empty where the metric is not defined.
    mosaics
        How many it is defined for.
    status, message
        ``done``, ``refused`` where the method does not suit the model, ``error`` where the model
        could not be asked; and why.
    """

    model: str
    method: str
    category: str = ""
    metric: str = ""
    score: float | None = None
    low: float | None = None
    high: float | None = None
    mosaics: int = 0
    status: str = DONE
    message: str = ""


@dataclass(frozen=True)
class TrustRow:
    """Whether a metric ranks the truth about mosaics above noise.

    Parameters
    ----------
    model, category, metric
        What was judged.
    extent
        ``part`` where one piece of a mosaic is of the class, ``whole`` where all are.
    truth, noise
        Mean scores of the Shapley values of the pieces, and of white noise.
    better, low, high
        The share of mosaics whose truth is strictly better than noise, with its interval (Wilson).
    mosaics
        How many.
    trusted
        Whether the interval lies above a half.
    message
        Why the metric was not judged, where it was not.
    """

    model: str
    category: str
    metric: str
    extent: str
    truth: float | None = None
    noise: float | None = None
    better: float | None = None
    low: float | None = None
    high: float | None = None
    mosaics: int = 0
    trusted: bool = False
    message: str = ""


@dataclass(frozen=True)
class RelevanceRow:
    """What a map sums to.

    Parameters
    ----------
    model, method, image, target
        Whose map, of which image (or mosaic) and class, numbered from 0.
    logit, absent_logit
        Of the class, for the image and for the absent image.
    total
        The sum of the map.
    biases
        What biases took besides, of LRP.
    of_logit, of_difference
        The sum as a share of the logit, which LRP conserves together with what biases took, and of
        the difference of both logits, which DeepLIFT shares out.
    """

    model: str
    method: str
    image: str
    target: int
    logit: float
    absent_logit: float
    total: float
    biases: float
    of_logit: float
    of_difference: float
