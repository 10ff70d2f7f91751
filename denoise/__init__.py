"""DiffDenoise: self-supervised denoising of volumes.

Examples
--------
>>> import denoise
>>> denoise.DenoiseConfig().scratch_steps
3000
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from denoise.config import DenoiseConfig, make_denoise_config
    from denoise.pipeline import denoise, denoise_series
    from denoise.result import DenoiseResult
    from denoise.weights import read_method, save_method

_HOME = {
    "DenoiseConfig": "denoise.config",
    "make_denoise_config": "denoise.config",
    "denoise": "denoise.pipeline",
    "denoise_series": "denoise.pipeline",
    "DenoiseResult": "denoise.result",
    "read_method": "denoise.weights",
    "save_method": "denoise.weights",
}

__all__ = [
    "DenoiseConfig",
    "DenoiseResult",
    "denoise",
    "denoise_series",
    "make_denoise_config",
    "read_method",
    "save_method",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'denoise' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
