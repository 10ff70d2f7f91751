"""What bands of Sentinel-2 and Landsat hold, told by their names or those of their files."""

from __future__ import annotations

from regkit.io.header import Header

# Classes or bits; a product keeps each in a file of its own, whose band has no name.
WHOLE = ("scl", "qa_pixel", "qa_radsat", "sr_qa_aerosol")


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
    """
    around = f"_{name.casefold()}_"
    return next((word for word in WHOLE if f"_{word}_" in around), "")
