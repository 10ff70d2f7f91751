"""Charts of a study by probes: measures by layer and arm, and differences, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from probes.study.judging import CHOSEN, ComparedProbes, JudgedBlock, ProbeFindings
from regkit.report.charts import dress, picture
from regkit.report.palette import BLUE, FAINT, INK, ORANGE, SERIES
from regkit.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARM_COLOURS = SERIES[:4]
_ACROSS, _WIDTH, _ROW = 0.16, 11.0, 0.3
METRIC_NAMES = {"auc": "AUC", "r2": "R²", "c_index": "c-index"}


def arm_colours(findings: ProbeFindings) -> dict[str, str]:
    """Return a colour for every arm, in order; what has no arm has that of ink."""
    arms = dict.fromkeys(each.block.arm for each in findings.judged if each.block.arm)
    colours = (ARM_COLOURS[n % len(ARM_COLOURS)] for n in range(len(arms)))
    return {"": INK, **dict(zip(arms, colours, strict=True))}


def _reach(findings: ProbeFindings) -> tuple[float, float]:
    """The same ends of the axis for all charts of a report."""
    intervals = [
        each.score(findings.metric, key).interval for each in findings.judged for key in each.fits
    ]
    low = min(findings.chance, *(each.low for each in intervals))
    high = max(findings.chance, *(each.high for each in intervals))
    return low - 0.02 * (high - low), high + 0.02 * (high - low)


def layer_chart(features: str, judged: Sequence[JudgedBlock], findings: ProbeFindings) -> Picture:
    """Draw the headline measure of one source by layer, an arm beside the other.

    Parameters
    ----------
    features
        The source.
    judged
        Its arms.
    findings
        Which measure, and what chance is.
    """
    columns, colours = list(judged[0].fits), arm_colours(findings)
    titles = [_title(column, len(columns)) for column in columns]
    rows = len(columns)
    figure = Figure(figsize=(_WIDTH, 0.9 + _ROW * rows * (0.6 + 0.4 * len(judged))),
                    layout="constrained")  # fmt: skip
    ax = figure.subplots()
    for number, each in enumerate(judged):
        shift = _ACROSS * (number - (len(judged) - 1) / 2)
        for row, column in enumerate(columns):
            _bar(ax, row + shift, each, column, findings, colours[each.block.arm])
    ax.axvline(findings.chance, color=INK, linewidth=0.8, linestyle="--")
    ax.set_xlim(*_reach(findings))
    ax.set_yticks(range(rows), titles, fontsize=8, parse_math=False)
    ax.set_ylim(rows - 0.5, -0.5)
    dress(ax, features, METRIC_NAMES[findings.metric])
    return picture(
        figure, f"{METRIC_NAMES[findings.metric]} of {features} by layer, with intervals"
    )


def _title(column: tuple[str, str], count: int) -> str:
    layer, pooling = column
    return layer if column == CHOSEN or not pooling else f"{layer}, {pooling}"


def _bar(
    ax: Axes, place: float, judged: JudgedBlock, column: tuple[str, str],
    findings: ProbeFindings, colour: str,
) -> None:  # fmt: skip
    interval = judged.score(findings.metric, column).interval
    ax.plot([interval.low, interval.high], [place, place], color=colour, linewidth=1.5)
    ax.plot([interval.estimate], [place], color=colour, marker="o", markersize=4)


def difference_chart(comparisons: Sequence[ComparedProbes], metric: str, margin: float) -> Picture:
    """Draw differences with their intervals and the margin within which they would not matter.

    Parameters
    ----------
    comparisons
        At least one.
    metric
        The headline measure.
    margin
        Of equivalence.
    """
    figure = Figure(figsize=(_WIDTH, 0.9 + _ROW * len(comparisons)), layout="constrained")
    ax = figure.subplots()
    ax.axvspan(-margin, margin, color=FAINT, alpha=0.5, linewidth=0)
    for row, each in enumerate(comparisons):
        found = each.difference
        ax.plot([found.interval.low, found.interval.high], [row, row], color=BLUE, linewidth=1.5)
        ax.plot([found.narrow.low, found.narrow.high], [row, row], color=BLUE, linewidth=4)
        ax.plot([found.interval.estimate], [row], color=ORANGE, marker="o", markersize=4)
    ax.axvline(0, color=INK, linewidth=0.8)
    titles = [f"{each.first}  minus  {each.second}" for each in comparisons]
    ax.set_yticks(range(len(comparisons)), titles, fontsize=8, parse_math=False)
    ax.set_ylim(len(comparisons) - 0.5, -0.5)
    dress(ax, "", f"difference of {METRIC_NAMES[metric]}")
    return picture(figure, f"Differences of {METRIC_NAMES[metric]} with intervals")
