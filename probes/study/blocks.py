"""FeatureBlock: the numbers of one source in one arm, by layer and pooling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from probes.features import PooledStore, open_maps, pooling_called
from probes.features.maps import MapExtractor
from probes.features.pooling import PoolingMethod
from probes.linear.nested import check_features
from probes.linear.target import FloatArray
from probes.study.config import FeatureChoice
from regkit.errors import InputError
from regkit.volume import Labels, Volume

Column = tuple[str, str]
"""A layer and how it was pooled."""


@dataclass(frozen=True, eq=False)
class FeatureBlock:
    """All that one source says of every row.

    Parameters
    ----------
    arm
        How images were aligned; "" where they were not.
    features
        What reports call the source.
    baseline
        Whether a model has to be better than it.
    columns
        Layer and pooling to ``(n, p)``.
    """

    arm: str
    features: str
    baseline: bool
    columns: Mapping[Column, FloatArray]

    def check(self, what: str) -> None:
        """Refuse numbers that are not finite.

        Parameters
        ----------
        what
            What messages begin with.
        """
        names = [f"{self.features}, {layer}, {pooling}" for layer, pooling in self.columns]
        check_features(list(self.columns.values()), names, what)


@dataclass(frozen=True, eq=False)
class OpenedFeatures:
    """A source of maps that is ready.

    Parameters
    ----------
    choice
        What was asked.
    extractor
        What makes the maps.
    poolings
        How they become numbers.
    """

    choice: FeatureChoice
    extractor: MapExtractor
    poolings: tuple[PoolingMethod, ...]

    @classmethod
    def of(cls, choice: FeatureChoice) -> OpenedFeatures:
        """Open the source of a choice."""
        extractor = open_maps(choice.source, choice.layers, random=choice.random, seed=choice.seed)
        return cls(choice, extractor, tuple(pooling_called(each) for each in choice.pooling))

    def vectors(
        self, images: Sequence[Volume], structures: Labels | None, store: PooledStore
    ) -> dict[Column, FloatArray]:
        """Pool the maps of what it sees at once.

        Parameters
        ----------
        images
            ``(1, *spatial)`` in [0, 1], on one grid; as many as the extractor sees.
        structures
            In their world.
        store
            What was pooled before.
        """
        found = store.pooled(self.extractor, images, self.poolings, structures)
        return {key: np.asarray(each.double().numpy()) for key, each in found.items()}


def stacked_columns(rows: Sequence[Mapping[Column, FloatArray]]) -> dict[Column, FloatArray]:
    """Put the vectors of every row on top of each other: layer and pooling to ``(n, p)``."""
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def structure_volumes(labels: Labels, values: Sequence[int]) -> FloatArray:
    """Return ``log(1 + volume)`` of each structure in cubic world units, ``(len(values),)``.

    Of two visits the difference is the log of their ratio, the same for small and large brains.
    """
    data = labels.data[0]
    counts = [float((data == value).sum()) for value in values]
    return np.log1p(np.array(counts) * labels.grid.voxel_volume)


def chosen_structures(labels: Labels, values: Sequence[int]) -> Labels:
    """Return the labels with all but some structures as background.

    Raises
    ------
    InputError
        If one of them does not occur.
    """
    missing = set(values) - set(labels.values)
    if missing:
        raise InputError(
            f"{labels.name}: holds no structure {min(missing)}; its values are "
            f"{', '.join(map(str, labels.values[:20]))}"
        )
    keep = sum((labels.data == value) for value in values)
    return labels.with_data(labels.data * keep)


OnBlock = Callable[[float], None]
