"""What decides a result, as one SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from regkit.digests import sha256
from regkit.runs import InputFile


def identity(settings: Mapping[str, Any], inputs: Sequence[InputFile], weights: str) -> str:
    """Return the SHA-256 of settings, files and weights.

    Parameters
    ----------
    settings
        As JSON can hold them.
    inputs
        Files, whose content counts and not their place.
    weights
        The SHA-256 of the weights, or "".
    """
    given = {
        "settings": settings,
        "inputs": [[each.role, sha256(each.path)] for each in inputs],
        "weights": weights,
    }
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
