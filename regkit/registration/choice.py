"""Which similarity suits a pair, and why."""

from __future__ import annotations

from regkit.geometry.affines import Matrix
from regkit.kernels.windows import lncc_gradient
from regkit.losses import LNCC, MIND, MSE, MutualInformation, Similarity
from regkit.registration.linear import warp_level
from regkit.registration.pair import Pair, coarser, level

_SAME = 0.35  # mean local correlation above which two images show the same contrast


def similarity_of(name: str, radius: int) -> Similarity:
    """The similarity called ``name``."""
    table: dict[str, Similarity] = {
        "mse": MSE(),
        "lncc": LNCC(radius),
        "lncc2": LNCC(radius, squared=True),
        "mind": MIND(),
        "mi": MutualInformation(),
    }
    return table[name]


def linear_similarity(name: str, radius: int) -> Similarity:
    """What the rigid and affine engines use: mutual information unless an image one is asked."""
    return similarity_of("mi" if name in ("auto", "mind") else name, radius)


def choose(pair: Pair, affine: Matrix) -> tuple[str, str]:
    """``lncc2`` or ``mi`` for a pair that an affine has roughly aligned, and the reason.

    Two images of one contrast correlate positively in most places; images of different
    modalities correlate with either sign. Between modalities mutual information beats MIND, for
    an affine and for a field alike (``benchmarks/README.md``, multimodal).
    """
    at = level(pair, coarser(pair.grid, 4), MSE(), pair.region)
    warped, weight = warp_level(at, affine)
    value, _ = lncc_gradient(at.fixed[0], warped[0], weight, 2, squared=False)
    mean = 1 - value
    text = f"mean local correlation after the affine is {mean:.2f}"
    if mean >= _SAME:
        return "lncc2", f"auto: same contrast ({text}, at least {_SAME})"
    return "mi", f"auto: different contrast ({text}, below {_SAME})"
