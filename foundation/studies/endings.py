"""How the cells of a study ended, as checks and a table of its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from foundation.studies.cells import EMPTY_PROMPT, ERROR, MEASURED, UNSUPPORTED, StudyCell
from foundation.studies.config import StudyConfig
from regkit.report import Check, Section, table

_FEWEST_SUBJECTS = 10


def ending_checks(config: StudyConfig, cells: Sequence[StudyCell], failed: int) -> Iterator[Check]:
    """Judge how the rows and cells of a study ended.

    Parameters
    ----------
    config
        The study.
    cells
        All of them.
    failed
        Rows without cells.
    """
    yield Check(
        not failed,
        f"{failed} rows, of one model and one image each, failed and have no cells; overview.html "
        "says why." if failed else "Every model has its cells for every image.",
    )  # fmt: skip
    states = Counter(cell.status for cell in cells)
    yield Check(not states[ERROR], f"{states[ERROR]} cells ended with an error.")
    yield Check(
        not states[UNSUPPORTED],
        f"{states[UNSUPPORTED]} cells are of models that cannot take such a prompt, or whose "
        "weights are not there; they count for nothing.",
    )
    yield Check(
        not states[EMPTY_PROMPT],
        f"{states[EMPTY_PROMPT]} prompts were empty; they are no answer of a model and count for "
        "nothing.",
    )
    subjects = len({case.owner for case in config.cases})
    many = "intervals of fewer than ten are too short"
    few = "of one there is no interval, and nothing can be tested" if subjects == 1 else many
    yield Check(subjects >= _FEWEST_SUBJECTS, f"Subjects: {subjects}; {few}.")


def not_measured(cells: Sequence[StudyCell]) -> Section:
    """List what was not measured and why, a line for each reason."""
    reasons = Counter(
        (cell.model, cell.prompt, cell.status.replace("_", " "), cell.message)
        for cell in cells
        if cell.status not in MEASURED
    )
    if not reasons:
        return Section("What was not measured", ["Everything was measured."])
    columns = ("Model", "Prompt", "State", "Cells", "Why")
    rows = [
        (model, prompt, state, str(count), why)
        for (model, prompt, state, why), count in reasons.items()
    ]
    return Section("What was not measured", [table(columns, rows, numbers=columns[3:4])])
