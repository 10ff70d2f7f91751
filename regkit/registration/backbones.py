"""Feature similarities by name, as a user writes them."""

from __future__ import annotations

from pathlib import Path

import torch

from regkit.errors import InputError
from regkit.features import FeatureCache, files_of, open_extractor
from regkit.losses.features import FeatureSimilarity
from regkit.losses.registry import FEATURES, parts_of
from regkit.losses.similarity import Similarity
from regkit.losses.static_features import StaticFeatures
from regkit.registration.config import FeatureConfig

_CACHE_BYTES = 16 << 30


def backbone_files(similarity: str) -> list[Path]:
    """List the files behind every ``features:NAME=PATH`` in the name of a similarity.

    See :func:`regkit.features.files_of`.
    """
    names = [name for _, name in parts_of(similarity) if name.startswith(FEATURES)]
    return [path for name in names for path in files_of(name.removeprefix(FEATURES))]


def feature_similarity(name: str, config: FeatureConfig, seed: int) -> Similarity:
    """Make a similarity that compares the features of a network instead of intensities.

    What ``config`` leaves open is set as the backbone is best used.

    Parameters
    ----------
    name
        The backbone: ``NAME``, or ``NAME=PATH`` with the file or folder of its weights.
    config
        Which layers are compared and how.
    seed
        Of the random axes, slices and noise with which features are compared.

    Raises
    ------
    InputError
        If there is none of that name, it cannot be opened, or ``config`` names a cache in which
        nothing would be kept.
    """
    extractor = open_extractor(name, config.layers, config.timestep)
    given = config.model_dump(include=config.model_fields_set)
    full = FeatureConfig.model_validate({**extractor.settings, **given})
    source = FeatureSimilarity(
        extractor,
        distance=full.distance,
        sigma=full.sigma,
        slices=full.slices,
        axes=full.axes,
        layer_weights=full.layer_weights,
        noise=full.noise,
        chunk=full.chunk,
        generator=torch.Generator().manual_seed(seed),
        cache=_cache(full),
    )
    return source if full.mode == "warped" else StaticFeatures(source, full.channels)


def _cache(config: FeatureConfig) -> FeatureCache | None:
    if config.cache is None:
        return None
    if config.mode != "static" or config.noise != "none":
        raise InputError(
            f"features.cache keeps features with mode 'static' and noise 'none', not mode "
            f"{config.mode!r} and noise {config.noise!r}, which compute them anew at every step; "
            "set both, or leave the cache out"
        )
    return FeatureCache(config.cache, _CACHE_BYTES)
