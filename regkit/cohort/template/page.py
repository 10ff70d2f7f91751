"""The report of a template: the template, what each iteration changed, and its images."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from PIL import Image

from regkit.registration.template import TemplateChange
from regkit.report import Check, Page, Section, figure, hint, pairs, table
from regkit.report.charts import chart_row, dress, picture
from regkit.report.display import display_range
from regkit.report.figures import grey
from regkit.report.palette import BLUE
from regkit.report.parts import small_picture
from regkit.report.photo import Photo
from regkit.report.picture import Picture
from regkit.report.scene import shade_volume
from regkit.report.slices import planes

if TYPE_CHECKING:
    from regkit.cohort.template.outcome import MemberResult, TemplateOutcome

_SHOWN = 500  # images, with their pictures in the page
_ORDER = {"fail": 0, "doubtful": 1}
_STAGES = (
    "The first iterations align by affines, the next by coarse fields, the last by fine ones. In "
    "each, the mean of the transforms is taken out, so that the template lies amid its images."
)
_IMAGES = (
    "Images whose last registration asks for a look come first, then those least like the "
    "template. The pictures show the outlines of the template on an image as it came, and on it "
    "as it is warped. A click on a heading sorts by its column."
)


def template_page(outcome: TemplateOutcome) -> Page:
    """Make the page that reports a template."""
    unit = outcome.found.image.grid.world.unit
    return Page(
        f"Template of {len(outcome.members)} images",
        checks=_checks(outcome.members),
        sections=[
            Section("The template", [_slices(outcome)]),
            Section("Iterations", _iterations(outcome.found.changes, unit)),
            Section("The mean of the transforms", [_bias(outcome, unit)]),
            Section("Images", [hint(_IMAGES + _left_out(outcome)), _images(outcome, unit)]),
        ],
        facts=(
            f"{len(outcome.members)} images", f"{len(outcome.found.changes)} iterations",
            outcome.found.image.grid.summary,
        ),
        settings={
            **outcome.template.model_dump(mode="json"),
            "registration": outcome.config.model_dump(mode="json"),
        },
    )  # fmt: skip


def _checks(members: Sequence[MemberResult]) -> list[Check]:
    """One check for each verdict that asks for a look, or a single one that passed."""
    odd = {verdict: [m.name for m in members if m.quality == verdict] for verdict in _ORDER}
    said = [
        Check(False, f"Quality {verdict} in {len(names)}: {', '.join(names[:10])}.")
        for verdict, names in odd.items()
        if names
    ]
    return said or [Check(True, "No registration of the last iteration asks for a closer look.")]


def _slices(outcome: TemplateOutcome) -> Markup:
    image = outcome.found.image
    view = planes(image)
    names = ", ".join(plane.name for plane in view)
    shades = shade_volume(image, view, display_range(image))
    return figure(grey(view, shades, f"Slices of the template: {names}."))


def _iterations(changes: Sequence[TemplateChange], unit: str) -> list[str]:
    rows = [
        [str(c.iteration), c.stage, f"{c.intensity:.2%}", f"{c.moved:.3g}", f"{c.seconds:.0f}"]
        for c in changes
    ]
    titles = ("iteration", "stage", "intensity changed", f"transforms changed, {unit}", "seconds")
    numbers = (titles[0], *titles[2:])
    return [hint(_STAGES), figure(_curves(changes, unit)), table(titles, rows, numbers=numbers)]


def _curves(changes: Sequence[TemplateChange], unit: str) -> Picture:
    drawn, axes = chart_row(2)
    steps = [each.iteration for each in changes]
    curves = (
        ("Change of intensity, %", [100 * each.intensity for each in changes]),
        (f"Change of the transforms, {unit}", [each.moved for each in changes]),
    )
    for ax, (title, values) in zip(axes, curves, strict=True):
        ax.plot(steps, values, "o-", color=BLUE, linewidth=1.4, markersize=5)
        ax.set_ylim(bottom=0)
        ax.set_xticks(steps)
        dress(ax, title, "iteration")
    ends = "; ".join(f"{title}: {values[-1]:.3g} at the end" for title, values in curves)
    return picture(drawn, f"What each iteration changed. {ends}.")


def _bias(outcome: TemplateOutcome, unit: str) -> Markup:
    from regkit.cohort.template.outcome import bias_of

    found = bias_of(outcome.found)
    return pairs(
        [
            ("Mean of the logarithms of the affines, largest entry",
             f"{found['mean_log_affine']:.2g}"),
            ("Mean of their shifts", f"{found['mean_shift']:.2g} {unit}"),
            ("Length of the mean displacement", f"{found['mean_displacement']:.2g} {unit}"),
            ("Mean length of a displacement", f"{found['displacement']:.2g} {unit}"),
        ]
    )  # fmt: skip


def _images(outcome: TemplateOutcome, unit: str) -> Markup:
    order = sorted(outcome.members, key=lambda m: (_ORDER.get(m.quality, 2), m.correlation))
    titles = (
        "image", "before, after", "quality", "why", "correlation", f"displacement, {unit}"
    )  # fmt: skip
    return table(titles, [_row(each) for each in order[:_SHOWN]], numbers=titles[4:])


def _row(member: MemberResult) -> list[str]:
    alt = f"Outlines of the template on {member.name}, before and after"
    stream = BytesIO()
    Image.fromarray(np.asarray(member.picture.pixels)).save(stream, "JPEG", quality=75)
    return [
        member.name,
        small_picture(Photo(stream.getvalue(), alt)),
        member.quality,
        member.reasons,
        f"{member.correlation:.3f}",
        f"{member.displacement:.2f}",
    ]


def _left_out(outcome: TemplateOutcome) -> str:
    more = len(outcome.members) - _SHOWN
    return f" {more} more are in run.json." if more > 0 else ""
