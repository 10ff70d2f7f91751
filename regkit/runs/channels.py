"""Which channels of an image a job keeps where a user names none."""

from __future__ import annotations

from dataclasses import replace

from regkit.io import ReadOptions
from regkit.io.header import Header


def chooses_channels(reading: ReadOptions) -> bool:
    """Tell whether a user chose among channels."""
    return reading.channel is not None or reading.channels is not None


def with_all_channels(reading: ReadOptions, header: Header) -> ReadOptions:
    """Keep all channels of an image of several, unless a user chose among them.

    Parameters
    ----------
    reading
        As the user said.
    header
        Of the image.
    """
    if header.channels == 1 or chooses_channels(reading):
        return reading
    return replace(reading, channels="all")
