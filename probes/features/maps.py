"""MapExtractor: what makes feature maps of an image or of a pair, each map with its grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from regkit.errors import InputError
from regkit.features import Extractor, identity_of, open_extractor
from regkit.volume import Volume

_RANDOM = "random weights"


class MapExtractor(Protocol):
    """A frozen network, or something simpler, that makes feature maps."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def images(self) -> int:
        """How many images it sees at once: 1, or 2 for a baseline and a follow-up."""

    @property
    def trained(self) -> bool:
        """False where its weights are random: a baseline, never a model."""

    @property
    def kept(self) -> bool:
        """Whether its maps take so long that what is pooled of them is worth a place on disk."""

    @property
    def layers(self) -> Sequence[str]:
        """Where it is listened to."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that decides its maps, as JSON can hold it."""

    def maps(self, images: Sequence[Volume]) -> Mapping[str, Volume]:
        """Make the map ``(C, *smaller)`` of every layer, on a grid of the same field of view.

        Parameters
        ----------
        images
            ``(1, *spatial)`` in [0, 1], as many as it sees at once, on one grid.
        """


@dataclass(frozen=True)
class ImageMaps:
    """The intensities themselves, as one map: what every network has to be better than."""

    name: str = "intensity"
    images: int = 1
    trained: bool = True
    kept: bool = False
    layers: tuple[str, ...] = ("image",)

    @property
    def identity(self) -> dict[str, Any]:
        """Its name."""
        return {"name": self.name}

    def maps(self, images: Sequence[Volume]) -> dict[str, Volume]:
        """Return the image."""
        return {"image": images[0]}


@dataclass(frozen=True, eq=False)
class BackboneMaps:
    """A backbone of the group ``regkit.features``; one of slices sees a volume slice by slice.

    Parameters
    ----------
    extractor
        Whose maps are taken.
    name
        What reports call it.
    trained
        False where its weights were drawn.
    seed
        Of the noise that some backbones want, the same for all images.
    """

    extractor: Extractor
    name: str
    trained: bool = True
    seed: int = 0
    images: int = 1
    kept: bool = True

    @classmethod
    def called(cls, source: str, layers: Sequence[str], *, random: bool, seed: int) -> BackboneMaps:
        """Open the backbone ``NAME`` or ``NAME=PATH``.

        Parameters
        ----------
        source
            Its name.
        layers
            Where it is listened to; as it is best used, if empty.
        random
            Whether its weights are drawn anew: a baseline.
        seed
            Of weights and noise.

        Raises
        ------
        InputError
            If there is none of that name, or it cannot be opened.
        """
        extractor = open_extractor(source, layers or None)
        if random:
            extractor = _untrained(extractor, source, seed)
        name = f"{source.partition('=')[0]}{'=' if '=' in source else ''}"
        shown = name + Path(source.partition("=")[2]).name
        return cls(extractor, f"{shown}, {_RANDOM}" if random else shown, not random, seed)

    @property
    def layers(self) -> tuple[str, ...]:
        """Those that it is listened to at; numbers where it does not name them."""
        named = getattr(self.extractor, "layers", None) or getattr(self.extractor, "chosen", None)
        return tuple(map(str, named)) if named else ("0",)

    @property
    def identity(self) -> dict[str, Any]:
        """That of the extractor, and the seed; without its layers, each of which has its own."""
        return {**identity_of(self.extractor), "trained": self.trained, "seed": self.seed}

    @torch.no_grad()
    def maps(self, images: Sequence[Volume]) -> dict[str, Volume]:
        """Make the maps of one image."""
        (image,) = images
        by_slice = self.extractor.ndim == 2 and image.ndim == 3
        batch = image.data.permute(3, 0, 1, 2) if by_slice else image.data[None]
        batch = batch.float().contiguous()
        noise = self.extractor.draw(batch, torch.Generator().manual_seed(self.seed))
        found = self.extractor(batch, noise)
        names = (
            self.layers if len(self.layers) == len(found) else tuple(map(str, range(len(found))))
        )
        return {
            name: on_field_of(image, each.permute(1, 2, 3, 0) if by_slice else each[0])
            for name, each in zip(names, found, strict=True)
        }


def _untrained(extractor: Extractor, source: str, seed: int) -> Extractor:
    """By the extractor itself if it knows how its network begins, else layer by layer."""
    names = ("with_random_weights", "drawn_anew")  # the second one in version 0.1
    own: list[Callable[[int], Extractor]] = [
        method for name in names if (method := getattr(extractor, name, None)) is not None
    ]
    if own:
        return own[0](seed)
    draw_weights(network_of(extractor, source), seed)
    return extractor


def on_field_of(image: Volume, data: Tensor) -> Volume:
    """Put a map ``(C, *smaller)`` on a grid that covers the field of view of ``image``."""
    return Volume(data, image.grid.with_shape(tuple(data.shape[1:])), image.name)


def network_of(thing: object, name: str) -> nn.Module:
    """Return the network whose weights can be drawn.

    Parameters
    ----------
    thing
        What may have one, as its attribute ``network``.
    name
        What the message calls it.

    Raises
    ------
    InputError
        If it has none.
    """
    network = getattr(thing, "network", None)
    if not isinstance(network, nn.Module):
        raise InputError(f"{name}: has no network whose weights could be drawn; leave out `random`")
    return network


def draw_weights(network: nn.Module, seed: int) -> None:
    """Draw all weights anew, as a network has them before it is trained; norms begin anew.

    Parameters
    ----------
    network
        Changed in place; nothing else draws meanwhile.
    seed
        The same seed gives the same weights.

    Raises
    ------
    InputError
        If it has weights that cannot be drawn, such as those of TorchScript.
    """
    drawn: set[int] = set()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                drawn |= {id(each) for each in module.parameters(recurse=False)}
    left = [name for name, each in network.named_parameters() if id(each) not in drawn]
    if left or not drawn:
        raise InputError(
            f"{type(network).__name__}: {left[0] if left else 'its weights'} cannot be drawn anew; "
            "leave out `random`"
        )
