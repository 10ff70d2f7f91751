"""The report of a diagnosis of attribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from probes.diagnosis.attribution.gallery import draw_maps
from probes.diagnosis.attribution.metrics import ATTRIBUTION_METRICS
from probes.diagnosis.attribution.rows import MethodRow, RelevanceRow, TrustRow
from probes.reliance.rows import DONE
from regkit.report import Check, Page, Section, details, figure, hint, table

if TYPE_CHECKING:
    from probes.diagnosis.attribution.config import AttributionChoices
    from probes.diagnosis.attribution.study import ModelDiagnosis

_SHOWN = 4  # mosaics in the picture
_CONSERVED = 0.05  # how far the sums of LRP and DeepLIFT may be off
_CITED = (
    "Klotz J, Burgert T, Demir B. On the effectiveness of methods and metrics for explainable AI "
    "in remote sensing image scene classification. 2025.",
    "Arias-Duart A, Parés F, Garcia-Gasulla D, Giménez-Ábalos V. Focus! Rating XAI methods and "
    "finding biases. FUZZ-IEEE 2022.",
)
_RULES = (
    "LRP: z+ in convolutions, epsilon in linear layers and sums, in proportion in averages, to the "
    "winner of a maximum, unchanged through activations. A BatchNorm that follows a convolution "
    "is merged into it, another one passes relevance unchanged. Biases of convolutions take no "
    "relevance, those of linear layers their share. "
    "Attention: one half to each factor of a product, a softmax by its first-order expansion, a "
    "layer normalisation with its spread held (AttnLRP, Achtibat et al. 2024). "
    "Occlusion and LIME: a grid of 8 x 8 cells. DeepLIFT is that of captum. "
    "Grad-CAM looks at the last layer that gives maps on which the logit depends."
)


def attribution_page(
    study: str, config: AttributionChoices, found: Mapping[str, ModelDiagnosis]
) -> Page:
    """Make the report of a diagnosis.

    Parameters
    ----------
    study
        Its title.
    config
        How maps were made and judged.
    found
        What was found of each model.
    """
    sections = [
        section
        for name, each in found.items()
        if each.explained is not None
        for section in _sections(name, each)
    ]
    return Page(
        study,
        checks=[check for name, each in found.items() for check in _checks(name, each)],
        sections=[*sections, _method(config)],
        facts=[f"models: {len(found)}, mosaics: {config.mosaics} of each kind and model"],
        citations=list(_CITED),
    )


def _checks(name: str, found: ModelDiagnosis) -> Iterator[Check]:
    if found.explained is None:
        yield Check(False, f"{name} was not judged: {found.methods[0].message}.")
        return
    for row in found.methods:
        if row.status != DONE:
            yield Check(False, f"{row.method} of {name} is left out: {row.message}.")
    for extent, told in (
        ("part", "where a class is in a part of the image"), ("whole", "where it fills the image"),
    ):  # fmt: skip
        own = [row for row in found.trust if row.extent == extent]
        wrong = [row.metric for row in own if not row.trusted]
        yield Check(
            not wrong,
            f"{name}, {told}: not to be trusted are {', '.join(wrong)}." if wrong
            else f"{name}, {told}: all metrics rank the planted truth above noise.",
        )  # fmt: skip
    for told, shares in _conserved(found.sums):
        middle = float(np.median(shares))
        yield Check(
            abs(middle - 1) < _CONSERVED,
            f"{name}: {told} is {middle:.3f} (median of {len(shares)} maps).",
        )


def _conserved(rows: Sequence[RelevanceRow]) -> Iterator[tuple[str, list[float]]]:
    """What should be 1, and what it is for each map."""
    lrp = [(row.total + row.biases) / row.logit for row in rows if row.method == "lrp"]
    if lrp:
        yield "relevance by lrp, with what biases and constants take, over the logit", lrp
    deeplift = [row.of_difference for row in rows if row.method == "deeplift"]
    if deeplift:
        yield "the sum of deeplift over the difference of the logits", deeplift


def _sections(name: str, found: ModelDiagnosis) -> Iterator[Section]:
    yield Section(f"Which metrics can be trusted: {name}", [
        hint(
            "Each metric judges the planted truth (exact Shapley values of the pieces of mosaics, "
            "of this model) and white noise. A metric is trusted if the interval of the share of "
            "mosaics in which the truth is strictly better lies above a half. The model is right "
            f"about {found.right} images; {found.tried} mosaics were put together to find those "
            "of which it recognises the piece of the class."
        ),
        _trust(found.trust),
    ])  # fmt: skip
    yield Section(f"Methods: {name}", [
        hint(
            "Means over mosaics of which one piece is of the class; an arrow says which way is "
            "better. Metrics in brackets are not trusted there, and count for nothing in the mean "
            "rank: 1 would be best by every trusted metric."
        ),
        _scores(found),
    ])  # fmt: skip
    if found.explained is not None:
        count = len(found.explained.names)
        mosaics = sum(each.startswith("mosaic ") for each in found.explained.names)
        rows = [*range(min(_SHOWN, mosaics)), *range(mosaics, min(count, mosaics + _SHOWN))]
        yield Section(f"Maps: {name}", [
            hint(
                "Red speaks for the class, blue against it; each map has its own scale. The piece "
                "of the class is outlined. Below the mosaics, images of the data set. Under each "
                "map, its sum as a share of the logit."
            ),
            figure(draw_maps(found.explained, found.sums, rows)),
        ])  # fmt: skip
    yield Section(f"Sums of relevance: {name}", [details("Show the table", _sums(found.sums))])


def _trust(rows: Sequence[TrustRow]) -> Markup:
    columns = ("category", "metric", "truth", "noise", "truth better", "where the class fills it")
    by_name = {(row.metric, row.extent): row for row in rows}
    cells = []
    for name in dict.fromkeys(row.metric for row in rows):
        part, whole = by_name[name, "part"], by_name[name, "whole"]
        numbers = ["-" if each is None else f"{each:.3f}" for each in (part.truth, part.noise)]
        cells.append((part.category, _name(name), *numbers, _verdict(part), _verdict(whole)))
    return table(columns, cells, numbers=("truth", "noise"))


def _verdict(row: TrustRow) -> str:
    if row.better is None:
        return row.message
    told = "trusted" if row.trusted else "flagged"
    return f"{told}: {row.better:.2f} [{row.low:.2f}, {row.high:.2f}]"


def _name(metric: str) -> str:
    return f"{metric} {'↑' if ATTRIBUTION_METRICS[metric].higher_is_better else '↓'}"


def _scores(found: ModelDiagnosis) -> Markup:
    trusted = {row.metric for row in found.trust if row.extent == "part" and row.trusted}
    own = [row for row in found.methods if row.status == DONE]
    methods = list(dict.fromkeys(row.method for row in own))
    by_name = {(row.metric, row.method): row for row in own}
    cells = [
        (
            _name(metric) if metric in trusted else f"({_name(metric)})",
            *(_score(by_name[metric, method]) for method in methods),
        )
        for metric in dict.fromkeys(row.metric for row in own)
    ]
    ranks = _ranks(own, trusted, methods)
    cells.append(("mean rank", *(f"{each:.1f}" if each else "-" for each in ranks)))
    return table(("metric", *methods), cells, numbers=methods)


def _score(row: MethodRow) -> str:
    if row.score is None:
        return "-"
    return f"{row.score:.2f} [{row.low:.2f}, {row.high:.2f}]"


def _ranks(
    rows: Sequence[MethodRow], trusted: set[str], methods: Sequence[str]
) -> list[float | None]:
    ranks: dict[str, list[int]] = {method: [] for method in methods}
    for metric in trusted:
        known = [row for row in rows if row.metric == metric and row.score is not None]
        sign = -1 if ATTRIBUTION_METRICS[metric].higher_is_better else 1
        ordered = sorted((sign * (row.score or 0), row.method) for row in known)
        for place, (_, method) in enumerate(ordered, start=1):
            ranks[method].append(place)
    return [sum(own) / len(own) if own else None for own in ranks.values()]


def _sums(rows: Sequence[RelevanceRow]) -> Markup:
    columns = ("method", "image", "class", "logit", "sum", "biases", "of the logit",
               "of the difference")  # fmt: skip
    cells = [
        (
            row.method, row.image, str(row.target), f"{row.logit:.3f}", f"{row.total:.3f}",
            f"{row.biases:.3f}",
            f"{row.of_logit:.3f}", f"{row.of_difference:.3f}",
        )
        for row in rows
    ]  # fmt: skip
    return table(columns, cells, numbers=columns[2:])


def _method(config: AttributionChoices) -> Section:
    told = [
        (_name(each.name), each.category, each.about, each.paper)
        for each in ATTRIBUTION_METRICS.values()
    ]
    pieces = "quarters of images" if config.pieces == "crop" else "whole images at half their size"
    absent = (
        "the mean of each band" if config.absent == "mean" else "the image itself, blurred by a "
        "tenth of its shorter side"
    )  # fmt: skip
    return Section(
        "How it was measured",
        [
            f"Mosaics are put together from {pieces} of which the model is right, and kept where a "
            f"piece of the class counts most. What is absent is {absent}: for all methods, metrics "
            "and truths alike. Intervals are by mosaic; mosaics share images, so they are somewhat "
            "too short.",
            _RULES,
            "Noise depends on the image alone. A map that never changes would be best by the "
            "metrics of robustness, and noise that is drawn anew by those of randomisation: "
            "neither category says by itself that a map is right.",
            table(("metric", "category", "is", "paper"), told),
        ],
    )
