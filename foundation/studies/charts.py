"""Charts of studies: curves over a magnitude, and differences with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from foundation.studies.summary import Estimate, Finding
from regkit.report.charts import chart_row, dress, picture
from regkit.report.heat_map import fitted_title
from regkit.report.palette import FAINT, INK
from regkit.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 3
Across = Callable[[Finding], float | None]


def by_magnitude(finding: Finding) -> float | None:
    """The magnitude as it was asked for."""
    return finding.condition.magnitude


def by_radius(finding: Finding) -> float | None:
    """The magnitude as a share of the radius of the largest ball in the structure."""
    return finding.relative if finding.condition.magnitude else 0.0


def magnitude_curves(
    findings: Mapping[str, Sequence[Finding]],
    colours: Mapping[str, str],
    metric: str,
    across: Across = by_magnitude,
) -> Iterator[Picture]:
    """Draw the metric of every model over the magnitude, a chart for each perturbation.

    Parameters
    ----------
    findings
        Perturbation to its findings, those of the prompt as it was among them.
    colours
        One a model.
    metric
        What the vertical axis is called.
    across
        A finding to its place on the horizontal axis, None for one that has none.
    """
    names = list(findings)
    for first in range(0, len(names), _ACROSS):
        some = names[first : first + _ACROSS]
        figure, axes = chart_row(_ACROSS)
        for ax, name in zip(axes, some, strict=False):
            for model, colour in colours.items():
                own = [f for f in findings[name] if f.condition.model == model]
                _curve(ax, own, colour, across)
            _echo(ax, findings[name], across)
            dress(ax, name, _across_title(findings[name][-1], across))
            ax.set_ylim(-0.02, 1.02)
            ax.set_ylabel(metric, fontsize=9, color=INK)
        for ax in axes[len(some) :]:
            ax.set_visible(False)
        yield picture(figure, f"{metric} over the magnitude of {', '.join(some)}")


def forest(findings: Sequence[Finding], colours: Mapping[str, str], metric: str) -> Picture:
    """Draw differences from the baseline with their intervals, a row for each condition.

    Parameters
    ----------
    findings
        Those that have a difference.
    colours
        One a model.
    metric
        What the horizontal axis is called.
    """
    figure = Figure(figsize=(11.0, 0.8 + 0.24 * len(findings)), layout="constrained")
    ax = figure.subplots()
    for row, each in enumerate(findings):
        _difference(ax, row, each, colours[each.condition.model])
    ax.axvline(0, color=INK, linewidth=0.8)
    titles = [fitted_title(_title(each)) for each in findings]
    ax.set_yticks(range(len(findings)), titles, parse_math=False)
    ax.set_ylim(len(findings) - 0.5, -0.5)
    dress(ax, "", f"difference of {metric} from its baseline")
    return picture(figure, f"Differences of {metric} with intervals, {len(findings)} conditions")


def _across_title(found: Finding, across: Across) -> str:
    if across is by_radius:
        return "magnitude, of the inscribed radius"
    return f"magnitude in {found.condition.unit}" if found.condition.unit else "magnitude"


def _curve(ax: Axes, found: Sequence[Finding], colour: str, across: Across) -> None:
    known = _placed((across(f), f.score) for f in found)
    _line(ax, known, color=colour, marker="o", markersize=3)


def _echo(ax: Axes, found: Sequence[Finding], across: Across) -> None:
    """The prompt itself, which does not depend on the model."""
    known = _placed(dict.fromkeys((across(f), f.echo) for f in found))
    _line(ax, known, color=INK, linestyle="--", linewidth=1)


def _placed(found: Iterable[tuple[float | None, Estimate | None]]) -> list[tuple[float, Estimate]]:
    known = ((x, estimate) for x, estimate in found if x is not None and estimate is not None)
    return sorted(known, key=lambda pair: pair[0])


def _line(ax: Axes, known: Sequence[tuple[float, Estimate]], *, color: str, **how: Any) -> None:
    """Means as a line, and their intervals as a band."""
    ax.plot([x for x, _ in known], [each.mean for _, each in known], color=color, **how)
    banded = [(x, s.interval) for x, s in known if s.interval is not None]
    ax.fill_between(
        [x for x, _ in banded], [i.low for _, i in banded], [i.high for _, i in banded],
        color=color, alpha=0.15, linewidth=0,
    )  # fmt: skip


def _difference(ax: Axes, row: int, found: Finding, colour: str) -> None:
    if found.difference is None:
        return
    estimate = found.difference.estimate
    ax.axhline(row, color=FAINT, linewidth=0.5)
    ax.plot([estimate.mean], [row], color=colour, marker="o", markersize=4)
    if estimate.interval is not None:
        low, high = estimate.interval.low, estimate.interval.high
        ax.plot([low, high], [row, row], color=colour, linewidth=1.5)


def _title(found: Finding) -> str:
    condition = found.condition
    return f"{condition.model}: {condition.perturbation} {condition.magnitude:g} {condition.unit}"
