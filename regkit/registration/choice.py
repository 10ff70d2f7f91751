"""Which similarity suits a pair, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.windows import local_correlation
from regkit.losses import LNCC, MSE, MutualInformation, Similarity, SimilaritySum
from regkit.losses.registry import FEATURES, is_registered, make, parts_of
from regkit.registration.backbones import feature_similarity
from regkit.registration.config import AUTOMATIC, FeatureConfig, RegisterConfig
from regkit.registration.linear_loss import warp_level
from regkit.registration.pair import Pair, coarser, level
from regkit.registration.state import Choice, EngineState

# Share of local correlation that is negative, up to which two images show the same contrast.
_SAME = 0.015


@dataclass(frozen=True)
class Chooser:
    """Chooses the similarity of a pair that an affine has aligned, where none is ``asked`` for."""

    config: RegisterConfig
    asked: Similarity | None

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """See :class:`~regkit.registration.engines.Engine`."""
        if self.asked is not None:
            choice = Choice(self.asked, self.config.similarity, "asked for", self.asked)
            return state.after(choice=choice)
        name, reason = choose(pair, state.affine)
        similarity = configured_similarity(name, self.config)
        local = LNCC(self.config.linear.radius)
        last = similarity if similarity.traits.across_contrasts else local
        return state.after(choice=Choice(similarity, name, reason, last))


def configured_similarity(name: str, config: RegisterConfig) -> Similarity:
    """Make the similarity called ``name`` with the settings of ``config``."""
    return similarity_of(name, config.field.radius, config.features, config.seed)


def similarity_of(
    name: str, radius: int, features: FeatureConfig | None = None, seed: int = 0
) -> Similarity:
    """Make the similarity called ``name``, or the weighted sum that it describes.

    Parameters
    ----------
    name
        One name, or several with weights, as in the setting ``similarity``.
    radius
        Half the width of the window of LNCC, in voxels.
    features
        Settings of feature similarities; the defaults of each backbone if None.
    seed
        Of the random axes, slices and noise of feature similarities.

    Raises
    ------
    InputError
        If a feature backbone cannot be had.
    """
    parts = [
        (weight, _single(part, radius, features or FeatureConfig(), seed))
        for weight, part in parts_of(name)
    ]
    return parts[0][1] if len(parts) == 1 else SimilaritySum(tuple(parts))


def _single(name: str, radius: int, features: FeatureConfig, seed: int) -> Similarity:
    if name.startswith(FEATURES):
        return feature_similarity(name.removeprefix(FEATURES), features, seed)
    return make(name, radius)


def linear_similarity(name: str, radius: int) -> Similarity:
    """Make the similarity of the linear engines: mutual information, or an image one if asked."""
    asked = make(name, radius) if name != "auto" and is_registered(name) else None
    return MutualInformation() if asked is None or asked.traits.across_contrasts else asked


def choose(pair: Pair, affine: Matrix) -> tuple[str, str]:
    """Choose ``lncc2`` or ``mi`` for a pair that an affine has roughly aligned, and say why.

    Images of one contrast brighten and darken together nearly everywhere; between contrasts some
    borders of tissues do and others do the opposite, even where the body against the dark around
    it makes the mean of all positive. Measured: at most 0.5 % of the squared local correlation is
    negative where the contrast is one (brains of two people, T1; chests; T1, T2 and FLAIR at two
    visits), at least 4 % between T1, T2, FLAIR and a remapped T1.
    """
    within, between = AUTOMATIC
    share = _opposed_share(pair, affine)
    text = f"{100 * share:.1f} % of the local correlation after the affine is negative"
    if share <= _SAME:
        return within, f"auto: same contrast ({text}, at most {100 * _SAME:g} %)"
    return between, f"auto: different contrast ({text}, above {100 * _SAME:g} %)"


def is_same_contrast(pair: Pair, affine: Matrix) -> bool:
    """Tell whether :func:`choose` would take the images for one contrast.

    Parameters
    ----------
    pair
        The images at body scale.
    affine
        World affine from fixed to moving (4, 4) that aligns them roughly.
    """
    return _opposed_share(pair, affine) <= _SAME


def _opposed_share(pair: Pair, affine: Matrix) -> float:
    at = level(pair, coarser(pair.grid, 4), MSE(), pair.region)
    warped, weight = warp_level(at, affine)
    shares = weight.new_tensor(pair.shares).reshape(-1, 1, 1, 1)
    channels = zip(at.fixed, warped, strict=True)
    found = torch.stack([local_correlation(f, w, weight, 2) for f, w in channels])
    return opposed_share(found, shares * weight)


def opposed_share(correlation: Tensor, weight: Tensor) -> float:
    """Share of the negative in all squared ``correlation``; both ``(*spatial)``, or by channel.

    The square keeps out windows that correlate by chance. Nothing at all opposes nothing.
    """
    strength = weight * correlation.square()
    return float(strength[correlation < 0].sum() / strength.sum().clamp(min=1e-6))
