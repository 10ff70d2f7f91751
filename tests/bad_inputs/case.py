"""One row of the table of bad inputs, and the commands that read such a thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

IMAGE = ("fixed", "moving", "apply", "onto", "info")
VOXELS = tuple(slot for slot in IMAGE if slot != "onto")  # of a reference only the grid is read
# Of frames and channels `apply` warps all, and so does `info` describe them.
PAIR = ("fixed", "moving")
MASK = ("fixed-mask", "moving-mask")
LABELS = ("moving-labels", "apply --labels")
TRANSFORM = ("init", "apply transform", "points transform")
TABLE = ("points",)
CONFIG = ("config",)
MODEL = ("model",)
IMPORT = ("weights import",)
WORDS = ("words",)


@dataclass(frozen=True)
class Place:
    """Good files to put beside the bad one, and where the bad one goes.

    ``inputs`` is where a case makes its file; ``out`` is a folder with a file of the user's in it.
    """

    inputs: Path
    out: Path
    fixed: Path
    moving: Path
    labels: Path
    mask: Path
    phi: Path
    table: Path

    @property
    def run(self) -> list[object]:
        """A registration of the good pair."""
        return ["register", self.fixed, self.moving, "-o", self.out]

    def words(self, slot: str, bad: Path) -> list[str]:
        """A command line that is right but for ``bad``."""
        onto = ["--onto", self.fixed, "-o", self.out / "x.nii.gz"]
        lines: dict[str, list[object]] = {
            "fixed": ["register", bad, self.moving, "-o", self.out],
            "moving": ["register", self.fixed, bad, "-o", self.out],
            "apply": ["apply", bad, self.phi, *onto],
            "onto": ["apply", self.moving, self.phi, "--onto", bad, *onto[2:]],
            "info": ["info", bad],
            "fixed-mask": [*self.run, "--fixed-mask", bad],
            "moving-mask": [*self.run, "--moving-mask", bad],
            "moving-labels": [*self.run, "--moving-labels", bad],
            "apply --labels": ["apply", bad, self.phi, *onto, "--labels"],
            "init": [*self.run, "--init", bad],
            "apply transform": ["apply", self.moving, bad, *onto],
            "points transform": ["points", self.table, bad],
            "points": ["points", bad, self.phi],
            "config": [*self.run, "--config", bad],
            "model": [*self.run, "--model", bad],
            "weights import": ["weights", "import", "mine", bad],
        }
        return [str(word) for word in lines[slot]]


@dataclass(frozen=True)
class Case:
    """A bad input: its number in the table, what is wrong, how to make it, what must be said.

    ``make`` returns the bad file for ``slots``, or a whole command line for ``WORDS``; ``closed``
    are files that only root may touch.
    """

    number: int
    what: str
    make: Callable[[Place], object]
    says: tuple[str, ...]
    slots: tuple[str, ...] = IMAGE
    code: int = 2
    closed: bool = False


@dataclass(frozen=True)
class NotYet:
    """A row about something that regkit does not have."""

    number: int
    what: str
    reason: str
