"""One person, raw: other contrasts, another visit, echo-planar images. Truth as published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import torch

import regkit as rk
from benchmarks.data import as_float, data_folder
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import Scene, bend, common, slab, tilted
from regkit import DisplacementField, Volume
from regkit.resample import resample
from regkit.transforms import Transform

# Patient and visit, as the files call them.
SESSIONS = (("ms_longitudinal", 1), ("ms_longitudinal", 2), ("ms_second_patient", 1))
_FILES = {"T1": "T1W", "T2": "T2W", "FLAIR": "FLAIR"}
_IN_PLANE = 1.8
_MARGIN = 8.0  # mm: the published affines were found for what is inside the head


def raw() -> Iterator[HardPair]:
    """Files as they are; the pairs at which an affine by mutual information goes astray."""
    for session in SESSIONS:
        yield _pair((*session, "FLAIR"), (*session, "T1"), whole=True)
    yield _pair((*SESSIONS[0], "T1"), (*SESSIONS[0], "FLAIR"), whole=True)
    yield _pair((*SESSIONS[0], "T2"), (*SESSIONS[0], "T1"), whole=True)
    yield _pair((*SESSIONS[1], "FLAIR"), (*SESSIONS[1], "T2"), whole=True)


def contrasts() -> Iterator[HardPair]:
    """T1, T2 and FLAIR of one session in every order, at 1.8 mm in plane."""
    for fixed, moving in permutations(_FILES, 2):
        for session in SESSIONS:
            yield _pair((*session, fixed), (*session, moving))


def visits() -> Iterator[HardPair]:
    """The same person months apart, one contrast or two."""
    for fixed, moving in (
        ("FLAIR", "FLAIR"),
        ("T1", "T1"),
        ("T1", "FLAIR"),
        ("T2", "T2"),
        ("T2", "T1"),
        ("FLAIR", "T2"),
    ):
        yield _pair((*SESSIONS[0], fixed), (*SESSIONS[1], moving))
    yield _pair((*SESSIONS[1], "T1"), (*SESSIONS[0], "T2"))
    yield _pair((*SESSIONS[1], "FLAIR"), (*SESSIONS[0], "FLAIR"))


def echo_planar() -> Iterator[HardPair]:
    """Two frames of a series: moved, cut, its contrast inverted, and distorted as EPI is."""
    first, second = sources.echo_planar()
    body = sources.body(first)
    for seed, (degrees, shift) in enumerate(((4.0, 6.0), (12.0, 15.0)), 40):
        scene = replace(Scene.of(first, body, seed, degrees, shift), other=second)
        yield scene.pair(f"{degrees:g}°, {shift:g} mm")
    part = replace(scene, moving_grid=tilted(slab(first.grid, 2, 10), 42))
    yield part.pair("10 slices of 24")
    top = float(second.data.max())
    inverted = second.with_data((top - second.data) * (sources.body(second).data > 0))
    yield replace(scene, other=inverted).pair("inverted", across=True)
    for seed, peak in ((43, 4.0), (44, 7.0)):
        scene = Scene.of(first, body, seed, 3.0, 5.0)
        back = _along_rows(bend(first.grid, peak, seed))
        yield replace(scene, other=second, back=back).pair(f"distorted {peak:g} mm", "deformable")


def _along_rows(field: DisplacementField) -> DisplacementField:
    """Only what moves along the second axis of the image, as phase encoding does."""
    axis = field.grid.affine[:3, 1] / np.linalg.norm(field.grid.affine[:3, 1])
    along = torch.from_numpy(axis.astype(np.float32))
    size = torch.einsum("a,a...->...", along, field.u)
    return replace(field, u=along[:, None, None, None] * size)


Scan = tuple[str, int, str]
"""Patient, visit and contrast."""


def _pair(fixed: Scan, moving: Scan, *, whole: bool = False) -> HardPair:
    first, second = (scan_image(scan, whole=whole) for scan in (fixed, moving))
    truth = published_transform(fixed, moving)
    inside = sources.shrunk(sources.body(first), _MARGIN)
    points = common(inside, truth, second.grid)
    across = fixed[2] != moving[2]
    return HardPair(_name(fixed, moving), first, second, truth, points, "affine", across=across)


def published_transform(fixed: Scan, moving: Scan) -> Transform:
    """Points of one scan of a patient to points of another, by the affines of the data set."""
    return rk.compose(_to_contrast(moving), _between(fixed, moving), _to_contrast(fixed).inverse())


def scan_image(scan: Scan, *, whole: bool = False) -> Volume:
    """One scan, at 1.8 mm in plane unless it is taken ``whole``."""
    folder, visit, contrast = scan
    path = data_folder() / folder / f"study{visit}_{_FILES[contrast]}.nii.gz"
    image = as_float(rk.read(path))
    if whole:
        return image
    spacing = (_IN_PLANE, _IN_PLANE, image.grid.spacing[2])
    return resample(image, image.grid.with_spacing(spacing))


def _to_contrast(scan: Scan) -> Transform:
    """Points of the FLAIR of a session to points of another contrast of it."""
    folder, visit, contrast = scan
    if contrast == "FLAIR":
        return rk.Affine.identity()
    name = f"study{visit}_{_FILES[contrast]}_intrastudy_to_FLAIR.txt"
    return rk.read_transform(data_folder() / folder / name)


def _between(fixed: Scan, moving: Scan) -> Transform:
    """Points of one visit's FLAIR to points of another's, by way of the space between them."""
    if fixed[:2] == moving[:2]:
        return rk.Affine.identity()
    first, second = (
        rk.read_transform(Path(data_folder(), folder, f"study{visit}_FLAIR_to_common_space.txt"))
        for folder, visit, _ in (fixed, moving)
    )
    return rk.compose(second, first.inverse())


def _name(fixed: Scan, moving: Scan) -> str:
    who = "" if fixed[0] == SESSIONS[0][0] else "second patient, "
    if fixed[1] != moving[1]:
        return f"{who}{moving[2]} of visit {moving[1]} to {fixed[2]} of visit {fixed[1]}"
    return f"{who}visit {fixed[1]}, {moving[2]} to {fixed[2]}"
