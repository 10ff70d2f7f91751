"""StudyCell: one question to one model, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from regkit.errors import require

DONE, EMPTY_PROMPT, EMPTY_TRUTH, EMPTY_RESULT = (
    "done",
    "empty_prompt",
    "empty_truth",
    "empty_result",
)
UNSUPPORTED, ERROR = "unsupported", "error"
MEASURED = (DONE, EMPTY_RESULT)
"""The states in which a model had a fair question: the structure is there, and so is a prompt."""


@dataclass(frozen=True)
class StudyCell:
    """One row of the table of a study.

    Parameters
    ----------
    study
        SHA-256 of what decides the result: settings, images and weights.
    model, weights
        The segmenter as it was named, and the SHA-256 of its weights, "" where it has none.
    case, subject, domain
        Which image, whose it is, and where it is from.
    label
        The structure.
    prompt
        How it was told to the model.
    perturbation, magnitude, unit
        What was wrong with the prompt or the image, by how much, and in which unit.
    realised, relative
        The magnitude as it was measured afterwards, and as a share of the radius of the largest
        ball in the structure.
    seed
        Of what was drawn.
    clipped
        The prompt was cut off by the edge of the image.
    status
        One of this module's states.
    message
        Why it is not ``done``.
    dice, surface_dice, hd95, volume_error
        How the result compares with the truth: HD95 in world units, the volume error as a share.
    prompt_dice
        Dice of a prompt by mask, or of a box filled, with the truth: what a model reaches that
        returns its prompt.
    """

    study: str
    model: str
    weights: str
    case: str
    subject: str
    domain: str
    label: str
    prompt: str
    perturbation: str
    magnitude: float
    unit: str
    seed: int
    status: str
    message: str = ""
    realised: float | None = None
    relative: float | None = None
    clipped: bool | None = None
    dice: float | None = None
    surface_dice: float | None = None
    hd95: float | None = None
    volume_error: float | None = None
    prompt_dice: float | None = None


def write_cells(cells: Iterable[StudyCell], path: Path) -> None:
    """Write a table of cells; the same cells give the same bytes.

    Parameters
    ----------
    cells
        In the order in which they are written.
    path
        A Parquet file.
    """
    parquet = require("pyarrow.parquet", extra="cohort")
    parquet.write_table(_table(list(cells)), path, compression="zstd")


def read_cells(path: Path) -> list[StudyCell]:
    """Read a table that :func:`write_cells` wrote."""
    parquet = require("pyarrow.parquet", extra="cohort")
    return [StudyCell(**row) for row in parquet.read_table(path).to_pylist()]


def _table(cells: Sequence[StudyCell]) -> Any:
    arrow = require("pyarrow", extra="cohort")
    kinds = {
        "str": arrow.string(), "int": arrow.int64(), "float": arrow.float64(),
        "float | None": arrow.float64(), "bool | None": arrow.bool_(),
    }  # fmt: skip
    schema = arrow.schema([(each.name, kinds[str(each.type)]) for each in fields(StudyCell)])
    return arrow.Table.from_pylist([asdict(cell) for cell in cells], schema=schema)
