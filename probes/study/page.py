"""The report of a study by probes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from markupsafe import Markup
from scipy.stats import t as student

from probes.linear import PermutationControl
from probes.study.charts import METRIC_NAMES, arm_colours, difference_chart, layer_chart
from probes.study.config import ProbeConfig
from probes.study.judging import JudgedBlock, ProbeFindings
from regkit.report import Check, Page, Section, details, figure, hint, legend, table
from regkit.statistics import Interval

_FEW = 20  # subjects a class, below which a bootstrap says too little of how wide an interval is
_MANY = 16  # rows of a chart that are shown unfolded
_OFF = 0.1  # of a measure with outcomes shuffled, beyond which something leaks
_SURE = 0.995  # quantile: of 100 sound studies one is doubted
_TITLES = {
    "auc": "AUC", "balanced_accuracy": "balanced accuracy", "f1": "F1", "brier": "Brier score",
    "calibration_error": "mean probability minus share", "calibration_slope": "calibration slope",
    "r2": "R²", "absolute_error": "mean absolute error", "correlation": "correlation",
    "c_index": "c-index",
}  # fmt: skip


def probe_page(
    config: ProbeConfig,
    findings: ProbeFindings,
    sections: Sequence[Section] = (),
    notes: Sequence[str] = (),
) -> Page:
    """Make the report of a study.

    Parameters
    ----------
    config
        What was asked.
    findings
        What was found.
    sections
        What the study shows besides, after the differences.
    notes
        What a reader should know of the data.
    """
    checks = list(_checks(config, findings))
    return Page(
        config.study,
        checks=checks,
        sections=[
            _summary(config, findings),
            _layers(findings),
            _differences(config, findings),
            *sections,
            _measures(findings),
            _controls(findings),
            _method(config, findings),
        ],
        facts=[_size(findings)],
        verdict=_verdict(config, findings),
        notes=notes,
        settings=config.model_dump(mode="json", exclude={"cache"}),
    )


def too_wide(config: ProbeConfig, findings: ProbeFindings) -> bool:
    """Tell whether no headline of a model has an interval narrow enough to say anything."""
    intervals = [each.score(findings.metric).interval for each in findings.spoken_of()]
    blind = [each.low == each.high == findings.chance for each in intervals]
    return all(
        nothing or _width(each) > config.widest
        for each, nothing in zip(intervals, blind, strict=True)
    )


def _verdict(config: ProbeConfig, findings: ProbeFindings) -> str:
    name, worst = METRIC_NAMES[findings.metric], findings.widest()
    if too_wide(config, findings):
        whose = "every model" if len(findings.spoken_of()) < len(findings.judged) else "every probe"
        return (
            f"This table is too small to say anything: of {whose} the interval of {name} is wider "
            f"than {config.widest:g}, or all rows score alike. The widest goes from "
            f"{worst.low:.2f} to {worst.high:.2f}. Read the figures below as descriptions, not as "
            "findings."
        )
    above = [
        each.title for each in findings.judged
        if each.score(findings.metric).interval.low > findings.chance
    ]  # fmt: skip
    told = f"{len(above)} of {len(findings.judged)} probes are above chance by their interval."
    if _width(worst) > config.widest:
        told += f" The widest interval of {name} is {_width(worst):.2f}; it says little."
    return told


def _checks(config: ProbeConfig, findings: ProbeFindings) -> Iterator[Check]:
    wide = [each for each in findings.judged
            if _width(each.score(findings.metric).interval) > config.widest]  # fmt: skip
    yield Check(
        not wide,
        f"{len(wide)} of {len(findings.judged)} intervals of {METRIC_NAMES[findings.metric]} are "
        f"wider than {config.widest:g}.",
    )
    target = findings.target
    counts = [len(set(target.owners[target.truth == c])) for c in (0, 1)]
    fewest = min(counts) if target.kind == "class" else len(target.names)
    yield Check(fewest >= _FEW, f"The smallest class has {fewest} subjects; {_FEW} are wanted."
                if target.kind == "class" else f"There are {fewest} subjects.")  # fmt: skip
    controls = [each.control for each in findings.judged if each.control is not None]
    off = [each for each in controls if leaks(each, findings.chance)]
    if config.permutations > 1:
        yield Check(
            not off,
            f"With outcomes shuffled {len(off)} of {len(controls)} probes are more than {_OFF:g} "
            "from chance on average, and by more than the luck of so few permutations.",
        )


def leaks(control: PermutationControl, chance: float) -> bool:
    """Tell whether shuffled outcomes are told, by more than the luck of a few permutations.

    Parameters
    ----------
    control
        Of one probe.
    chance
        What a probe has that knows nothing.

    Examples
    --------
    >>> two = PermutationControl("auc", (0.36, 0.42), 0.8)
    >>> many = PermutationControl("auc", (0.36, 0.42) * 10, 0.8)
    >>> leaks(two, 0.5), leaks(many, 0.5)
    (False, True)
    """
    count, away = len(control.values), abs(control.mean - chance)
    if count < 2:
        return False
    luck = student.ppf(_SURE, count - 1) * np.std(control.values, ddof=1) / math.sqrt(count)
    return bool(away > max(_OFF, luck))


def _summary(config: ProbeConfig, findings: ProbeFindings) -> Section:
    """A line a probe, and the differences that are decided; all of them have a section."""
    name = METRIC_NAMES[findings.metric]
    rows = [
        (
            each.title, interval_text(each.score(findings.metric).interval),
            "" if each.control is None else f"{each.control.mean:.2f}",
            "" if each.control is None else f"{each.control.p:.2g}",
        )
        for each in findings.judged
    ]  # fmt: skip
    columns = ("probe", name, "with outcomes shuffled", "p")
    return Section(
        "What was found",
        [table(columns, rows, numbers=columns[2:]), *_decided(config, findings)],
    )


def _decided(config: ProbeConfig, findings: ProbeFindings) -> list[str]:
    found = [each for each in findings.comparisons if each.difference.verdict != "undecided"]
    told = [
        f"{each.first} minus {each.second}: {interval_text(each.difference.interval)}: "
        f"{each.difference.verdict}, for a margin of {config.margin:g}."
        for each in found
    ]
    left = len(findings.comparisons) - len(found)
    if left:
        told.append(f"Of {len(findings.comparisons)} comparisons {left} are undecided.")
    return told


def _layers(findings: ProbeFindings) -> Section:
    groups = [(name, list(each)) for name, each in groupby(_sorted(findings), lambda j: _source(j))]
    colours = arm_colours(findings)
    keys = [legend([(colour, arm) for arm, colour in colours.items() if arm])]
    keys = keys if len(colours) > 1 else []
    text = (
        "Every point is judged on subjects of whom the probe has seen nothing; the line is its "
        "interval over subjects, the dashed line chance. Where there are several layers, the "
        "first row is the one that speaks: each fold takes the layer that its own inner folds "
        "like best. Whoever picks the best row by eye picks by luck as well."
    )
    pictures = [_layer_part(name, judged, findings) for name, judged in groups]
    title = f"{METRIC_NAMES[findings.metric]} by layer" + (" and alignment" if keys else "")
    return Section(title, [hint(text), *keys, *pictures])


def _layer_part(name: str, judged: Sequence[JudgedBlock], findings: ProbeFindings) -> Markup:
    """A chart, folded where it is longer than a screen: networks may have fifty layers."""
    chart, rows = figure(layer_chart(name, judged, findings)), len(judged[0].fits)
    return chart if rows <= _MANY else details(f"{name}: {rows} rows", chart)


def _sorted(findings: ProbeFindings) -> list[JudgedBlock]:
    order = list(dict.fromkeys(_source(each) for each in findings.judged))
    return sorted(findings.judged, key=lambda each: order.index(_source(each)))


def _source(judged: JudgedBlock) -> str:
    name = judged.block.features
    return f"baseline: {name}" if judged.block.baseline else name


def _differences(config: ProbeConfig, findings: ProbeFindings) -> Section:
    if not findings.comparisons:
        return Section("Differences", ["Nothing was compared."])
    text = (
        "Both probes are judged in the same samples of subjects. The grey band is the margin; the "
        "thick line is the interval of the equivalence test. Equivalent means that it lies inside "
        "the band; undecided, that the data allow both."
    )
    rows = [
        (
            each.first, each.second, interval_text(each.difference.interval),
            f"{each.difference.p:.2g}", f"{each.difference.p_holm:.2g}",
            f"{each.difference.narrow.low:.2f} to {each.difference.narrow.high:.2f}",
            each.difference.verdict,
        )
        for each in findings.comparisons
    ]  # fmt: skip
    equivalence = f"equivalence, within ±{config.margin:g}"
    columns = ("probe", "minus", "difference", "p", "p, Holm", equivalence, "verdict")
    chart = difference_chart(findings.comparisons, findings.metric, config.margin)
    return Section(
        "Differences",
        [hint(text), figure(chart), table(columns, rows, numbers=("p", "p, Holm"))],
    )


def _measures(findings: ProbeFindings) -> Section:
    names = [score.metric for score in next(iter(findings.judged[0].scores.values()))]
    columns = ("probe", *(_TITLES[name] for name in names))
    rows = [
        (each.title, *(interval_text(each.score(name).interval) for name in names))
        for each in findings.judged
    ]
    parts = [table(columns, rows)]
    every = [
        (each.title, *column, *(interval_text(each.score(name, column).interval) for name in names))
        for each in findings.judged
        for column in each.fits
    ]
    wide = table(("probe", "layer", "pooling", *columns[1:]), every)
    parts.append(details("Every layer and pooling", wide))
    return Section("All measures", parts)


def _controls(findings: ProbeFindings) -> Section:
    rows = [
        (
            each.title, f"{each.control.observed:.3f}", f"{each.control.mean:.3f}",
            f"{min(each.control.values):.3f} to {max(each.control.values):.3f}",
            str(len(each.control.values)), f"{each.control.p:.2g}",
        )
        for each in findings.judged
        if each.control is not None
    ]  # fmt: skip
    if not rows:
        return Section("Shuffled outcomes", ["No permutation was asked for."])
    text = (
        "The same procedure, the choice of the layer included, with the outcomes of whole subjects "
        "exchanged. It has to be at chance; where it is not, something leaks."
    )
    columns = ("probe", "observed", "mean", "range", "permutations", "p")
    return Section("Shuffled outcomes", [hint(text), table(columns, rows, numbers=columns[1:])])


def _method(config: ProbeConfig, findings: ProbeFindings) -> Section:
    how = (
        "the split of the table" if config.split else
        f"{config.folds} folds, {config.inner_folds} inside each, {len(config.seeds)} deals"
    )  # fmt: skip
    model = {
        "class": "logistic regression, classes weighted alike",
        "number": "ridge regression",
        "survival": "Cox's proportional hazards with an L2 penalty",
    }[findings.target.kind]
    count = "all components" if config.components is None else f"{config.components} components"
    return Section(
        "Method",
        [
            f"Judged by {how}; no subject is on both sides of any of them. Standardisation, PCA "
            f"({count}), {model}, and the choice of penalty and layer see training subjects alone.",
            "AUC and c-index compare rows of one fold with each other, and average over folds and "
            f"deals. Intervals: {config.resamples} bootstrap samples of subjects, "
            f"{100 * config.level:g} %; they say how a measure varies with whom one judges, not "
            "with whom one trains.",
            "A baseline is what a model has to be better than: intensities, volumes, covariates, "
            "or a network with random weights.",
        ],
    )


def _size(findings: ProbeFindings) -> str:
    target = findings.target
    text = f"rows: {len(target)} of {len(target.names)} subjects"
    if target.kind == "class":
        text += f", of which {int(target.truth.sum())} rows of class 1"
    if target.event is not None:
        text += f", events: {int(target.event.sum())}"
    return text


def interval_text(interval: Interval) -> str:
    """Write an estimate and its interval, such as ``0.81 (0.72 to 0.88)``.

    Examples
    --------
    >>> interval_text(Interval(0.8123, 0.72, 0.881, 0.95))
    '0.81 (0.72 to 0.88)'
    """
    return f"{interval.estimate:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _width(interval: Interval) -> float:
    return interval.high - interval.low
