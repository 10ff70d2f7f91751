"""The headers of the two images of a run: read once, and handed on to whoever needs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from regkit.errors import InputError
from regkit.io import read_header
from regkit.io.header import Header

if TYPE_CHECKING:
    from regkit.runs.register.job import RegisterJob

Asked = TypeVar("Asked")


@dataclass(frozen=True)
class Headers:
    """Of one frame of each image and the channels that are meant, and of its other contrasts."""

    fixed: Header
    moving: Header
    fixed_with: tuple[Header, ...] = ()
    moving_with: tuple[Header, ...] = ()


def read_headers(job: RegisterJob) -> Headers:
    """Read the headers of both images of ``job``.

    The frame and the channels that the user names are those of the image that has several: an
    image of one frame is taken as it is, unless both are.

    Raises
    ------
    InputError
        If a header cannot be trusted, there are frames or channels of which none is named, or
        both are scenes on the earth, of which there is another job.
    """
    asked = job.reading
    found = [read_header(path, asked) for path in (job.paths.fixed, job.paths.moving)]
    if all(each.grid.world.crs for each in found):
        raise InputError(
            f"{found[0].name} and {found[1].name} are scenes on the earth; register them with "
            "`regkit register`, or many with `regkit cohort scene`"
        )
    frames = max(each.frames for each in found)
    channels = max(each.channels for each in found)
    fixed, moving = (
        each.of(
            frame=_of_several(asked.frame, each.frames, frames),
            channel=_of_several(asked.channel, each.channels, channels),
            channels=_of_several(asked.channels, each.channels, channels),
        )
        for each in found
    )
    alone = replace(asked, channel=None, channels=None)
    fixed_with, moving_with = (
        tuple(
            header.of(frame=_of_several(asked.frame, header.frames, frames), channel=None)
            for header in (read_header(path, alone) for path in paths)
        )
        for paths in (job.paths.fixed_with, job.paths.moving_with)
    )
    return Headers(fixed, moving, fixed_with, moving_with)


def _of_several(asked: Asked | None, count: int, most: int) -> Asked | None:
    """What is asked for; an image with a single one is not asked where the other has several."""
    return None if count == 1 < most else asked
