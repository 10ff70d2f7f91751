"""Segmenter: a model that is shown an image, and told by prompts what to segment in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from foundation.prompts import PromptKind, Prompts
from regkit.errors import InputError
from regkit.volume import Labels, Volume


class UnsupportedPromptError(InputError):
    """A segmenter was given a prompt that it cannot take, or not given one that it needs."""


class MissingWeightsError(InputError):
    """The weights of a segmenter are not there; the message says where to put them."""


@dataclass(frozen=True)
class Capabilities:
    """What a segmenter takes, and what is known of it.

    Parameters
    ----------
    kinds
        The prompts that it takes.
    combinable
        It takes several kinds at once.
    deterministic
        The same image and prompts give the same bytes on the same machine.
    classes
        The structures that it knows by name.
    trained
        False where its weights are random, as in tests; such a model is kept out of every table
        of results.
    licence
        Of its weights.
    weights
        SHA-256 of their file, "" where it has none.
    caution
        What one should know before a result is believed, as a notice; "" where there is nothing.
    """

    kinds: tuple[PromptKind, ...]
    combinable: bool = False
    deterministic: bool = True
    classes: tuple[str, ...] = ()
    trained: bool = True
    licence: str = ""
    weights: str = ""
    caution: str = ""

    def check(self, prompts: Prompts, model: str) -> None:
        """Refuse prompts that the segmenter does not take; none is left out in silence.

        Parameters
        ----------
        prompts
            What it is asked.
        model
            What the message calls it.

        Raises
        ------
        UnsupportedPromptError
            If a kind is not among ``kinds``, or several are given to one that takes one.
        """
        given, allowed = prompts.kinds, ", ".join(kind.value for kind in self.kinds)
        if given == (PromptKind.NONE,) and PromptKind.NONE not in self.kinds:
            raise UnsupportedPromptError(f"{model} needs a prompt; allowed: {allowed}")
        for kind in given:
            if kind not in self.kinds:
                raise UnsupportedPromptError(
                    f"{model} takes no prompt of the kind {kind.value}; allowed: {allowed}"
                )
        if len(given) > 1 and not self.combinable:
            kinds = ", ".join(kind.value for kind in given)
            raise UnsupportedPromptError(f"{model} takes one kind of prompt, not {kinds}; give one")
        unknown = [name for name in prompts.classes if self.classes and name not in self.classes]
        if unknown:
            names = ", ".join(self.classes)
            raise UnsupportedPromptError(f"{model} knows no class {unknown[0]!r}; allowed: {names}")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a segmenter found of one structure.

    Parameters
    ----------
    probability
        ``(1, i, j, k)`` float32 from 0 to 1, on the grid of the image.
    mask
        ``(1, i, j, k)``, 1 inside the structure, on the same grid.
    details
        What it did, as JSON can hold it: the region that the model saw, how a prompt was encoded.
    """

    probability: Volume
    mask: Labels
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, probability: Volume, details: Mapping[str, Any] | None = None) -> Segmentation:
        """Make one whose mask is where the probability is above one half.

        Raises
        ------
        InputError
            If a probability is not a number: a mask of it would be empty, as if the model had found
            nothing.
        """
        if not bool(probability.data.isfinite().all()):
            raise InputError(
                f"{probability.name or 'image'}: the model returned values that are not numbers; "
                "check its weights, and whether it was made for such an image"
            )
        mask = Labels(probability.data > 0.5, probability.grid, probability.name)
        return cls(probability, mask, details or {})


@runtime_checkable
class Segmenter(Protocol):
    """A model that segments one image at a time.

    What it computes of an image alone, such as an embedding, it computes once, in
    :meth:`set_image` or at the first prompt. It sees the image and the prompts, never the truth.
    """

    @property
    def name(self) -> str:
        """What messages and tables call it."""

    @property
    def capabilities(self) -> Capabilities:
        """What it takes."""

    def set_image(self, image: Volume) -> None:
        """Take the image ``(C, i, j, k)`` that the prompts are about.

        Raises
        ------
        InputError
            If the model cannot see such an image.
        """

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment one structure.

        Parameters
        ----------
        prompts
            In the world of the image.

        Raises
        ------
        UnsupportedPromptError
            If it cannot take them.
        InputError
            If no image was set, or a prompt holds nothing that lies in it.
        """

    def reset(self) -> None:
        """Forget the image, and all that was computed from it."""
