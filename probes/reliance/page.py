"""The report of a study of feature reliance, from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from probes.reliance.charts import ModelOnData, colours_of, index_chart, level_curves
from probes.reliance.rows import DONE, ERROR, REFUSED, AuditRow, IndexRow, SkillRow
from probes.reliance.skill import METRICS, TaskKind
from regkit.report import Check, Page, Section, details, figure, hint, legend, table

if TYPE_CHECKING:
    from probes.reliance.study import RelianceTables

_FEW = 30
_LEAK = 0.8  # of a cue that a suppressor is to leave
_ADDS = 1.2
_UNMATCHED = 0.1
_CITED = (
    "Burgert T, Stoll O, Rota P, Demir B. ImageNet-trained CNNs are not biased towards texture: "
    "revisiting feature reliance through controlled suppression. 2025."
)


_OF_TASK: Mapping[TaskKind, tuple[str, ...]] = {
    "segmentation": (
        "Label maps move with the patches. Chance is the Dice of labels drawn at the frequency of "
        "each structure.",
    ),
    "registration": (
        "The same draw suppresses cues of both images, and labels move with the patches. Chance is "
        "the overlap of labels as they lie. Patches that change places take the deformation apart: "
        "what is lost by them is no shape.",
    ),
}


def reliance_page(study: str, tables: RelianceTables, task: TaskKind, level: float) -> Page:
    """Make the report of a study.

    Parameters
    ----------
    study
        Its title.
    tables
        All that was found.
    task
        How answers were judged.
    level
        Of the intervals.
    """
    pairs = list(dict.fromkeys((row.data, row.model) for row in tables.skills))
    sections = [*_answers(tables, pairs, task, level)] if pairs else []
    return Page(
        study,
        checks=list(_checks(tables)),
        sections=[*sections, _audit(tables.audits), _method(task, level)],
        facts=[_size(tables)],
        citations=[_CITED],
    )


def _size(tables: RelianceTables) -> str:
    data = {row.data for row in tables.skills} | {row.data for row in tables.audits}
    models = {row.model for row in tables.skills}
    suppressors = {row.suppressor for row in tables.audits}
    return f"data sets: {len(data)}, models: {len(models)}, suppressors: {len(suppressors)}"


def _checks(tables: RelianceTables) -> Iterator[Check]:
    failed = {(row.data, row.model): row.message for row in tables.skills if row.status == ERROR}
    for (data, model), message in failed.items():
        yield Check(False, f"{model} on {data} was not judged: {message}.")
    refused = {row.suppressor: row.message for row in tables.skills if row.status == REFUSED}
    for name, message in refused.items():
        yield Check(False, f"Some levels of {name} are left out: {message}.")
    empty = {row.data: row for row in tables.skills if row.left_out}
    for row in empty.values():
        yield Check(
            False,
            f"{row.data}: {row.left_out} of {row.images + row.left_out} images are left out; less "
            "than half of each has data.",
        )
    if tables.skills:
        fewest = min(row.subjects for row in tables.skills)
        yield Check(
            fewest >= _FEW,
            f"Subjects or images: {fewest} at least; intervals of few are too short.",
        )
    risen = [row for row in tables.skills if (row.relative_low or 0) > 1]
    for name in dict.fromkeys(f"{row.model} on {row.data}" for row in risen):
        yield Check(
            False,
            f"{name} does better under suppression at some levels: what is suppressed misleads it "
            "there, or, where answers are counted, its threshold does not suit these images. Its "
            "indices say little.",
        )
    for shuffled in _no_worse_than_seams(tables.indices):
        yield Check(
            False,
            f"{shuffled.model} on {shuffled.data} loses no more by patch-shuffle than by the seams "
            "alone: what it loses may not be shape.",
        )
    yield from _unmatched(tables.audits)
    for name, leaks in _leaks(tables.audits).items():
        yield Check(False, f"{name} does more than to remove its own cue: {', '.join(leaks)}.")


def _unmatched(audits: Sequence[AuditRow]) -> Iterator[Check]:
    for row in audits:
        left = getattr(row, row.cue, None)
        if row.asked is not None and left is not None and abs(left - row.asked) > _UNMATCHED:
            yield Check(
                False,
                f"{row.suppressor} leaves {100 * left:.0f} % of {row.cue} on {row.data} where "
                f"{100 * row.asked:.0f} % was asked for: no strength of it comes nearer, and "
                "indices do not compare.",
            )


def _no_worse_than_seams(indices: Sequence[IndexRow]) -> Iterator[IndexRow]:
    by_name = {(row.data, row.model, row.suppressor): row for row in indices}
    for row in indices:
        seams = by_name.get((row.data, row.model, "seams"))
        if row.suppressor == "patch-shuffle" and seams is not None and row.low <= seams.index:
            yield row


def _leaks(audits: Sequence[AuditRow]) -> dict[str, list[str]]:
    """What the mildest level of each suppressor does to cues that are not its own."""
    found: dict[str, list[str]] = {}
    for row in (row for row in audits if row.level == 1 and row.cue != "seams"):
        for cue in ("shape", "texture", "colour"):
            left = getattr(row, cue)
            if cue == row.cue or left is None or row.cue == "intensity":
                continue
            if left < _LEAK:
                found.setdefault(row.suppressor, []).append(
                    f"{100 * left:.0f} % of {cue} is left at level 1 on {row.data}"
                )
            elif left > _ADDS:
                found.setdefault(row.suppressor, []).append(
                    f"{cue} grows to {100 * left:.0f} % at level 1 on {row.data}"
                )
    return found


def _answers(
    tables: RelianceTables, pairs: Sequence[ModelOnData], task: TaskKind, level: float
) -> Iterator[Section]:
    yield Section("What was found", [_sentence(tables, pair, task) for pair in pairs])
    colours = colours_of(pairs)
    keys = [(colour, f"{model} on {data}") for (data, model), colour in colours.items()]
    if tables.indices:
        yield Section(
            "Reliance",
            [
                hint(
                    "The index is one minus the mean relative skill over the levels. Compare "
                    "suppressors of different cues only at levels that remove their own cue "
                    "equally: the setting match finds them."
                ),
                legend(keys),
                figure(index_chart(tables.indices, colours)),
                *(figure(each) for each in level_curves(tables.skills, colours)),
            ],
        )
    if tables.contrasts:
        yield Section("Differences", [_contrasts(tables)])
    yield Section("All levels", [details("Show the table", _levels(tables.skills))])


def _sentence(tables: RelianceTables, pair: ModelOnData, task: TaskKind) -> str:
    own = [row for row in tables.skills if (row.data, row.model) == pair]
    plain = next(row for row in own if not row.cue)
    name = f"{plain.model} on {plain.data}"
    if plain.status != DONE:
        return f"{name}: not judged. {plain.message}"
    text = (
        f"{name}: {METRICS[task]} {_with(plain.skill, plain.skill_low, plain.skill_high)} "
        f"(n = {plain.subjects})."
    )
    found = [row for row in tables.indices if (row.data, row.model) == pair and row.cue != "seams"]
    if found:
        most = max(found, key=lambda row: row.index)
        text += (
            f" It loses most by {most.suppressor}, index {_with(most.index, most.low, most.high)}."
        )
    return text


def _with(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
    return f"{value:.3f}{interval}"


def _contrasts(tables: RelianceTables) -> str:
    columns = ("suppressor", "first", "second", "first - second", "images")
    rows = [
        (
            row.suppressor, row.first, row.second, _with(row.difference, row.low, row.high),
            "the same" if row.paired else "others",
        )
        for row in tables.contrasts
    ]  # fmt: skip
    return table(columns, rows, numbers=("first - second",))


def _levels(rows: Sequence[SkillRow]) -> Markup:
    columns = ("data", "model", "suppressor", "strength", "skill", "relative", "draws", "status")
    cells = [
        (
            row.data, row.model, row.suppressor, f"{row.strength:.4g} {row.unit}".strip(),
            _with(row.skill, row.skill_low, row.skill_high),
            _with(row.relative, row.relative_low, row.relative_high), str(row.draws),
            row.status if row.status == DONE else f"{row.status}: {row.message}",
        )
        for row in rows
    ]  # fmt: skip
    return table(columns, cells, numbers=("skill", "relative", "draws"))


def _audit(rows: Sequence[AuditRow]) -> Section:
    columns = (
        "data", "suppressor", "removes", "strength", "shape", "texture", "colour", "intensity",
        "local variance", "high frequencies", "gradients", "edges", "spectral angle",
        "between bands",
    )  # fmt: skip
    cells = [
        (
            row.data, row.suppressor, row.cue, f"{row.strength:.4g}",
            *(
                "-" if value is None else f"{value:.2f}"
                for value in (
                    row.shape, row.texture, row.colour, row.intensity, row.local_variance,
                    row.high_frequency, row.gradient_correlation, row.edge_agreement,
                    row.spectral_angle, row.band_correlation,
                )
            ),
        )
        for row in rows
    ]  # fmt: skip
    return Section(
        "What the suppressors leave",
        [
            hint(
                "Measured on up to 64 images of each data set: 1 where nothing was removed, 0 "
                "where nothing is left, more than 1 where something was added. The column of its "
                "own cue should fall, the others should stay."
            ),
            table(columns, cells, numbers=columns[3:]),
        ],
    )


def _method(task: TaskKind, level: float) -> Section:
    return Section(
        "How it was measured",
        [
            f"Skill is {METRICS[task]}. Relative skill is (skill - chance) / (plain skill - "
            f"chance). Intervals hold {100 * level:.0f} % of bootstrap samples of subjects, or of "
            "images where no subjects are named; the same samples are drawn for all models, so "
            "that differences on the same images are paired. Random suppressors are drawn several "
            "times and their skill is averaged.",
            "Images that a suppressor cannot work on are left out with their level, never averaged "
            "in.",
            *_OF_TASK.get(task, ()),
        ],
    )
