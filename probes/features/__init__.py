"""Features for probes: maps of networks and of images, and how a map becomes a few numbers."""

from probes.features.maps import MapExtractor
from probes.features.opening import open_maps
from probes.features.pooling import PoolingMethod, pooling_called
from probes.features.store import PooledStore

__all__ = [
    "MapExtractor",
    "PooledStore",
    "PoolingMethod",
    "open_maps",
    "pooling_called",
]
