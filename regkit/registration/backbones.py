"""Feature backbones by name, from regkit's guests and other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import torch

from regkit.errors import InputError
from regkit.losses.features import Extractor, FeatureSimilarity
from regkit.losses.registry import FEATURES, parts_of
from regkit.losses.similarity import Similarity
from regkit.losses.static_features import StaticFeatures
from regkit.registration.config import FeatureConfig

GROUP = "regkit.features"
_OF_FOLDERS = {".safetensors", ".json"}
Opener = Callable[[Path | None, Sequence[str] | None, int | None], Extractor]
"""What an entry point of the group names: path, layers and timestep to an extractor.

Each is None where the user left it out; a path is what follows ``=`` in ``NAME=PATH``.
"""


def backbones() -> list[str]:
    """The names that ``features:NAME`` can have here."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


def open_extractor(name: str, config: FeatureConfig) -> Extractor:
    """The extractor ``NAME`` or ``NAME=PATH``.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be opened.
    """
    kind, _, path = name.partition("=")
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in found:
        raise InputError(
            f"similarity features:{kind}: no such backbone; allowed: {', '.join(sorted(found))}"
        )
    opener: Opener = found[kind].load()
    return opener(Path(path) if path else None, config.layers, config.timestep)


def backbone_files(similarity: str) -> list[Path]:
    """The files of what ``features:NAME=PATH`` names in ``similarity``, one a backbone or more.

    Of a folder, those that hold weights or say how they are used. What regkit and other packages
    carry is told by their versions.
    """
    words = [
        name.partition("=")[2] for _, name in parts_of(similarity) if name.startswith(FEATURES)
    ]
    found: list[Path] = []
    for path in (Path(word) for word in words if word):
        inside = sorted(each for each in path.rglob("*") if each.suffix in _OF_FOLDERS)
        found += inside if path.is_dir() else [path] if path.is_file() else []
    return found


def feature_similarity(name: str, config: FeatureConfig, seed: int) -> Similarity:
    """Similarity by the features of ``NAME`` or ``NAME=PATH``.

    What ``config`` leaves open is set as the backbone is best used.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be opened.
    """
    extractor = open_extractor(name, config)
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
    )
    return source if full.mode == "warped" else StaticFeatures(source, full.channels)
