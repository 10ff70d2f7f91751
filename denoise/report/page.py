"""The report of a denoised image, as a page of the kit."""

from __future__ import annotations

from collections.abc import Sequence

from denoise.learning.validation import lowest_risk
from denoise.report.checks import denoising_checks
from denoise.report.figures import (
    before_and_after,
    curves,
    learning_curves,
    positive_slices,
    signed_slices,
)
from denoise.report.layers import denoising_viewer
from denoise.result import DenoiseResult
from regkit.report import Page, Section, blend, figure, hint, pairs
from regkit.report.values import base_name

_CITED = {
    "recorrupted": (
        "Pang, Zheng, Quan, Ji: Recorrupted-to-Recorrupted: unsupervised deep learning for image "
        "denoising. CVPR 2021.",
    ),
    "blindspot": (
        "Laine, Karras, Lehtinen, Aila: High-quality self-supervised deep image denoising. "
        "NeurIPS 2019.",
        "Wu, Liu, Cao, Ren, Zuo: Unpaired learning of deep image denoising. ECCV 2020.",
    ),
    "neighbours": (
        "Huang, Li, Jia, Lu, Liu: Neighbor2Neighbor: self-supervised denoising from single noisy "
        "images. CVPR 2021.",
    ),
    "diffusion": (
        "Demir et al.: DiffDenoise: self-supervised medical image denoising with conditional "
        "diffusion models. arXiv:2504.00264.",
    ),
}
_STEIN = (
    "Ramani, Blu, Unser: Monte-Carlo SURE: a black-box optimization of regularization parameters "
    "for general denoising algorithms. IEEE Trans. Image Processing 17, 2008."
)
_IN_TURN = "Move the slider, or let the image before and after denoising alternate."
_REMOVED = (
    "Before minus after. It should be noise alone: an edge or a structure that is seen here was "
    "removed from the image."
)
_UNCERTAIN = (
    "How much the result would vary if the image were taken again with other noise, as a standard "
    "deviation. An error that the network makes every time is not in it."
)
_CURVES = (
    "White noise has a flat spectrum. The mean of what was removed, with two standard errors, is 0 "
    "where the result has no bias. Rician noise brightens the background; the result undoes this."
)
_LEARNING = (
    "Measured on a slab that the network did not learn from. The dashed line marks the step that "
    "was chosen: the one with the lowest estimated error."
)
_UNCHANGED = "Nothing was changed."


def denoising_page(results: Sequence[DenoiseResult]) -> Page:
    """Make the page that reports a denoised image, with pictures of the middle frame of a series.

    Parameters
    ----------
    results
        What was denoised, one a frame.
    """
    frames = len(results)
    frame = frames // 2
    result = results[frame]
    sections = [*_pictures(result), *_measures(result)]
    return Page(
        title=f"{base_name(result.noisy.name) or 'image'}, denoised",
        checks=denoising_checks(result),
        sections=[*denoising_viewer(results, sections), *sections],
        facts=_facts(result, frame, frames),
        verdict=_UNCHANGED if result.method == "none" else "",
        notes=result.notes,
        settings=result.config.model_dump(mode="json"),
        citations=[*_CITED.get(result.method, ()), *([_STEIN] if result.history else [])],
    )


def _facts(result: DenoiseResult, frame: int, frames: int) -> list[str]:
    shown = [f"frame {frame} of {frames} is shown, counted from 0"] if frames > 1 else []
    begun = result.learned.start if result.learned else ""
    start = [f"Start: {begun}"] if begun else []
    return [f"Method: {result.method}", *start, f"Noise: {result.model.name}", *shown]


def _pictures(result: DenoiseResult) -> list[Section]:
    before, after = before_and_after(result)
    removed = signed_slices(result.residual, result.noisy, "before - after")
    left = positive_slices(result.uncertainty, result.noisy, "standard deviation")
    return [
        Section("Before and after", [hint(_IN_TURN), blend(before, after, ("before", "after"))]),
        Section("What was removed", [hint(_REMOVED), figure(removed)]),
        Section("Uncertainty", [hint(_UNCERTAIN), figure(left)]),
    ]


def _measures(result: DenoiseResult) -> list[Section]:
    history = list(result.history)
    drawn = Section("Spectra and bias", [hint(_CURVES), figure(curves(result))])
    sections = [_noise(result), drawn]
    if len(history) > 1:
        chart = figure(learning_curves(history, lowest_risk(history)))
        sections.append(Section("When learning stopped", [hint(_LEARNING), chart]))
    return sections


def _noise(result: DenoiseResult) -> Section:
    """What the noise was taken for."""
    along = ", ".join(f"{value:.2f}" for value in result.correlation)
    rows = [
        ("Model", result.model.name),
        ("Standard deviation (sigma)", f"{result.model.level:.4g}"),
        ("Correlation of neighbouring voxels, along each axis", along),
    ]
    return Section("Noise", [pairs(rows)])
