"""FrameFiles: the frames of a file as a sequence, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from regkit.io.deferred import FileState
from regkit.io.files import open_frames, open_image
from regkit.io.header import Header
from regkit.io.options import ReadOptions
from regkit.io.preflight import read_header
from regkit.volume.volume import Volume


@dataclass(frozen=True)
class FrameFiles(Sequence[Volume]):
    """The frames of a 4-D file; each is read when it is asked for, and none is kept.

    Parameters
    ----------
    header
        Of the file, with neither frame nor channel chosen.
    options
        How it is read; which frame they name does not matter.
    state
        Of the file when its header was read.
    """

    header: Header
    options: ReadOptions
    state: FileState

    @classmethod
    def of(cls, path: Path, options: ReadOptions) -> FrameFiles:
        """Read the header of a file.

        Raises
        ------
        InputError
            If it cannot be trusted, or names no channel where there are several.
        """
        state, all_frames = FileState.now(path), replace(options, frame=None)
        header = read_header(path, all_frames)
        header.each_frame(all_frames)
        return cls(header, all_frames, state)

    def __len__(self) -> int:
        return self.header.frames

    @overload
    def __getitem__(self, number: int) -> Volume: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Volume]: ...
    def __getitem__(self, number: int | slice) -> Volume | Sequence[Volume]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        self.state.check(self.header.name)
        return open_image(self.header.each_frame(replace(self.options, frame=number))[0])

    def __iter__(self) -> Iterator[Volume]:
        self.state.check(self.header.name)
        yield from open_frames(self.header, self.options)
        self.state.check(self.header.name)
