"""PromptFiles: what files say of a structure, beside the words of a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from foundation.prompts import PointPrompt, SupportPair
from regkit.errors import InputError
from regkit.io import open_image, open_labels, preflight, read_points
from regkit.io.header import Header
from regkit.volume import Points, Volume

_SIGNS = {"inside": True, "outside": False, "": True}
SignedPlace = tuple[tuple[float, ...], bool]
"""RAS+ world units, and whether it lies in the structure."""


@dataclass(frozen=True)
class PromptFiles:
    """The files of prompts.

    Parameters
    ----------
    points
        CSV of places, each named ``inside`` or ``outside``.
    mask
        A rough mask, or its probability.
    previous
        An earlier result, which is to be refined.
    scribbles
        CSV of the places along a line, one file a line.
    examples
        Other images with the structure in a label map.
    """

    points: Path | None = None
    mask: Path | None = None
    previous: Path | None = None
    scribbles: tuple[Path, ...] = ()
    examples: tuple[tuple[Path, Path], ...] = ()

    @classmethod
    def of(cls, paths: Mapping[str, Path]) -> PromptFiles:
        """Find the files again by their roles, as :meth:`roles` gives them."""
        images, labels = _numbered(paths, "example"), _numbered(paths, "example labels")
        return cls(
            paths.get("points"), paths.get("mask"), paths.get("previous"),
            _numbered(paths, "scribble"), tuple(zip(images, labels, strict=True)),
        )  # fmt: skip

    def roles(self) -> Iterator[tuple[str, Path]]:
        """List what each file is, and the file."""
        for role in ("points", "mask", "previous"):
            path = getattr(self, role)
            if path is not None:
                yield role, path
        for number, line in enumerate(self.scribbles, 1):
            yield f"scribble {number}", line
        for number, (image, labels) in enumerate(self.examples, 1):
            yield f"example {number}", image
            yield f"example labels {number}", labels

    def look(self) -> PromptHeaders:
        """Read the headers of all images.

        Raises
        ------
        InputError
            If one cannot be read, or the labels of an example lie on another grid than its image.
        """
        examples = tuple((preflight(image), preflight(labels)) for image, labels in self.examples)
        for image, labels in examples:
            if not labels.grid.lies_on(image.grid):
                raise InputError(
                    f"{labels.name} lies on {labels.grid.summary}, its image {image.name} on "
                    f"{image.grid.summary}; give labels on the grid of their image"
                )
        mask, previous = (None if p is None else preflight(p) for p in (self.mask, self.previous))
        return PromptHeaders(mask, previous, examples)


@dataclass(frozen=True)
class PromptHeaders:
    """Headers of the images among the prompts."""

    mask: Header | None
    previous: Header | None
    examples: tuple[tuple[Header, Header], ...]

    def open_mask(self) -> Volume | None:
        """Read the rough mask, where one is given."""
        return None if self.mask is None else open_image(self.mask)

    def open_previous(self) -> Volume | None:
        """Read the earlier result, where one is given."""
        return None if self.previous is None else open_image(self.previous)

    def open_examples(self) -> tuple[SupportPair, ...]:
        """Read the examples."""
        return tuple(
            SupportPair(open_image(image), open_labels(labels)) for image, labels in self.examples
        )


def signed_places(path: Path) -> list[SignedPlace]:
    """Read places of a CSV ``x,y,z,name``, each named ``inside``, ``outside`` or nothing.

    Raises
    ------
    InputError
        If a place has another name.
    """
    given = read_points(path)
    names = given.names or ("",) * len(given)
    wrong = [name for name in names if name not in _SIGNS]
    if wrong:
        raise InputError(
            f"{path.name}: a point is named {wrong[0]!r:.40}; allowed: inside, outside"
        )
    return [(tuple(row), _SIGNS[name]) for row, name in zip(given.xyz.tolist(), names, strict=True)]


def point_prompt(places: Sequence[SignedPlace]) -> PointPrompt | None:
    """Make a prompt of places; None of none."""
    if not places:
        return None
    xyz = torch.tensor([place for place, _ in places], dtype=torch.float64)
    return PointPrompt(Points(xyz), torch.tensor([sign for _, sign in places]))


def scribble(path: Path) -> PointPrompt:
    """Read a line, all of which lies inside the structure or outside.

    Raises
    ------
    InputError
        If it does not, or has no place.
    """
    places = signed_places(path)
    found = point_prompt(places)
    if found is None or len({sign for _, sign in places}) > 1:
        raise InputError(
            f"{path.name}: a line needs places, all inside or all outside; write a file a line"
        )
    return found


def _numbered(paths: Mapping[str, Path], role: str) -> tuple[Path, ...]:
    """The files of a role, which is followed by its number."""
    found: list[Path] = []
    while (name := f"{role} {len(found) + 1}") in paths:
        found.append(paths[name])
    return tuple(found)
