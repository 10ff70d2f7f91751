"""What is measured: each case is a function from a session to tables."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases.brain import brain_case
from benchmarks.cases.chest import chest_case
from benchmarks.cases.deformations import deformations_case
from benchmarks.cases.device import device_case
from benchmarks.cases.files import determinism_case, simpleitk_case
from benchmarks.cases.linear import affine_case, large_case
from benchmarks.cases.multimodal import multimodal_case
from benchmarks.cases.orientation import orientation_case
from benchmarks.cases.size import size_case
from benchmarks.cases.startup import startup_case
from benchmarks.session import Session
from benchmarks.table import Table

CASES: dict[str, Callable[[Session], list[Table]]] = {
    "brain": brain_case,
    "simpleitk": simpleitk_case,
    "affine": affine_case,
    "large": large_case,
    "orientation": orientation_case,
    "determinism": determinism_case,
    "startup": startup_case,
    "multimodal": multimodal_case,
    "deformations": deformations_case,
    "chest": chest_case,
    "size": size_case,
    "device": device_case,
}
