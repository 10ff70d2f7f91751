"""What a probe looks at: its weights, spread over the maps that they are weights of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from probes.features import pooling_called
from probes.linear import Target
from probes.linear.target import FloatArray, RowNumbers
from probes.study.blocks import Column
from probes.study.judging import CHOSEN, JudgedBlock
from regkit.errors import InputError
from regkit.report import Section, figure, hint
from regkit.report.canvas import MAP, strip
from regkit.report.picture import Picture
from regkit.report.slices import cut_plane, planes
from regkit.volume import Labels, Volume

LookAt = Callable[[int, FloatArray], tuple[Volume, Volume]]
"""The number of a row and weights to contributions and image, ``(1, *spatial)`` each."""


@dataclass(frozen=True, eq=False)
class ProjectedWeights:
    """A picture of what raised the score of those with the outcome over that of the others.

    Parameters
    ----------
    title
        Which probe, layer and pooling.
    shares
        ``(1, *spatial)``: contributions to the score, those of subjects with more of the outcome
        less those of the others; they add up to the difference of their mean scores.
    image
        ``(1, *spatial)``: the mean of the images.
    """

    title: str
    shares: Volume
    image: Volume


def project_weights(
    judged: JudgedBlock, column: Column, target: Target, most: int, look: LookAt
) -> ProjectedWeights:
    """Project the weights of a linear probe onto what it was shown of some rows.

    Parameters
    ----------
    judged
        The probe.
    column
        One of its layers, with a linear pooling.
    target
        What was to be told of the rows.
    most
        How many rows are shown, two at least.
    look
        What a row adds to the score, and its image, for weights of the pooled numbers.
    """
    rows = rows_across(target, most)
    seen = [look(int(n), judged.fits[column].weights) for n in rows]
    shares, images = zip(*seen, strict=True)
    return ProjectedWeights(
        f"{judged.title}, {', '.join(column)}",
        weighted_sum(shares, contrast_of(target.rows(rows)).tolist()),
        weighted_sum(images, [1 / len(rows)] * len(rows)),
    )


def linear_column(judged: JudgedBlock) -> Column | None:
    """Return the layer and linear pooling that the folds took most often; None without one."""
    spoken = judged.fits[judged.headline].chosen
    counts = Counter(spoken)
    linear = [
        key for key in judged.block.columns
        if key != CHOSEN and key[1] and pooling_called(key[1]).spread is not None
    ]  # fmt: skip
    return max(linear, key=lambda key: counts[", ".join(key)], default=None)


def rows_across(target: Target, most: int) -> RowNumbers:
    """Choose rows from the least of the outcome to the most, so that rare ones are among them.

    Parameters
    ----------
    target
        What was to be told.
    most
        How many, two at least.

    Examples
    --------
    >>> rare = Target("class", np.arange(100) == 37.0, tuple(range(100)))
    >>> 37 in rows_across(rare, 3)
    True
    """
    order = np.argsort(_outcome(target), kind="stable")
    return np.unique(order[np.linspace(0, len(order) - 1, min(len(order), most)).astype(int)])


def contrast_of(target: Target) -> FloatArray:
    """Weigh rows ``(n,)`` so that a sum of them is more of the outcome less the rest of them."""
    apart = _outcome(target) - _outcome(target).mean()
    return np.asarray(2 * apart / np.abs(apart).sum(), np.float64)


def _outcome(target: Target) -> FloatArray:
    return target.truth if target.event is None else target.event.astype(float)


def weighted_sum(volumes: Sequence[Volume], weights: Sequence[float]) -> Volume:
    """Add volumes of one shape, on the grid of the first.

    Parameters
    ----------
    volumes
        ``(1, *spatial)`` each, one at least.
    weights
        As many.
    """
    parts = [weight * each.data for each, weight in zip(volumes, weights, strict=True)]
    return volumes[0].with_data(torch.stack(parts).sum(0))


def spread_weights(
    maps: Volume, structures: Labels | None, pooling: str, weights: FloatArray
) -> Volume:
    """Spread the weights of pooled numbers over the map that they were pooled from.

    Parameters
    ----------
    maps
        ``(C, *spatial)``.
    structures
        In their world.
    pooling
        A linear one.
    weights
        ``(n,)``, of the pooled numbers.

    Returns
    -------
    Volume
        ``(1, *spatial)``, which adds up to the weighted sum of the numbers.

    Raises
    ------
    InputError
        If the pooling is not linear.
    """
    spread = pooling_called(pooling).spread
    if spread is None:
        raise InputError(f"pooling {pooling!r} is not linear: no place has a share of its own")
    return spread(maps, structures, torch.from_numpy(np.asarray(weights, np.float64)))


def projection_section(found: Sequence[ProjectedWeights], where: str = "") -> list[Section]:
    """Make the section of a report about what the probes look at; none without a projection.

    Parameters
    ----------
    found
        What is shown.
    where
        Such as ", in the arm rigid".
    """
    if not found:
        return []
    text = (
        f"Weights of the probe, spread over the map that they are weights of{where}: red raises "
        "the score of subjects with more of the outcome over that of the others, blue lowers it. "
        "Lines are of the mean image. Weights of a linear model are not importances: correlated "
        "features share them."
    )
    pictures = [figure(each, title) for title, each in projection_pictures(found)]
    return [Section("What the probes look at", [hint(text), *pictures])]


def projection_pictures(found: Sequence[ProjectedWeights]) -> Iterator[tuple[str, Picture]]:
    """Draw contributions on three slices, with outlines of the mean image; titles first."""
    for each in found:
        views = planes(each.image)
        drawn = strip(views, look=MAP)
        limit = float(each.shares.data.abs().max()) or 1.0
        for panel, view in zip(drawn.panels, views, strict=True):
            scale = panel.show_signed(cut_plane(each.shares, view), limit)
            panel.lines(cut_plane(each.image, view), (0.15, 0.4, 0.6), "#57606a")
        drawn.add_bar(scale, "share of the score")
        yield each.title, drawn.picture(f"What the probe looks at: {each.title}")
