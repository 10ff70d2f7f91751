"""Where the images of a study are, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from regkit.settings import Settings

Split = Literal["train", "val", "test"]
DataKind = Literal["npz", "folders", "table", "bigearthnet", "python"]
TruthKind = Literal["class", "several", "map"]
"""A class for each image, several labels, or a label map."""


def _named(value: Any) -> Any:
    """NaN by its name, which records can hold."""
    return "nan" if str(value).lower() == "nan" else value


Missing = Annotated[float | Literal["nan"] | None, BeforeValidator(_named)]
"""What pixels without data have in all bands, or ``nan``, in any; None where there is none."""


class DataSettings(Settings):
    """A data set.

    ``kind`` is the layout of ``path``: ``npz`` (MedMNIST: arrays ``test_images`` and
    ``test_labels``; or ``images`` and ``labels``, which may be label maps), ``folders`` (a folder
    for each class: UC Merced, AID, EuroSAT), ``table`` (CSV with the columns image, label and, if
    wanted, subject; several labels are joined by ``;``; label maps are files in a column labels;
    registrations need fixed, moving, fixed_labels and moving_labels) or ``bigearthnet`` (a folder
    for each patch, a GeoTIFF for each band; of its second version, the folder that has
    ``metadata.parquet``). ``python`` is what the function or class ``dataset``,
    ``MODULE:NAME``, makes of ``options``: an object with a length, whose items are those of
    torchgeo (``{"image", "label"}`` or ``"mask"``) or pairs of image and truth.
    ``bands`` keeps some of the bands, by number from 1 or by the names that files give them (of
    BigEarthNet, the names of its files); ``size`` brings the whole of every image to so many pixels
    a side before anything is suppressed; ``limit`` takes so many images, the same share of each
    class. Pixels have no data where a file says so of any band, or where all bands are ``missing``
    (``nan``: any band is not finite);
    images of which less than half has data are left out by name.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.+-]+$")
    kind: DataKind
    path: Path = Path()
    dataset: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    options: dict[str, Any] = Field(default_factory=dict)
    split: Split = "test"
    bands: tuple[int | str, ...] | None = None
    size: int | None = Field(default=None, ge=8, le=4096)
    limit: int | None = Field(default=None, ge=2)
    missing: Missing = None
    """The value that pixels without data have in all bands."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        wanted = "dataset" if self.kind == "python" else "path"
        given = {"dataset": self.dataset is not None, "path": self.path != Path()}
        if given != {"dataset": wanted == "dataset", "path": wanted == "path"}:
            raise ValueError(f"a data set of the kind {self.kind} has a {wanted}, and no other")
        if self.options and self.kind != "python":
            raise ValueError(f"options are for the kind python, not for {self.kind}")
        return self

    @property
    def folder(self) -> Path:
        """The folder of a table, which its files count from."""
        return self.path.parent
