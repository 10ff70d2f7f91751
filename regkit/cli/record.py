"""run.json: what is needed to tell how a result came about, and to get it again."""

from __future__ import annotations

import hashlib
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from regkit import __version__
from regkit.cli.plan import Plan
from regkit.geometry.world import World
from regkit.registration.backbones import backbone_files
from regkit.registration.result import Result

# In the version after 0.1 under their old names as well.
_LENGTHS = ("inverse_consistency_", "displacement_")

_PACKAGES = ("torch", "numpy", "numba", "scipy", "nibabel", "simpleitk")


def make_record(
    plan: Plan,
    result: Result,
    *,
    notices: Sequence[str],
    before: Mapping[str, float],
    seconds: float,
) -> dict[str, Any]:
    """Everything about one run, as JSON can hold it.

    Parameters
    ----------
    notices
        What is unusual about the pair.
    before
        Metrics of the start, under the names that ``result.metrics`` has for the end.
    seconds
        Wall time of the run so far.

    Returns
    -------
    dict
        ``status``, ``versions``, ``inputs`` with their SHA-256, ``seed``, ``device``, ``config``,
        ``asked``, ``backbones`` (files of feature similarities, with their SHA-256), ``reading``,
        ``notices``, ``stages``, ``quality``, ``world`` (``unit``, ``axes``, ``crs``: what lengths
        are measured in), ``metrics``, ``metrics_before``, ``outputs``, ``seconds`` and
        ``peak_memory_mb``. Numbers that are not finite become ``None``.
    """
    config = result.config.model_dump(mode="json")
    record = {
        "status": "done",
        "versions": versions(),
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "inputs": [_input(plan, role, path) for role, path in plan.paths.given()],
        "preset": plan.preset,
        "seed": config["seed"],
        "device": config["device"],
        "config": config,
        "asked": asked(plan),
        "backbones": backbones(plan),
        "reading": asdict(plan.reading),
        "notices": list(notices),
        "reason": result.reason,
        "stages": [asdict(stage) for stage in result.stages],
        "quality": result.quality.as_dict(),
        "world": asdict(result.fixed.grid.world),
        "metrics": with_old_names(result.metrics, result.fixed.grid.world),
        "metrics_before": dict(before),
        "outputs": list(plan.outputs),
        "seconds": round(seconds, 2),
        "peak_memory_mb": peak_memory_mb(),
    }
    cleaned: dict[str, Any] = _finite(record)
    return cleaned


def with_old_names(metrics: Mapping[str, float], world: World) -> dict[str, float]:
    """Metrics, and lengths under the names of version 0.1 as well, where those tell the truth.

    Examples
    --------
    >>> with_old_names({"displacement_p95": 2.0}, World())
    {'displacement_p95': 2.0, 'displacement_p95_mm': 2.0}
    >>> with_old_names({"displacement_p95": 2.0}, World("m"))
    {'displacement_p95': 2.0}
    """
    lengths = [name for name in metrics if name.startswith(_LENGTHS)] if world.unit == "mm" else []
    return {**metrics, **{f"{name}_mm": metrics[name] for name in lengths}}


def asked(plan: Plan) -> dict[str, Any]:
    """The settings as they were given, before ``auto`` became something."""
    config = plan.config.model_dump(mode="json")
    return config | {"model": config["model"] and Path(config["model"]).name}


def backbones(plan: Plan) -> list[dict[str, str]]:
    """Names and SHA-256 of the files by whose features images are compared."""
    files = backbone_files(plan.config.similarity)
    return [{"file": path.name, "sha256": sha256(path)} for path in files]


def versions() -> dict[str, str]:
    """Versions of regkit, Python and what the numbers depend on."""
    return {"regkit": __version__, "python": platform.python_version()} | {
        name: _version(name) for name in _PACKAGES
    }


def fingerprint(role: str, path: Path) -> dict[str, str]:
    """Role, base name and SHA-256 of an input; its folder stays private."""
    return {"role": role, "file": path.name, "sha256": sha256(path)}


def _input(plan: Plan, role: str, path: Path) -> dict[str, str]:
    """The fingerprint of an input, and its path where that was asked for."""
    where = {"path": plan.shown(path)} if plan.full_paths else {}
    return fingerprint(role, path) | where


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def peak_memory_mb() -> float | None:
    """Largest resident size of this process in MB; ``None`` where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
