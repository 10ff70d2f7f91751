"""The report of an audit of augmentations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from probes.diagnosis.augmentation.consistency import AugmentationConsistency
from probes.diagnosis.augmentation.dates import MEASURES, ObservedPlace
from regkit.report import Check, Page, Section, figure, hint, legend, table
from regkit.report.charts import dress, picture
from regkit.report.palette import BLUE, FAINT, GREEN, INK, ORANGE
from regkit.report.picture import Picture

_COLOURS = dict(zip(MEASURES, (BLUE, ORANGE, GREEN), strict=True))
_NAMES = {"angle": "spectral angle", "distance": "relative distance", "band": "any band"}
_CITED = (
    "Burgert T, Demir B. Estimating physical information consistency of channel data augmentation "
    "for remote sensing images. IGARSS 2024."
)


def augmentation_page(
    study: str, place: ObservedPlace, found: Sequence[AugmentationConsistency]
) -> Page:
    """Make the report of an audit.

    Parameters
    ----------
    study
        Its title.
    place
        Its dates, and what they do by themselves.
    found
        Every augmentation at every strength.
    """
    limits = place.natural_limits
    return Page(
        study,
        checks=list(_checks(place, found)),
        sections=[
            Section("Pixels beyond what the place does by itself", [
                legend([(colour, _NAMES[name]) for name, colour in _COLOURS.items()]),
                figure(_chart(found)),
                hint(
                    "The share of augmented pixels whose deviation from the other dates of their "
                    "place exceeds the 95th percentile of pixels that were not augmented. Without "
                    "any effect it is 0.05. Intervals of 95 % by blocks of the scene."
                ),
            ]),
            Section("All augmentations", [_table(found)]),
        ],
        facts=[
            f"dates: {len(place.stack)}, augmentations at all strengths: {len(found)}",
            f"19 of 20 pixels lie within a spectral angle of {limits['angle']:.1f} degrees, a "
            f"relative distance of {limits['distance']:.2f} and {limits['band']:.1f} times the "
            "usual difference of every band from the other dates",
        ],
        citations=[_CITED],
    )  # fmt: skip


def outlying_date(date: int, times: float) -> str:
    """Say that a date lies far from the others.

    Examples
    --------
    >>> outlying_date(2, 3.14)[:58]
    'date 2 lies 3.1 times as far from the others as they do: c'
    """
    return (
        f"date {date} lies {times:.1f} times as far from the others as they do: clouds or snow may "
        "hide what augmentations do; look at it, and leave it out by `keep`"
    )


def _checks(place: ObservedPlace, found: Sequence[AugmentationConsistency]) -> Iterator[Check]:
    dates = len(place.stack)
    for date, times in place.outlying_dates.items():
        yield Check(False, f"{outlying_date(date, times).capitalize()}.")
    yield Check(
        dates >= 5,
        f"Dates: {dates}; of fewer than five, what a place does by itself is hardly known.",
    )
    for name in dict.fromkeys(each.augmentation for each in found):
        own = [each for each in found if each.augmentation == name]
        wrong = [f"{each.strength:g}" for each in own if not each.consistent]
        most = f"{own[-1].strength:g}"
        yield Check(
            not wrong,
            f"{name} moves spectra further than dates do at strength {', '.join(wrong)}."
            if wrong else f"{name} stays within what dates do, up to strength {most}.",
        )  # fmt: skip


def _chart(found: Sequence[AugmentationConsistency]) -> Picture:
    drawn = Figure(figsize=(11.0, 0.9 + 0.26 * len(found)), layout="constrained")
    ax = drawn.subplots()
    for row, each in enumerate(found):
        ax.axhline(row, color=FAINT, linewidth=0.5)
        for shift, deviation in zip((-0.2, 0, 0.2), each.deviations, strict=True):
            colour, beyond = _COLOURS[deviation.measure], deviation.beyond
            ax.plot([beyond.low, beyond.high], [row + shift] * 2, color=colour, linewidth=1.2)
            ax.plot([beyond.estimate], [row + shift], color=colour, marker="o", markersize=3)
    ax.axvline(0.05, color=INK, linewidth=0.8)
    ax.axvline(0.1, color=INK, linewidth=0.8, linestyle="--")
    names = [f"{each.augmentation} {each.strength:g}" for each in found]
    ax.set_yticks(range(len(found)), names, parse_math=False)
    ax.set_ylim(len(found) - 0.5, -0.5)
    dress(ax, "", "share beyond the natural limit; dashed: what is allowed")
    return picture(drawn, f"Shares beyond the natural limit of {len(found)} augmentations")


def _table(found: Sequence[AugmentationConsistency]) -> str:
    columns = ("augmentation", "strength", *(_NAMES[name] for name in MEASURES), "consistent")
    rows = [
        (
            each.augmentation, f"{each.strength:g}",
            *(
                f"{d.beyond.estimate:.2f} [{d.beyond.low:.2f}, {d.beyond.high:.2f}]"
                for d in each.deviations
            ),
            "yes" if each.consistent else "no",
        )
        for each in found
    ]  # fmt: skip
    return table(columns, rows, numbers=columns[1:-1])
