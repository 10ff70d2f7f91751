"""Paths: the files that one registration reads, by their roles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

MANY = ("fixed_with", "moving_with", "moving_labels")  # roles that several files can have


@dataclass(frozen=True)
class Paths:
    """The files that one registration reads.

    ``fixed_with`` and ``moving_with`` are further contrasts of each image, on its grid, in one
    order: channels that are compared each with its own. ``fixed_landmarks`` and
    ``moving_landmarks`` are the same landmarks in both images, in one order.
    """

    fixed: Path
    moving: Path
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_labels: Path | None = None
    moving_labels: tuple[Path, ...] = ()
    init: Path | None = None
    fixed_with: tuple[Path, ...] = ()
    moving_with: tuple[Path, ...] = ()
    fixed_landmarks: Path | None = None
    moving_landmarks: Path | None = None

    def given_labels(self) -> tuple[Path, ...]:
        """Those of moving, then that of fixed if there is one."""
        return (*self.moving_labels, *filter(None, [self.fixed_labels]))

    def given(self) -> list[tuple[str, Path]]:
        """Role and path of every file, in the order in which they are read."""
        single = (
            "fixed", "moving", "fixed_mask", "moving_mask", "fixed_labels", "init",
            "fixed_landmarks", "moving_landmarks",
        )  # fmt: skip
        roles = [(role, getattr(self, role)) for role in single]
        many = [(role, path) for role in MANY for path in getattr(self, role)]
        return [(role, path) for role, path in roles if path is not None] + many
