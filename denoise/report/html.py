"""The report: one HTML file that holds everything it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from denoise.learning.health import best
from denoise.report.figures import before_and_after, curves, learning, positive, signed
from denoise.report.findings import findings, verdict
from denoise.result import Result
from regkit.report.tables import base_name, flat

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
# Parts of a record that are shown as curves, or twice.
_ELSEWHERE = frozenset({"history", "asked", "reading", "notices", "machine"})
_STEIN = (
    "Ramani, Blu, Unser: Monte-Carlo SURE: a black-box optimization of regularization parameters "
    "for general denoising algorithms. IEEE Trans. Image Processing 17, 2008."
)


def render(result: Result, record: Mapping[str, Any]) -> str:
    """The HTML of the report of ``result``, with what its record says.

    Nothing in it is loaded from anywhere; files appear by their base name only.
    """
    template = Environment(
        loader=PackageLoader("denoise.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("report.html.j2")
    found, pair = findings(result), before_and_after(result)
    history = list(result.history)
    return template.render(
        name=base_name(result.noisy.name) or "image",
        verdict=verdict(found),
        findings=found,
        before=pair[0],
        after=pair[1],
        residual=signed(result.residual, result.noisy, "before - after"),
        uncertainty=positive(result.uncertainty, result.noisy, "standard deviation"),
        curves=curves(result),
        learning=learning(history, best(history)) if len(history) > 1 else None,
        facts=flat({name: value for name, value in record.items() if name not in _ELSEWHERE}),
        citations=[*_CITED.get(result.method, ()), *([_STEIN] if history else [])],
    )
