"""Any function, or TorchScript module, as a segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import given_image
from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from foundation.segmenters.weights import as_named
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.preprocess.intensity import normalise
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

Function = Callable[[Volume, Prompts], Tensor]
"""An image and prompts to probabilities ``(1, i, j, k)`` on the grid of the image."""
_MULTIPLE = 16  # of voxels an axis, which U-Nets of up to four halvings need


@dataclass
class CallableSegmenter:
    """A function as a segmenter; it is called once a prompt.

    Parameters
    ----------
    function
        Takes the image and the prompts, and returns probabilities ``(1, i, j, k)`` on its grid.
    capabilities
        What it takes; see :meth:`taking`.
    name
        What messages call it.

    Examples
    --------
    >>> bright = CallableSegmenter.taking(lambda image, _: image.data > 5, PromptKind.NONE)
    >>> bright.set_image(Volume(torch.tensor([[[1.0, 9.0]]]), torch.eye(4).numpy()))
    >>> bright.segment(Prompts()).mask.data.tolist()
    [[[[0, 1]]]]
    """

    function: Function
    capabilities: Capabilities
    name: str = "callable"
    image: Volume | None = None

    @classmethod
    def taking(
        cls, function: Function, *kinds: PromptKind, name: str = "callable"
    ) -> CallableSegmenter:
        """Make one of a function that takes the given kinds of prompts, together or alone."""
        return cls(function, Capabilities(kinds, combinable=True), name)

    def set_image(self, image: Volume) -> None:
        """Keep the image; the function may refuse it later."""
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Call the function.

        Raises
        ------
        UnsupportedPromptError
            If a kind of prompt is given that it was not said to take.
        InputError
            If no image was set, or the function returns another shape.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        found = torch.as_tensor(self.function(image, prompts)).detach().float()
        if found.shape != (1, *image.shape):
            raise InputError(
                f"{self.name} returned {tuple(found.shape)} for an image of {(1, *image.shape)}; "
                "it must return one channel on the grid of the image"
            )
        return Segmentation.of(Volume(found.clamp(0, 1), image.grid, image.name))

    def reset(self) -> None:
        """Forget the image."""
        self.image = None


def open_torchscript_segmenter(path: Path | None) -> CallableSegmenter:
    """A TorchScript module, in torchscript=FILE, that segments whole images.

    It is given ``(1, 1, i, j, k)`` in RAS order, from 0 to 1, and returns logits of the same size:
    one channel for one structure, or several of which 0 is the background. A class is the number of
    a channel.

    Parameters
    ----------
    path
        The file. TorchScript runs its own code when it is called; open what you trust.

    Raises
    ------
    MissingWeightsError
        If there is no such file.
    InputError
        If it is no TorchScript.
    """
    if path is None or not path.is_file():
        raise MissingWeightsError(
            f"{as_named('torchscript', path)}: there is no such file; write torchscript=FILE"
        )
    try:
        network: nn.Module = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise InputError(f"{path.name}: is no TorchScript module") from error
    capabilities = Capabilities((PromptKind.NONE, PromptKind.CLASSES), weights=sha256(path))
    return CallableSegmenter(_Script(network, path.name), capabilities, f"torchscript={path.name}")


@dataclass(frozen=True)
class _Script:
    """A module on the image as it is stored in RAS order, padded to what networks can halve."""

    network: nn.Module
    name: str

    def __call__(self, image: Volume, prompts: Prompts) -> Tensor:
        seen = normalise(Volume(image.data.float(), image.grid, image.name))
        seen = seen.reoriented("RAS") if image.grid.world.anatomical else seen
        padded = seen.window([0] * seen.ndim, [-(-n // _MULTIPLE) * _MULTIPLE for n in seen.shape])
        with torch.no_grad():
            logits = self.network(padded.data[None])
        if not isinstance(logits, Tensor) or logits.shape[2:] != padded.data.shape[1:]:
            raise InputError(f"{self.name}: does not return logits of the size of its input")
        chance = class_probability(logits[0], prompts.classes, self.name)
        found = Volume(chance[None], padded.grid)
        return warp(found, Affine.identity(image.ndim), onto=image.grid).data


def class_probability(
    logits: Tensor, classes: tuple[str, ...], model: str, names: tuple[str, ...] = ()
) -> Tensor:
    """Return the probability of the structures that are asked for.

    Parameters
    ----------
    logits
        ``(C, *spatial)``: of one structure, or of several classes of which 0 is the background.
    classes
        Names or numbers of channels; all but the background if there are none.
    model
        What messages call the segmenter.
    names
        Of the channels, the background among them; without, they are numbers.

    Returns
    -------
    Tensor
        ``(*spatial)``.

    Raises
    ------
    UnsupportedPromptError
        If there is no such class.

    Examples
    --------
    >>> class_probability(torch.zeros(4, 1), ("2",), "x").tolist()
    [0.25]
    """
    if len(logits) == 1:
        return logits[0].sigmoid()
    known = [*names, *(str(n) for n in range(len(names), len(logits)))]
    for name in classes:
        if name not in known:
            raise UnsupportedPromptError(
                f"{model} knows no class {name!r}; allowed: {', '.join(known[1:])}"
            )
    wanted = [known.index(name) for name in classes] or list(range(1, len(logits)))
    return logits.softmax(0)[wanted].sum(0)
