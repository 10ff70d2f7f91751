"""Where the images of a study are, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from regkit.settings import Settings

Split = Literal["train", "val", "test"]
DataKind = Literal["npz", "folders", "table", "bigearthnet"]


class DataSettings(Settings):
    """A data set.

    ``kind`` is the layout: ``npz`` (MedMNIST: arrays ``test_images`` and ``test_labels``; or
    ``images`` and ``labels``), ``folders`` (a folder for each class: UC Merced, AID, EuroSAT),
    ``table`` (CSV with the columns image, label and, if wanted, subject; several labels are joined
    by ``;``) or ``bigearthnet`` (a folder for each patch, a GeoTIFF for each band).
    ``bands`` keeps some of the bands, by number from 1 or, in BigEarthNet, by name; ``size`` brings
    the shorter side of larger images to so many pixels before anything is suppressed; ``limit``
    takes so many images, the same share of each class.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.+-]+$")
    kind: DataKind
    path: Path
    split: Split = "test"
    bands: tuple[int | str, ...] | None = None
    size: int | None = Field(default=None, ge=8, le=4096)
    limit: int | None = Field(default=None, ge=2)
    missing: float | None = None
    """The value of pixels without data."""
