"""The report of a motion correction, as a page of the kit."""

from __future__ import annotations

import numpy as np
import torch
from markupsafe import Markup

from regkit.registration.series import MotionResult
from regkit.registration.series.aligner import FrameFit
from regkit.registration.series.result import TimeAverage
from regkit.report.canvas import MAP, strip
from regkit.report.checks import Check
from regkit.report.display import display_range
from regkit.report.figures import grey
from regkit.report.page import Page
from regkit.report.parts import Section, blend, figure, hint, pairs, table
from regkit.report.picture import Picture
from regkit.report.scene import shade_volume
from regkit.report.series.curves import displacement_curve, motion_curves
from regkit.report.series.movie import series_viewer
from regkit.report.slices import Plane, cut_plane, planes
from regkit.volume.volume import Volume

_LARGE = 0.5  # millimetres of a brain: Power et al. 2012
_SHOWN = 20
_MOTION = (
    "Where the middle of the body lies in each frame, and how the body is turned there, against "
    "the reference. Grey: frames that failed, of which nothing is known."
)
_TSNR = (
    "Mean over standard deviation in time, before and after. It tells of stability where all "
    "frames have one contrast; in diffusion and contrast-enhanced series the contrast "
    "itself changes it."
)
_CITATIONS = (
    "Framewise displacement: Power JD, Barnes KA, Snyder AZ, Schlaggar BL, Petersen SE. Spurious "
    "but systematic correlations in functional connectivity MRI networks arise from subject "
    "motion. NeuroImage 59(3):2142-2154, 2012. doi:10.1016/j.neuroimage.2011.10.018",
)


def series_page(result: MotionResult, name: str) -> Page:
    """Make the page that reports how a series was corrected.

    Parameters
    ----------
    result
        What was found.
    name
        What the series is called.
    """
    view = planes(result.mean)
    curves, *others = [
        _curves(result),
        _means(result, view),
        _stability(result, view),
        *_odd_frames(result),
        _largest_moves(result),
    ]
    return Page(
        title=f"Motion of {name}",
        checks=_checks(result),
        sections=[curves, *series_viewer(result, view, [curves, *others]), *others],
        facts=(
            f"{len(result.verdicts)} frames", f"Transform: {result.config.transform}",
            f"Reference: {_reference(result)}", result.grid.summary,
        ),
        settings=result.config.model_dump(mode="json"),
        citations=_CITATIONS,
    )  # fmt: skip


def _curves(result: MotionResult) -> Section:
    drawn = [figure(motion_curves(result)), figure(displacement_curve(result))]
    return Section("Motion", [hint(_MOTION), *drawn])


def _reference(result: MotionResult) -> str:
    if result.config.reference == "mean":
        return f"mean of all frames, aligned first with frame {result.reference}"
    why = ", the one most like all others" if result.config.reference == "auto" else ""
    return f"frame {result.reference}{why}"


def _checks(result: MotionResult) -> list[Check]:
    failed, doubtful = result.frames_of("fail"), result.frames_of("doubtful")
    count, large = len(result.verdicts), _LARGE * result.radius / 50
    moved = int((result.displacement > large).sum())
    unit = result.grid.world.unit
    return [
        Check(not failed, f"{len(failed)} of {count} frames were not aligned{_listed(failed)}."),
        Check(
            not doubtful,
            f"{len(doubtful)} of {count} frames are much less like the reference than most"
            f"{_listed(doubtful)}.",
        ),
        Check(
            moved <= 0.2 * count,
            f"{moved} of {count} frames moved by more than {large:.2g} {unit} against the one "
            "before (framewise displacement); up to a fifth of them passes.",
        ),
    ]


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    return f" (frame {shown}{', ...' if len(numbers) > _SHOWN else ''})" if numbers else ""


def _means(result: MotionResult, view: tuple[Plane, ...]) -> Section:
    limits = display_range(result.mean)
    before, after = (
        grey(view, shade_volume(each.mean, view, limits), f"Mean of the frames {when} correction.")
        for each, when in ((result.before, "before"), (result.after, "after"))
    )
    text = (
        "The mean of the frames that did not fail. Edges that motion had blurred are sharper after "
        "the correction."
    )
    return Section("Mean before and after", [hint(text), blend(before, after, ("before", "after"))])


def _stability(result: MotionResult, view: tuple[Plane, ...]) -> Section:
    bright = [each.ratio.data[_bright(each.mean)] for each in (result.before, result.after)]
    middle = [float(torch.median(each)) for each in bright]
    limit = max(float(torch.quantile(_thin(each), 0.98)) for each in bright)
    rows = [("Median before", f"{middle[0]:.1f}"), ("Median after", f"{middle[1]:.1f}")]
    before, after = (
        figure(_ratio_map(each, view, max(limit, 1e-6), when), f"{when.capitalize()}:", "")
        for each, when in ((result.before, "before"), (result.after, "after"))
    )
    return Section("Temporal signal to noise", [hint(_TSNR), pairs(rows), before, after])


def _bright(mean: Volume) -> torch.Tensor:
    """Where the mean is above a fifth of its display range."""
    low, high = display_range(mean)
    return mean.data > low + 0.2 * (high - low)


def _thin(values: torch.Tensor) -> torch.Tensor:
    """Some of many values ``(N,)``, as quantiles need no more."""
    return values[:: max(1, len(values) // 1_000_000)]


def _ratio_map(average: TimeAverage, view: tuple[Plane, ...], limit: float, when: str) -> Picture:
    drawn = strip(view, look=MAP)
    for panel in drawn.panels:
        scale = panel.show_positive(cut_plane(average.ratio, panel.plane), limit)
    drawn.add_bar(scale, "mean / standard deviation")
    return drawn.picture(f"Temporal signal to noise {when} correction, up to {limit:.0f}.")


def _odd_frames(result: MotionResult) -> list[Section]:
    rows = [
        [str(number), verdict.grade, verdict.reason, *_figures(fit)]
        for number, (verdict, fit) in enumerate(zip(result.verdicts, result.fits, strict=True))
        if verdict.grade != "pass"
    ]
    if not rows:
        return []
    titles = ("frame", "verdict", "why", "gain", "overlap")
    return [Section("Frames that ask for a look", [_table(titles, rows)])]


def _figures(fit: FrameFit) -> tuple[str, str]:
    return ("", "") if fit.affine is None else (f"{fit.gain:.3f}", f"{fit.overlap:.0%}")


def _largest_moves(result: MotionResult) -> Section:
    unit, moved = result.grid.world.unit, np.nan_to_num(result.displacement)
    order = np.argsort(-moved, kind="stable")[:_SHOWN]
    rows = [
        [str(n), f"{moved[n]:.3f}", *(f"{v:z.3f}" for v in result.parameters[n][:3]),
         *(f"{v:z.3f}" for v in np.degrees(result.parameters[n][3:]))]
        for n in order
        if moved[n] > 0
    ]  # fmt: skip
    titles = (
        "frame", f"displacement, {unit}", *(f"shift {a}, {unit}" for a in "xyz"),
        *(f"rotation {a}, °" for a in "xyz"),
    )  # fmt: skip
    text = (
        f"The framewise displacement counts rotations on a sphere of {result.radius:g} {unit}. All "
        "frames are in desc-confounds_timeseries.tsv."
    )
    return Section("Largest moves", [hint(text), _table(titles, rows)])


def _table(titles: tuple[str, ...], rows: list[list[str]]) -> Markup:
    words = ("frame", "verdict", "why")
    return table(titles, rows, numbers=[title for title in titles if title not in words])
