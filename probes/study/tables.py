"""The long tables of a study: a row for each measure, and a row for each prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from probes.study.config import ProbeConfig
from probes.study.judging import JudgedBlock, ProbeFindings
from regkit.errors import require

RESULTS, PREDICTIONS, PAGE = "results.parquet", "predictions.parquet", "report.html"
_KIND = {True: "baseline", False: "model"}


def result_rows(config: ProbeConfig, findings: ProbeFindings) -> list[dict[str, Any]]:
    """List every measure of every source, arm, layer and pooling, and every comparison.

    Parameters
    ----------
    config
        Whose name stands in each row.
    findings
        What was found.
    """
    rows = []
    for each in findings.judged:
        for (layer, pooling), scores in each.scores.items():
            spoken = (layer, pooling) == each.headline and each.control is not None
            p = each.control.p if spoken and each.control is not None else None
            for score in scores:
                rows.append(
                    {
                        "study": config.study, "arm": each.block.arm,
                        "features": each.block.features, "kind": _KIND[each.block.baseline],
                        "compared_with": "", "layer": layer, "pooling": pooling,
                        "metric": score.metric, "value": score.interval.estimate,
                        "low": score.interval.low, "high": score.interval.high,
                        "level": score.interval.level, "subjects": score.subjects,
                        "p": p if score.metric == findings.metric else None,
                        "margin": None, "equivalence_low": None, "equivalence_high": None,
                        "verdict": "",
                    }
                )  # fmt: skip
    return rows + [_comparison_row(config, findings, n) for n in range(len(findings.comparisons))]


def _comparison_row(config: ProbeConfig, findings: ProbeFindings, number: int) -> dict[str, Any]:
    each = findings.comparisons[number]
    found = each.difference
    return {
        "study": config.study, "arm": "", "features": each.first, "kind": "difference",
        "compared_with": each.second, "layer": "", "pooling": "", "metric": found.metric,
        "value": found.interval.estimate, "low": found.interval.low, "high": found.interval.high,
        "level": found.interval.level, "subjects": len(findings.target.names), "p": found.p_holm,
        "margin": found.margin, "equivalence_low": found.narrow.low,
        "equivalence_high": found.narrow.high, "verdict": found.verdict,
    }  # fmt: skip


def prediction_rows(findings: ProbeFindings, lines: Sequence[int]) -> list[dict[str, Any]]:
    """List what the headline of every source and arm said of every row that it had not seen.

    Parameters
    ----------
    findings
        What was found.
    lines
        Where each row is in its table.
    """
    return [row for each in findings.judged for row in _predictions(each, findings, lines)]


def _predictions(
    judged: JudgedBlock, findings: ProbeFindings, lines: Sequence[int]
) -> list[dict[str, Any]]:
    fit, target, rows = judged.fits[judged.headline], findings.target, []
    for number, each in enumerate(fit.folds):
        chosen = fit.chosen[number] if fit.chosen else ", ".join(judged.headline).rstrip(", ")
        for n, score, said in zip(each.fold.test, each.score, each.predicted, strict=True):
            rows.append(
                {
                    "arm": judged.block.arm, "features": judged.block.features,
                    "kind": _KIND[judged.block.baseline], "columns": chosen, "line": lines[n],
                    "subject": str(target.subjects[n]), "seed": each.fold.seed,
                    "fold": each.fold.number, "truth": float(target.truth[n]),
                    "score": float(score), "predicted": float(said),
                }
            )  # fmt: skip
    return rows


def write_long_table(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows as Parquet; the same rows give the same bytes.

    Parameters
    ----------
    rows
        All with the same columns.
    path
        The file.
    """
    arrow = require("pyarrow", extra="probes")
    parquet = require("pyarrow.parquet", extra="probes")
    plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
    parquet.write_table(arrow.Table.from_pylist(plain), path, compression="zstd")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
