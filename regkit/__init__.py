"""regkit: register medical and remote-sensing images, and measure what can be learned then.

Examples
--------
>>> import regkit as rk
>>> rk.Volume.__name__
'Volume'
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regkit import datasets as datasets
    from regkit import losses as losses
    from regkit import metrics as metrics
    from regkit import resample as resample
    from regkit import statistics as statistics
    from regkit.errors import InputError, NotInvertibleError, RegkitError, ResourceError
    from regkit.geometry.grid import Grid
    from regkit.geometry.world import World
    from regkit.interchange import (
        correct_motion,
        prepare,
        register,
        warp,
    )
    from regkit.io import read_points, read_transform, write_transform
    from regkit.networks import models as models
    from regkit.registration.config import RegisterConfig
    from regkit.registration.prepared import PreparedImage
    from regkit.registration.result import Result
    from regkit.registration.series import MotionResult
    from regkit.sources import read, read_labels
    from regkit.transforms import (
        Affine,
        Chain,
        DisplacementField,
        Transform,
        VelocityField,
        compose,
    )
    from regkit.volume import Labels, Points, Volume

# Large pages for large arrays: an engine that allocates per iteration otherwise spends a third of
# its time on page faults. PyTorch looks at this once, when it is first imported.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# PyTorch's idle threads go to sleep soon: by default they hold a core for milliseconds after every
# operation, while our loops have threads of their own and other programs want the core as well.
# GNU's OpenMP looks at this once, when PyTorch is first imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"

# Everything is imported on first use, so that `import regkit` and `regkit --help` stay instant.
_HOME = {
    "InputError": "regkit.errors",
    "NotInvertibleError": "regkit.errors",
    "RegkitError": "regkit.errors",
    "ResourceError": "regkit.errors",
    "Grid": "regkit.geometry.grid",
    "World": "regkit.geometry.world",
    "correct_motion": "regkit.interchange",
    "prepare": "regkit.interchange",
    "PreparedImage": "regkit.registration.prepared",
    "read": "regkit.sources",
    "read_labels": "regkit.sources",
    "read_points": "regkit.io",
    "read_transform": "regkit.io",
    "write_transform": "regkit.io",
    "RegisterConfig": "regkit.registration.config",
    "register": "regkit.interchange",
    "MotionResult": "regkit.registration.series",
    "Result": "regkit.registration.result",
    "warp": "regkit.interchange",
    "Affine": "regkit.transforms",
    "Chain": "regkit.transforms",
    "DisplacementField": "regkit.transforms",
    "Transform": "regkit.transforms",
    "VelocityField": "regkit.transforms",
    "compose": "regkit.transforms",
    "Labels": "regkit.volume",
    "Points": "regkit.volume",
    "Volume": "regkit.volume",
}

__all__ = [
    "Affine",
    "Chain",
    "DisplacementField",
    "Grid",
    "InputError",
    "Labels",
    "MotionResult",
    "NotInvertibleError",
    "Points",
    "PreparedImage",
    "RegisterConfig",
    "RegkitError",
    "ResourceError",
    "Result",
    "Transform",
    "VelocityField",
    "Volume",
    "World",
    "compose",
    "correct_motion",
    "prepare",
    "read",
    "read_labels",
    "read_points",
    "read_transform",
    "register",
    "warp",
    "write_transform",
]


_MODULES = {
    "datasets": "regkit.datasets",
    "losses": "regkit.losses",
    "metrics": "regkit.metrics",
    "models": "regkit.networks.models",
    "resample": "regkit.resample",
    "statistics": "regkit.statistics",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'regkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
