"""Open sources of features, and where what was pooled is kept."""

from __future__ import annotations

from collections.abc import Sequence

from probes.features import PooledStore
from probes.study.blocks import OpenedFeatures
from probes.study.config import OF_NUMBERS, ProbeConfig
from regkit.features import FeatureCache

_CACHE_BYTES = 16 << 30


def open_features(config: ProbeConfig) -> list[OpenedFeatures]:
    """Open every source of maps."""
    return [OpenedFeatures.of(each) for each in config.features if each.source not in OF_NUMBERS]


def store_of(config: ProbeConfig) -> PooledStore:
    """Return the store of what was pooled before."""
    return PooledStore(None if config.cache is None else FeatureCache(config.cache, _CACHE_BYTES))


def source_notices(opened: Sequence[OpenedFeatures], config: ProbeConfig) -> tuple[str, ...]:
    """Say which weights are random, and that nothing is kept where no cache is named."""
    random = [each.choice.title for each in opened if not each.extractor.trained]
    notices = [f"{name}: its weights are random; it is a baseline" for name in random]
    if config.cache is None:
        notices.append("no cache is named, so that features are made anew; name one as `cache`")
    return tuple(notices)
