"""What bands of Sentinel-2 and Landsat hold, told by their names or those of their files."""

from __future__ import annotations

import re

from regkit.io.header import Header

# Classes or bits of Sentinel-2, of Landsat Collections 2 and 1, and of HLS; a product keeps each in
# a file of its own, whose band has no name.
WHOLE = (
    "scl", "qa60", "qa_pixel", "qa_radsat", "sr_qa_aerosol", "pixel_qa", "radsat_qa",
    "sr_aerosol", "bqa", "fmask",
)  # fmt: skip


def quality_of(header: Header, number: int) -> str:
    """Tell which band of quality a band of a scene is, one of :data:`WHOLE`; empty for none.

    Parameters
    ----------
    header
        Of the scene.
    number
        Of the band, from 0.
    """
    named = header.channel_names[number] if header.channel_names else ""
    return quality_named(named) or (quality_named(header.path.stem) if header.channels == 1 else "")


def quality_named(name: str) -> str:
    """Tell which band of quality a name tells of.

    Examples
    --------
    >>> quality_named("T32TQM_20230601T101031_SCL_20m"), quality_named("muscle")
    ('scl', '')
    >>> quality_named("HLS.S30.T35HKC.2021003T075826.v2.0.Fmask")
    'fmask'
    """
    around = "_" + re.sub(r"\W", "_", name.casefold()) + "_"
    return next((word for word in WHOLE if f"_{word}_" in around), "")


def holds_classes(header: Header, number: int) -> bool:
    """Tell whether a band of a scene holds classes, bits or colours of a table: no intensities.

    Whatever its type is: whoever stacks bands of several types may have made all of them real.

    Parameters
    ----------
    header
        Of the scene.
    number
        Of the band, from 0.
    """
    colours = header.source.colours
    return bool(quality_of(header, number)) or (len(colours) > number and bool(colours[number]))
