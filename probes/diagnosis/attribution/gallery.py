"""A picture of images beside their maps of attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from probes.diagnosis.attribution.rows import RelevanceRow
from regkit.report.charts import picture
from regkit.report.palette import INK, PAPER
from regkit.report.picture import Picture

if TYPE_CHECKING:
    from probes.diagnosis.attribution.verdicts import ExplainedImages

_WIDE = 11.0  # inches: as wide as the page of a report


def draw_maps(
    explained: ExplainedImages, sums: Sequence[RelevanceRow], rows: Sequence[int]
) -> Picture:
    """Draw images and their maps, a row for each image.

    Parameters
    ----------
    explained
        Images with their maps.
    sums
        What maps sum to.
    rows
        Which images.
    """
    methods = list(explained.maps)
    size = _WIDE / (len(methods) + 1)
    drawn = Figure(
        figsize=(_WIDE, (size + 0.25) * len(rows)), facecolor=PAPER, layout="constrained"
    )
    axes = drawn.subplots(len(rows), len(methods) + 1, squeeze=False)
    shares = {(row.method, row.image): row.of_logit for row in sums}
    for line, number in zip(axes, rows, strict=True):
        name, mask = explained.names[number], _middle(explained.masks[number])
        target = int(explained.targets[number])
        _image(line[0], explained.images[number], f"{name[-18:]}, class {target}")
        for ax, method in zip(line[1:], methods, strict=True):
            share = shares.get((method, name))
            told = method if share is None else f"{method} {share:.2f}"
            _map(ax, _middle(explained.maps[method][number]), told)
        for ax in line:
            if mask.any():
                ax.contour(mask, levels=[0.5], colors=[INK], linewidths=1)
    return picture(drawn, f"Maps of {', '.join(methods)} of {len(rows)} images")


def _middle(values: Tensor) -> NDArray[np.float64]:
    """A picture, or the slice half-way through a volume."""
    found = values.double().numpy()
    return found[found.shape[0] // 2] if found.ndim == 3 else found


def _image(ax: Any, image: Tensor, title: str) -> None:
    bands = np.stack([_middle(band) for band in image], -1)
    shown = bands if bands.shape[-1] == 3 else bands.mean(-1, keepdims=True)
    low, high = np.quantile(shown, (0.01, 0.99))
    shown = ((shown - low) / max(high - low, 1e-12)).clip(0, 1)
    ax.imshow(shown if shown.shape[-1] == 3 else shown[..., 0], cmap="gray")
    _bare(ax, title)


def _map(ax: Any, values: NDArray[np.float64], title: str) -> None:
    known = np.abs(values[np.isfinite(values)])
    if not len(known):
        ax.set_axis_off()
        return
    most = max(float(np.quantile(known, 0.995)), 1e-12)
    ax.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most)
    _bare(ax, title)


def _bare(ax: Any, title: str) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(title, fontsize=8, color=INK, parse_math=False)
