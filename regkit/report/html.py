"""The report: one HTML file that holds everything it shows."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import regkit
from regkit.io.atomic import check_target, write_atomically
from regkit.losses.registry import traits_of
from regkit.metrics.affine_part import affine_part
from regkit.registration.result import Result
from regkit.report.agreement import agreement_map, share_at_chance
from regkit.report.canvas import Picture
from regkit.report.citation import citations
from regkit.report.curves import similarity_curves
from regkit.report.deformation import deformed_grid, grid_step, jacobian_map
from regkit.report.figures import checkerboard, contours, differences, grey, overlay
from regkit.report.scene import Scene, scene
from regkit.report.tables import (
    base_name,
    flat,
    global_part_rows,
    header_rows,
    plain,
    stage_rows,
)
from regkit.report.verdict import findings, metric_rows, verdict
from regkit.transforms import Affine
from regkit.volume.volume import Volume

_PACKAGES = ("torch", "numpy", "numba", "scipy", "nibabel", "SimpleITK")

# Parts of a run's record that the report has a place for already.
_SHOWN = frozenset({"config", "metrics", "reason", "stages", "versions"})


def write_report(
    result: Result,
    path: str | Path,
    *,
    run: Mapping[str, Any] | None = None,
    before: Mapping[str, float] | None = None,
) -> Path:
    """Write the report of a result as one self-contained file.

    Parameters
    ----------
    result
        What a registration returned.
    path
        The ``.html`` file; one that exists is replaced, whole or not at all.
    run
        More about the run to list (inputs, device, seed, ...), ``run.json`` for one; what the
        report shows elsewhere is left out. Files appear by their base name only.
    before
        Metrics before registration, under the names of ``result.metrics``, for a column beside
        them.

    Raises
    ------
    InputError
        If the folder of ``path`` does not exist.
    """
    target = Path(path)
    check_target(target, overwrite=True)
    text = render(result, run=run, before=before)
    write_atomically(
        target,
        lambda part: part.write_text(text, encoding="utf-8"),
        lambda part: part.read_text(encoding="utf-8"),
        overwrite=True,
    )
    return target


def render(
    result: Result,
    *,
    run: Mapping[str, Any] | None = None,
    before: Mapping[str, float] | None = None,
) -> str:
    """The HTML of :func:`write_report` as text."""
    cuts = scene(result.fixed, result.moving, result.warped)
    template = Environment(
        loader=PackageLoader("regkit.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("report.html.j2")
    affine = affine_part(result.transform, result.fixed.grid)
    return template.render(
        **_images(result, cuts, affine),
        **_tables(result, affine, run or {}, before),
        **_words(result, cuts),
    )


def _images(result: Result, cuts: Scene, affine: Affine) -> dict[str, Any]:
    where = ", ".join(plane.name for plane in cuts.planes)
    fixed, moving = _names(result)
    before_difference, after_difference = differences(
        cuts,
        f"{moving} minus {fixed} before registration: {where}.",
        f"Warped {moving} minus {fixed} after registration: {where}.",
    )
    return {
        "overlay_before": overlay(
            cuts, cuts.before, f"{fixed} in magenta, {moving} in green, by header only: {where}."
        ),
        "overlay_after": overlay(
            cuts, cuts.after, f"{fixed} in magenta, warped {moving} in green: {where}."
        ),
        "contours_before": contours(
            cuts, cuts.before, f"Outlines of {fixed} on {moving} by header only: {where}."
        ),
        "contours_after": contours(
            cuts, cuts.after, f"Outlines of {fixed} on warped {moving}: {where}."
        ),
        "fixed_slices": grey(cuts.planes, cuts.fixed, f"Slices of {fixed}: {where}."),
        "warped_slices": grey(cuts.planes, cuts.after, f"Slices of warped {moving}: {where}."),
        "checkerboard": checkerboard(
            cuts, f"Checkerboard of {fixed} and warped {moving}: {where}."
        ),
        "difference_before": before_difference,
        "difference_after": after_difference,
        "deformed_grid": deformed_grid(
            cuts, result.transform, affine, f"Deformed grid over {fixed}: {where}."
        ),
        "jacobian_map": jacobian_map(
            cuts, result.jacobian, f"Logarithm of the Jacobian determinant on {fixed}: {where}."
        ),
        "agreement_map": _agreement(
            result, cuts, f"Agreement of both images over {fixed}: {where}."
        ),
        "curves": similarity_curves(result.stages, unit=result.fixed.grid.world.unit),
    }


def _tables(
    result: Result, affine: Affine, run: Mapping[str, Any], before: Mapping[str, float] | None
) -> dict[str, Any]:
    guided, unit = result.config.dice > 0, result.fixed.grid.world.unit
    metrics = metric_rows(result.metrics, before, guided=guided, unit=unit)
    return {
        "headers": header_rows(result.fixed, result.moving),
        "stages": stage_rows(result.stages),
        "metrics": metrics,
        "has_before": any(row.compared for row in metrics),
        "global_part": global_part_rows(affine, result.fixed.grid),
        "options": flat(result.config.model_dump()),
        "run": flat({key: value for key, value in run.items() if key not in _SHOWN}),
        "versions": flat(run.get("versions") or _versions()),
        "citations": citations(result, regkit.__version__),
    }


def _words(result: Result, cuts: Scene) -> dict[str, Any]:
    fixed, moving = _names(result)
    found, chance = findings(result), _chance(result)
    return {
        "fixed": fixed,
        "moving": moving,
        "findings": found,
        "verdict": verdict(result.quality),
        "quality": result.quality.verdict,
        "seconds": sum(stage.seconds for stage in result.stages),
        "transform": result.config.transform,
        "similarity": result.config.similarity,
        "reason": plain(result.reason),
        "planes": [plane.name for plane in cuts.planes],
        "apart": cuts.shared == 0,
        "other_contrast": traits_of(result.config.similarity).across_contrasts,
        "at_chance": None if chance is None else share_at_chance(chance),
        "channels": max(result.fixed.channels, result.moving.channels),
        "step": f"{grid_step(cuts.planes):.3g}",
        "unit": result.fixed.grid.world.unit,
    }


def _chance(result: Result) -> Volume | None:
    """Where the images agree, if anything could be compared."""
    evidence = result.quality.evidence
    chance = None if evidence is None else evidence.chance
    known = chance is not None and (chance.valid is None or bool(chance.valid.any()))
    return chance if known else None


def _agreement(result: Result, cuts: Scene, alt: str) -> Picture | None:
    chance = _chance(result)
    return None if chance is None else agreement_map(cuts, chance, alt)


def _names(result: Result) -> tuple[str, str]:
    return base_name(result.fixed.name) or "fixed", base_name(result.moving.name) or "moving"


def _versions() -> dict[str, str]:
    found = {"regkit": regkit.__version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found | {"System": f"{platform.system()} {platform.machine()}"}
