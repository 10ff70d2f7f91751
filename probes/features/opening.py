"""Open what a user names as a source of feature maps."""

from __future__ import annotations

from collections.abc import Sequence

from probes.features.gradicon import open_gradicon
from probes.features.maps import BackboneMaps, ImageMaps, MapExtractor
from regkit.errors import InputError
from regkit.features import backbones
from regkit.settings import near

INTENSITY, GRADICON = "intensity", "gradicon"


def check_source(source: str) -> None:
    """Refuse a source that nobody has; nothing is opened.

    Raises
    ------
    InputError
        With the names that are near.
    """
    name = source.partition("=")[0]
    known = (INTENSITY, GRADICON, *backbones())
    if name not in known:
        raise InputError(f"source {name!r} is not known{near(name, known)}")
    if name == GRADICON and "=" not in source:
        raise InputError("source gradicon: name its weights, such as gradicon=small")


def open_maps(
    source: str, layers: Sequence[str] = (), *, random: bool = False, seed: int = 0
) -> MapExtractor:
    """Open a source of feature maps.

    Parameters
    ----------
    source
        ``intensity``; ``gradicon=WEIGHTS`` of regkit's registration networks; or ``NAME`` or
        ``NAME=PATH`` of a backbone, as `regkit features list` shows them.
    layers
        Where it is listened to; all, or as it is best used, if empty.
    random
        Whether its weights are drawn anew: a baseline, never a model.
    seed
        Of weights and noise.

    Raises
    ------
    InputError
        If there is none, it cannot be opened, or it has no such layer.
    """
    check_source(source)
    name, _, path = source.partition("=")
    if name == INTENSITY:
        return ImageMaps()
    if name == GRADICON:
        return open_gradicon(path, layers, random=random, seed=seed)
    return BackboneMaps.called(source, layers, random=random, seed=seed)
