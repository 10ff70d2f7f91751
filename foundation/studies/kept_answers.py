"""The answers of a row that is under way, so that a row that was stopped goes on with the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from foundation.studies.cells import ERROR, StudyCell
from regkit.io import disk_errors

ANSWERS = "answers.part.jsonl"
"""Beside the results of a row until they are whole: a line of JSON for each answer."""
QuestionName = tuple[str, str, str, str, float, int]


@dataclass(frozen=True, eq=False)
class KeptAnswers:
    """Cells by what was asked; each is in the file as soon as it is known.

    Parameters
    ----------
    path
        The file, in a folder that is there.
    found
        What it held.
    """

    path: Path
    found: dict[QuestionName, StudyCell] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path, *, resume: bool) -> KeptAnswers:
        """Read what a stopped run has left, or forget it.

        Parameters
        ----------
        path
            The file; it need not be there.
        resume
            Whether to go on with what it holds.
        """
        if not resume or not path.is_file():
            path.unlink(missing_ok=True)
            return cls(path)
        kept = cls(path, {_asked(cell): cell for cell in _cells(path)})
        kept._write("\n")  # after half a line, of a run that was killed
        return kept

    def get(self, question: StudyCell) -> StudyCell | None:
        """Return the answer to a question of the same study, or None.

        Parameters
        ----------
        question
            A cell in which all is known but the answer.
        """
        return self.found.get(_asked(question))

    def add(self, cell: StudyCell) -> None:
        """Keep an answer; an error may go better another time, and is asked again."""
        if cell.status != ERROR:
            self._write(json.dumps(asdict(cell)) + "\n")

    def remove(self) -> None:
        """Delete the file: the results are whole."""
        self.path.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        with disk_errors(self.path.parent), self.path.open("a", encoding="utf-8") as file:
            file.write(text)


def _cells(path: Path) -> list[StudyCell]:
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found.append(StudyCell(**json.loads(line)))
        except (ValueError, TypeError):
            continue  # empty, or half a line
    return found


def _asked(cell: StudyCell) -> QuestionName:
    return (
        cell.study, cell.label, cell.prompt, cell.perturbation, cell.magnitude, cell.seed
    )  # fmt: skip
