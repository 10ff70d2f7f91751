"""Project the weights of probes of single images onto these images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from probes.linear.target import FloatArray
from probes.study.blocks import Column, OpenedFeatures
from probes.study.judging import ProbeFindings
from probes.study.projection import (
    ProjectedWeights,
    linear_column,
    project_weights,
    spread_weights,
)
from regkit.volume import Labels, Volume

ShownRow = Callable[[int], tuple[Volume, Labels | None]]
"""The number of a row to its image ``(1, *spatial)`` and the structures on it."""


def projected_image_weights(
    findings: ProbeFindings, opened: Sequence[OpenedFeatures], shown: ShownRow, most: int
) -> list[ProjectedWeights]:
    """Project the weights of every linear probe onto its maps.

    Parameters
    ----------
    findings
        The probes.
    opened
        Sources of maps.
    shown
        What the sources were shown, all of one shape.
    most
        How many rows are looked at.
    """
    found = []
    for judged in findings.judged:
        source = next((o for o in opened if o.choice.title == judged.block.features), None)
        column = None if source is None else linear_column(judged)
        if source is not None and column is not None:
            look = _look(source, column, shown)
            found.append(project_weights(judged, column, findings.target, most, look))
    return found


def _look(
    source: OpenedFeatures, column: Column, shown: ShownRow
) -> Callable[[int, FloatArray], tuple[Volume, Volume]]:
    layer, pooling = column

    @torch.no_grad()
    def look(number: int, weights: FloatArray) -> tuple[Volume, Volume]:
        image, structures = shown(number)
        maps = source.extractor.maps([image])[layer]
        return spread_weights(maps, structures, pooling, weights), image

    return look
