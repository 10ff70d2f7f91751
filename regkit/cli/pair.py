"""The two images of a run and what belongs to them, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.cli.plan import Paths
from regkit.cli.terminal import describe, say
from regkit.io import read, read_labels, read_transform
from regkit.registration.check import as_mask, check_pair
from regkit.transforms import Transform
from regkit.volume import Labels, Volume


@dataclass(frozen=True)
class Pair:
    """What :class:`regkit.cli.plan.Paths` names, in memory."""

    fixed: Volume
    moving: Volume
    fixed_mask: Volume | None
    moving_mask: Volume | None
    fixed_labels: Labels | None
    moving_labels: tuple[Labels, ...]
    initial: Transform | None


def open_pair(
    paths: Paths,
    *,
    quiet: bool,
    frame: int | None = None,
    nan: float | None = None,
    **header: Any,
) -> Pair:
    """Read every file, and say on stderr which image was taken as fixed and which as moving.

    Parameters
    ----------
    frame, nan
        For the two images; see :func:`regkit.io.read`.
    header
        ``geometry`` and ``assume_ras``, for every file.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    fixed = read(paths.fixed, frame=frame, nan=nan, **header)
    say(describe("fixed", fixed), quiet=quiet)
    moving = read(paths.moving, frame=frame, nan=nan, **header)
    say(describe("moving", moving), quiet=quiet)
    check_pair(fixed, moving)
    return Pair(
        fixed,
        moving,
        fixed_mask=_open_mask(paths.fixed_mask, fixed, **header),
        moving_mask=_open_mask(paths.moving_mask, moving, **header),
        fixed_labels=read_labels(paths.fixed_labels, **header) if paths.fixed_labels else None,
        moving_labels=tuple(read_labels(path, **header) for path in paths.moving_labels),
        initial=read_transform(paths.init) if paths.init else None,
    )


def _open_mask(path: Path | None, image: Volume, **header: Any) -> Labels | None:
    return as_mask(read(path, **header), image) if path else None
