"""The report of an analysis of redundancy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from probes.diagnosis.redundancy.layer_sections import layer_checks, layer_sections
from probes.diagnosis.redundancy.tables import EncoderRedundancy
from regkit.report import Check, Page, Section, figure, hint, legend, table
from regkit.report.charts import chart_row, dress, picture
from regkit.report.palette import INK, SERIES
from regkit.report.picture import Picture
from regkit.statistics import Interval

_WIDE = 0.2
_CITED = (
    "How much of a model do we need? Redundancy and slimmability in remote sensing foundation "
    "models. 2026."
)


def redundancy_page(study: str, found: Mapping[str, EncoderRedundancy]) -> Page:
    """Make the report of an analysis.

    Parameters
    ----------
    study
        Its title.
    found
        Every encoder, at every width and layer by layer.
    """
    colours = dict(zip(found, SERIES * len(found), strict=False))
    return Page(
        study,
        checks=[*_checks(found), *layer_checks(found)],
        sections=[
            Section("Skill that is left", [
                legend([(colour, name) for name, colour in colours.items()]),
                figure(_curves(found, colours)),
                hint(
                    "Relative accuracy of a linear probe above chance, with intervals by subject; "
                    "nothing is trained again after the cut. Variance that the first principal "
                    "components of the features of the whole encoder explain."
                ),
            ]),
            Section("All widths", [_table(found)]),
            *layer_sections(found, colours),
        ],
        facts=[f"encoders: {len(found)}"],
        citations=[_CITED],
    )  # fmt: skip


def _checks(found: Mapping[str, EncoderRedundancy]) -> Iterator[Check]:
    for name, each in found.items():
        curve = each.curve
        yield Check(
            bool(np.isfinite(curve[-1].relative.estimate))
            and curve[0].linear.low > curve[0].chance,
            f"{name}: the linear probe of the whole encoder reaches {_text(curve[0].linear)}; "
            f"chance is {curve[0].chance:.3f}.",
        )
        widest = max(one.relative.high - one.relative.low for one in curve)
        yield Check(
            widest < _WIDE,
            f"{name}: the widest interval of relative accuracy is {widest:.2f}.",
        )


def _curves(found: Mapping[str, EncoderRedundancy], colours: Mapping[str, str]) -> Picture:
    drawn, axes = chart_row(2)
    for name, each in found.items():
        curve = each.curve
        across = [e.operations for e in curve]
        axes[0].plot(
            across, [e.relative.estimate for e in curve], color=colours[name], marker="o",
            markersize=3,
        )  # fmt: skip
        axes[0].fill_between(
            across, [e.relative.low for e in curve], [e.relative.high for e in curve],
            color=colours[name], alpha=0.15, linewidth=0,
        )  # fmt: skip
        ratios = curve[0].spectrum.ratios.cumsum()
        axes[1].plot(range(1, len(ratios) + 1), ratios, color=colours[name])
    axes[0].axhline(1, color=INK, linewidth=0.8, linestyle="--")
    axes[0].set_xscale("log")
    dress(axes[0], "relative accuracy", "share of the operations")
    dress(axes[1], "explained variance", "components")
    axes[1].set_xscale("log")
    axes[1].set_ylim(0, 1.02)
    return picture(drawn, f"Relative accuracy and explained variance of {len(found)} encoders")


def _text(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _table(found: Mapping[str, EncoderRedundancy]) -> str:
    columns = ("encoder", "width", "operations", "linear", "neighbours", "relative", "features",
               "for 95 %", "effective rank", "correlation")  # fmt: skip
    rows = [
        (
            name, f"{each.width:g}", f"{100 * each.operations:.1f} %", _text(each.linear),
            _text(each.neighbours), _text(each.relative), str(each.spectrum.features),
            str(each.spectrum.needed(0.95)), f"{each.spectrum.effective_rank:.1f}",
            f"{each.spectrum.correlation:.2f}",
        )
        for name, one in found.items()
        for each in one.curve
    ]  # fmt: skip
    return table(columns, rows, numbers=columns[1:])
