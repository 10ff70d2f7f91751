"""Sections that lay fixed and moving over each other, before and after."""

from __future__ import annotations

from markupsafe import Markup

from regkit.registration.result import Result
from regkit.report.figures import checkerboard, contours, grey, overlay
from regkit.report.parts import Section, blend, figure, gallery, hint, legend
from regkit.report.scene import Scene, scene

_MOST_CHANNELS = 4
_COLOURS = (
    ("#f0f", "only fixed is bright"),
    ("#0f0", "only moving is bright"),
    ("#999", "both are equally bright"),
)


def comparison_sections(result: Result, cuts: Scene) -> list[Section]:
    """Compare the images: overlays, single channels, in turn, outlines, and a checkerboard."""
    return [
        _overlays(cuts, max(result.fixed.channels, result.moving.channels)),
        *_channels(result, cuts),
        _in_turn(cuts),
        _outlines(cuts),
        _tiles(cuts),
    ]


def _overlays(cuts: Scene, channels: int) -> Section:
    (fixed, moving), where = cuts.names, cuts.where
    before = f"{fixed} in magenta, {moving} in green, placed by the headers alone: {where}."
    after = f"{fixed} in magenta, warped {moving} in green: {where}."
    parts = [
        hint(_view(cuts) + _shown_channel(channels)),
        legend(_COLOURS),
        figure(
            overlay(cuts, cuts.before, before), "Before:", "moving, placed by the headers alone."
        ),
        figure(overlay(cuts, cuts.after, after), "After:", "moving, warped onto fixed."),
    ]
    return Section("Before and after", parts)


def _view(cuts: Scene) -> str:
    """How the slices lie."""
    names = [plane.name for plane in cuts.planes]
    if names == ["plane"]:
        return "The whole image; x points to the right and y upwards."
    listed = " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])
    slices = "slice" if len(names) == 1 else "slices"
    return (
        f"{listed.capitalize()} {slices} through the middle of the fixed object. Radiological "
        "view: the patient's right is on the left of the picture."
    )


def _shown_channel(count: int) -> str:
    """Which of several channels the pictures show."""
    if count == 1:
        return ""
    others = "the others follow below" if count <= _MOST_CHANNELS else "the others are not shown"
    return f" The pictures show channel 0 of {count}, counted from 0; {others}."


def _channels(result: Result, cuts: Scene) -> list[Section]:
    """Every channel, small, where there are a few."""
    volumes = (result.fixed, result.moving, result.warped)
    count = min(volume.channels for volume in volumes)
    if not 1 < count <= _MOST_CHANNELS:
        return []
    split = zip(*(volume.split() for volume in volumes), strict=True)
    figures = [_channel(n, scene(*parts, view=cuts.planes)) for n, parts in enumerate(split)]
    return [Section("Every channel after registration", [legend(_COLOURS), gallery(figures)])]


def _channel(number: int, cuts: Scene) -> Markup:
    fixed, moving = cuts.names
    alt = f"Channel {number} of {fixed} in magenta, of warped {moving} in green: {cuts.where}."
    return figure(overlay(cuts, cuts.after, alt), f"Channel {number}")


def _in_turn(cuts: Scene) -> Section:
    (fixed, moving), where = cuts.names, cuts.where
    below = grey(cuts.planes, cuts.fixed, f"Slices of {fixed}: {where}.")
    above = grey(cuts.planes, cuts.after, f"Slices of warped {moving}: {where}.")
    text = "Anything that jumps does not match. Move the slider, or let the two images alternate."
    return Section(
        "Fixed and warped in turn", [hint(text), blend(below, above, ("fixed", "warped"))]
    )


def _outlines(cuts: Scene) -> Section:
    (fixed, moving), where = cuts.names, cuts.where
    before = contours(
        cuts, cuts.before, f"Outlines of {fixed} on {moving}, placed by the headers: {where}."
    )
    after = contours(cuts, cuts.after, f"Outlines of {fixed} on warped {moving}: {where}.")
    text = (
        "The orange lines outline structures of the fixed image alone. On the warped image they "
        "should follow the same edges."
    )
    parts = [
        hint(text),
        figure(before, "Before:", "on moving, placed by the headers alone."),
        figure(after, "After:", "on the warped image."),
    ]
    return Section("Outlines of fixed", parts)


def _tiles(cuts: Scene) -> Section:
    fixed, moving = cuts.names
    alt = f"Checkerboard of {fixed} and warped {moving}: {cuts.where}."
    text = "Tiles of fixed and warped alternate. Edges should continue from tile to tile."
    return Section("Checkerboard", [hint(text), figure(checkerboard(cuts, alt))])
