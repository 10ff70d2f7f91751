"""Header: what is known about an image before its voxels are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.channels import meant_channels
from regkit.io.header_checks import check_choice
from regkit.io.options import AS_STORED, Channels, ReadOptions


@dataclass(frozen=True, eq=False)
class Header:
    """What is known about an image file before its voxels are read.

    Parameters
    ----------
    path, name
        The file or folder, and what messages call it.
    format
        The name of its :class:`regkit.io.format.Format`, such as ``"NIfTI"``.
    grid
        Where its voxels lie: in RAS+ mm, or in pixels where neither the file nor the user says how
        large a voxel is.
    dtype
        How its voxels are stored.
    frames, frame
        How many images the file holds, and which of them is meant (from 0).
    channels, channel
        How many values a voxel has, and which of them is meant (from 0).
    channel_names
        What the channels are called; empty where the file does not say.
    together
        Those that are meant together, where several are; ``channel`` is then the first.
    grey
        Whether their luminance is meant.
    repetition
        Seconds from one frame to the next, where the file says them.
    step
        How far apart two neighbouring values lie where whole numbers are stored with a scale.
    coarser
        The grids of further levels of resolution that the file holds, the finest first.
    source
        What the format found out besides, for its own reader.
    options
        What the user said about the file.
    value_type
        The NumPy name of the type in which the format gives its values; where it is not said, an
        image is read at once instead of when it is touched.
    beside
        Further files that the voxels come from.
    in_parts
        Whether the format reads a window without what lies around it.
    label_names
        What the values of a label map are called, where the file says.
    label_hint
        What a user may do who wants labels of values that are none.
    about
        What else the file says that people ask for, such as its modality; nothing reads by it.
    """

    path: Path
    name: str
    format: str
    grid: Grid
    dtype: str
    frames: int = 1
    frame: int = 0
    channels: int = 1
    channel: int = 0
    together: tuple[int, ...] = ()
    grey: bool = False
    repetition: float | None = None
    step: float = 0.0
    coarser: tuple[Grid, ...] = ()
    channel_names: tuple[str, ...] = ()
    source: Any = None
    options: ReadOptions = AS_STORED
    value_type: str = ""
    beside: tuple[Path, ...] = ()
    in_parts: bool = False
    label_names: Mapping[int, str] = field(default_factory=dict)
    label_hint: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit of its lengths: ``"mm"``, or ``"pixel"``."""
        return self.grid.world.unit

    def of(
        self, *, frame: int | None, channel: int | None, channels: Channels | None = None
    ) -> Header:
        """Return the header of one frame and one channel, or of several channels together.

        Raises
        ------
        InputError
            If there are several and none is given, or there are not so many.
        """
        numbers = meant_channels(
            self.name, self.channels, channel, channels, names=self.channel_names
        )
        return replace(
            self,
            frame=check_choice(self.name, "frame", self.frames, frame),
            channel=numbers[0],
            together=numbers if len(numbers) > 1 else (),
            grey=channels == "luminance",
        )

    @property
    def kept(self) -> int:
        """How many channels the image will have once it is read."""
        return 1 if self.grey else max(1, len(self.together))

    @property
    def each_channel(self) -> list[Header]:
        """One header for each channel that is meant."""
        if not self.together:
            return [self]
        return [replace(self, channel=n, together=(), grey=False) for n in self.together]

    def each_frame(self, options: ReadOptions) -> list[Header]:
        """Return one header for each frame, or only that of the frame that ``options`` name.

        Raises
        ------
        InputError
            As :meth:`of`.
        """
        numbers = range(self.frames) if options.frame is None else [options.frame]
        return [
            self.of(frame=number, channel=options.channel, channels=options.channels)
            for number in numbers
        ]

    def level(self, number: int) -> Grid:
        """Return the grid of a level of resolution, 0 for the finest.

        Raises
        ------
        InputError
            If the file does not hold it.
        """
        grids = (self.grid, *self.coarser)
        if not 0 <= number < len(grids):
            raise InputError(f"{self.name}: has no level {number}; allowed: 0 to {len(grids) - 1}")
        return grids[number]
