"""PooledStore: pooled maps, made once and found again by what they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from probes.features.maps import MapExtractor
from probes.features.pooling import PoolingMethod
from regkit.features import FeatureCache, image_identity
from regkit.volume import Labels, Volume

_FORMAT = 1  # to be raised when the same parts give other numbers
Pooled = dict[tuple[str, str], Tensor]


@dataclass(frozen=True)
class PooledStore:
    """Pool maps, or read from a cache what was pooled before.

    Numbers are known by the values and the place of the images, the extractor, the layer, the
    pooling, and the structures where it pools over those.

    Parameters
    ----------
    cache
        Where they are kept; None to keep nothing.
    """

    cache: FeatureCache | None = None

    def pooled(
        self,
        extractor: MapExtractor,
        images: Sequence[Volume],
        poolings: Sequence[PoolingMethod],
        structures: Labels | None = None,
    ) -> Pooled:
        """Return ``(n,)`` for each layer and pooling; the network runs if one of them is missing.

        Parameters
        ----------
        extractor
            What makes the maps.
        images
            ``(1, *spatial)`` in [0, 1] on one grid.
        poolings
            How maps become numbers.
        structures
            In the world of the images.
        """
        if self.cache is None or not extractor.kept:
            return _pool(extractor, images, poolings, structures)
        shown = [_identity(each) for each in images]
        where = None if structures is None else _identity(structures)
        keys = {
            (layer, pooling.name): {
                "format": _FORMAT, "images": shown, "extractor": dict(extractor.identity),
                "layer": layer, "pooling": pooling.name,
                "structures": where if pooling.needs_structures else None,
            }
            for layer in extractor.layers
            for pooling in poolings
        }  # fmt: skip
        found = {key: self.cache.find(known_by) for key, known_by in keys.items()}
        if all(each is not None for each in found.values()):
            return {key: each[0] for key, each in found.items() if each is not None}
        made = _pool(extractor, images, poolings, structures)
        for key, known_by in keys.items():
            self.cache.keep([made[key]], known_by)
        return made


def _pool(
    extractor: MapExtractor,
    images: Sequence[Volume],
    poolings: Sequence[PoolingMethod],
    structures: Labels | None,
) -> Pooled:
    maps = extractor.maps(images)
    return {
        (layer, each.name): each.pool(maps[layer], structures).float()
        for layer in extractor.layers
        for each in poolings
    }


def _identity(volume: Volume) -> dict[str, Any]:
    place = volume.grid.affine.round(6).tolist()
    return {**image_identity(volume.data), "affine": place, "unit": volume.grid.world.unit}
