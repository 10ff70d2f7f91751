"""`python -m benchmarks.stability`: how far features of a second visit are those of the first.

One patient (ms_longitudinal) was scanned twice in T1, T2 and FLAIR, with voxels of 0.7 x 0.7 x 3 to
4 mm, other slices and another pose each time; some lesions changed and little else. A feature that
may speak of change should say the same of both visits. Each contrast is brought together in several
arms, every image sampled once, as `regkit probe progression` does; `published` is the affine of the
data set. Another patient, aligned affinely, shows how far apart people are. One person says nothing
of how such numbers vary, so that there are no intervals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch import Tensor

from benchmarks.hard_pairs.contrasts import SESSIONS, published_transform, scan_image
from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from probes.features import open_maps, pooling_called
from probes.features.maps import MapExtractor
from probes.study.arms import ARMS as FOUND
from probes.study.arms import Registrar, sample_smoothed, tilted_grid
from probes.study.seeing import rescale_intensity
from regkit import Labels, Volume
from regkit.preprocess.foreground import foreground
from regkit.resample import resample
from regkit.transforms import Transform

CONTRASTS = ("T1", "T2", "FLAIR")
ARMS = (*FOUND, "published")
_SPACING = 2.5  # mm, of the grid that features see
_AGREEMENT = "Correlation of the maps of both visits, place by place (1: the same)"
_DISTANCE = "Distance of two visits over that of two patients, by mean features (0: none)"
_DEEPBET = ("down0", "down3", "up3")


@dataclass(frozen=True, eq=False)
class Seen:
    """One contrast of two visits on the grid that features see.

    Parameters
    ----------
    first, other
        The first visit, and another patient.
    second
        The second visit, by arm.
    body
        Where the first visit has tissue.
    """

    first: Volume
    second: Mapping[str, Volume]
    other: Volume
    body: Labels


def main(words: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stability", description=__doc__)
    parser.add_argument("--contrasts", nargs="+", default=CONTRASTS, choices=CONTRASTS)
    wanted = parser.parse_args(words)
    begin, sources = time.process_time(), open_sources()
    rows = [
        row for name in wanted.contrasts for row in stability_rows(name, brought(name), sources)
    ]
    print(machine_text(describe(threads=torch.get_num_threads())))
    for table in tables(rows):
        print(f"\n{table.markdown()}")
    print(f"\n{time.process_time() - begin:.0f} CPU s.")
    return 0


def open_sources() -> list[MapExtractor]:
    """Open what sees one image at a time: a network of pairs has no map of one visit.

    Raises
    ------
    InputError
        If deepbet, whose wheel has the trained weights, is not installed.
    """
    found = [open_maps(name) for name in ("intensity", "mind", "small-diffusion")]
    return found + [open_maps("deepbet", _DEEPBET, random=random) for random in (False, True)]


def brought(contrast: str) -> Seen:
    """Bring one contrast of both visits, and of the other patient, to the first visit.

    Parameters
    ----------
    contrast
        ``T1``, ``T2`` or ``FLAIR``.
    """
    scans = [(*session, contrast) for session in SESSIONS]
    first, second, other = (rescale_intensity(scan_image(scan)) for scan in scans)
    size = [n * s for n, s in zip(first.shape, first.grid.spacing, strict=True)]
    wanted = first.grid.with_shape(tuple(round(each / _SPACING) for each in size))
    onto = tilted_grid(first.grid, wanted.reoriented("RAS").shape)
    registrar = Registrar({"preset": "fast"}, None)
    phis: dict[str, Transform] = {arm: registrar.find(arm, first, second) for arm in FOUND}
    phis["published"] = published_transform(scans[0], scans[1])
    here = sample_smoothed(first, registrar.find("unaligned", first, first), onto)
    return Seen(
        here, {arm: sample_smoothed(second, phi, onto) for arm, phi in phis.items()},
        sample_smoothed(other, registrar.find("affine", first, other), onto), foreground(here),
    )  # fmt: skip


def stability_rows(contrast: str, seen: Seen, sources: Sequence[MapExtractor]) -> Iterator[Row]:
    """Compare the maps of both visits, layer by layer.

    Parameters
    ----------
    contrast
        What the row calls it.
    seen
        The images.
    sources
        What makes the maps.
    """
    for source in sources:
        first, other = source.maps([seen.first]), source.maps([seen.other])
        for arm, image in seen.second.items():
            second = source.maps([image])
            for layer in source.layers:
                one, two = first[layer], second[layer]
                yield {
                    "features": source.name, "layer": layer, "arm": arm, "contrast": contrast,
                    "agreement": agreement(one, two, seen.body),
                    "visits": distance(one, two, seen.body),
                    "patients": distance(one, other[layer], seen.body),
                }  # fmt: skip


def agreement(one: Volume, two: Volume, body: Labels) -> float:
    """Return the mean correlation of the channels of two maps over the places of a body.

    Parameters
    ----------
    one, two
        ``(C, *spatial)`` on one grid. A channel that is constant there is left out.
    body
        In their world.

    Examples
    --------
    >>> import numpy as np, torch
    >>> body = Labels(torch.ones(1, 2, 3, dtype=torch.uint8), np.eye(3))
    >>> some = Volume(torch.rand(4, 2, 3), np.eye(3))
    >>> round(agreement(some, some.with_data(1 - some.data), body), 4)
    -1.0
    """
    inside = resample(body, one.grid).data[0] > 0
    parts = [each.data[:, inside].double() for each in (one, two)]
    centred = [each - each.mean(1, keepdim=True) for each in parts]
    size = centred[0].norm(dim=1) * centred[1].norm(dim=1)
    varied = size > 0
    return float(((centred[0] * centred[1]).sum(1)[varied] / size[varied]).mean())


def distance(one: Volume, two: Volume, body: Labels) -> float:
    """Return how far the channels' means over a body are apart, in their spread over the first map.

    Parameters
    ----------
    one, two
        ``(C, *spatial)``.
    body
        In their world.
    """
    roi = pooling_called("roi")
    apart: Tensor = roi.pool(one, body) - roi.pool(two, body)
    spread = pooling_called("std").pool(one, None)
    varied = spread > 0
    return float((apart[varied] / spread[varied]).square().mean().sqrt())


def tables(rows: Sequence[Row]) -> list[Table]:
    """Bring the contrasts together: a row a layer, a column an arm."""
    keys = list(dict.fromkeys((row["features"], row["layer"]) for row in rows))
    contrasts = ", ".join(dict.fromkeys(row["contrast"] for row in rows))
    return [
        Table(
            title, {"features": "", "layer": "", **dict.fromkeys(ARMS, ".2f")},
            [
                {"features": key[0], "layer": key[1], **{a: of(_only(rows, key, a)) for a in ARMS}}
                for key in keys
            ],
            [f"One patient, two visits, {contrasts}."],
        )
        for title, of in (
            (_AGREEMENT, _agreed),
            (_DISTANCE, _ratio),
        )
    ]  # fmt: skip


def _only(rows: Sequence[Row], key: tuple[str, str], arm: str) -> list[Row]:
    return [row for row in rows if (row["features"], row["layer"], row["arm"]) == (*key, arm)]


def _agreed(rows: Sequence[Row]) -> float:
    return mean(float(row["agreement"]) for row in rows)


def _ratio(rows: Sequence[Row]) -> float:
    """Of sums: two patients may be alike in one contrast by chance, and a mean of ratios wild."""
    visits, patients = (sum(float(row[name]) for row in rows) for name in ("visits", "patients"))
    return visits / patients


if __name__ == "__main__":
    sys.exit(main())
