"""What a notebook shows for a volume and for a result."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from matplotlib import colormaps

from regkit.registration.result import Result
from regkit.report.canvas import strip
from regkit.report.display import display_range
from regkit.report.figures import contours, grey
from regkit.report.picture import Picture
from regkit.report.registration.metric_rows import metric_rows
from regkit.report.scene import scene, shade_volume
from regkit.report.slices import Pixels, Plane, cut_plane, planes
from regkit.report.values import base_name
from regkit.volume.volume import Labels, Volume


def volume_html(volume: Volume) -> str:
    """Show the middle slices of a volume in radiological orientation, above its ``repr``.

    Returns
    -------
    str
        An HTML fragment with one inline SVG; everything from the volume is escaped.
    """
    view = planes(volume)
    alt = f"Middle slices of {base_name(volume.name) or 'volume'}"
    if isinstance(volume, Labels):
        shown = _coloured(view, tuple(cut_plane(volume, plane) for plane in view), alt)
    else:
        shown = grey(view, shade_volume(volume, view, display_range(volume)), alt)
    return f"<div>{_image(shown)}<code>{escape(repr(volume))}</code></div>"


def result_html(result: Result) -> str:
    """Show fixed, warped, fixed's outlines on warped, and the metrics of a result.

    Returns
    -------
    str
        An HTML fragment with inline SVGs; everything from the result is escaped.
    """
    cuts = scene(result.fixed, result.moving, result.warped)
    fixed, moving = cuts.names
    rows = [
        ("Fixed", grey(cuts.planes, cuts.fixed, f"Slices of {fixed}")),
        ("Warped", grey(cuts.planes, cuts.after, f"Slices of warped {moving}")),
        (
            "Outlines of fixed on warped",
            contours(cuts, cuts.after, f"Outlines of {fixed} on warped {moving}"),
        ),
    ]
    pictures = "".join(
        f"<div><strong>{title}</strong>{_image(shown)}</div>" for title, shown in rows
    )
    return f"<div><code>{escape(repr(result))}</code>{pictures}{_table(result)}</div>"


def result_bundle(result: Result) -> dict[str, Any]:
    """Show a result by ipyniivue where that is installed, and as :func:`result_html` elsewhere.

    Returns
    -------
    dict
        What a notebook may choose from, by MIME type; a saved notebook keeps the pictures.
    """
    from regkit.report.widget import result_widget

    pictures = {"text/html": result_html(result), "text/plain": repr(result)}
    widget = result_widget(result, f"<code>{escape(repr(result))}</code>{_table(result)}")
    return pictures if widget is None else widget._repr_mimebundle_() | pictures


def _coloured(view: tuple[Plane, ...], images: tuple[Pixels, ...], alt: str) -> Picture:
    """Labels in twenty repeating colours, background black."""
    drawn = strip(view)
    palette = np.vstack([np.zeros(3), colormaps["tab20"](range(20))[:, :3]])
    for panel, image in zip(drawn.panels, images, strict=True):
        codes = image.astype(np.int64)
        colours = palette[np.where(codes == 0, 0, 1 + codes % 20)]
        panel.show(colours)
    return drawn.picture(alt)


def _image(shown: Picture) -> str:
    return (
        f'<img src="{shown.uri}" alt="{escape(shown.alt)}" '
        'style="display:block;max-width:100%;height:auto;margin:4px 0">'
    )


def _table(result: Result) -> str:
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(row.label)}</th><td>{escape(row.after)}</td></tr>"
        for row in metric_rows(result.metrics, unit=result.fixed.grid.world.unit)
    )
    return f"<table>{rows}</table>"
