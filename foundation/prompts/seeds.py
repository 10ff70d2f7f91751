"""Seeds that depend on what they are for, and on nothing else."""

from __future__ import annotations

import hashlib
import json


def seed_of(seed: int, case: str, label: str | int, perturbation: str, magnitude: float) -> int:
    """Return the seed of one perturbed prompt, whatever was drawn before it.

    Parameters
    ----------
    seed
        That of the study.
    case, label, perturbation, magnitude
        What the prompt is of. A label's number and the same digits as text are two labels;
        magnitudes 2 and 2.0 are one.

    Returns
    -------
    int
        From 0 to 2**64 - 1: the first eight bytes of a SHA-256.

    Examples
    --------
    >>> seed_of(0, "case-1", 4, "shift", 2) == seed_of(0, "case-1", 4, "shift", 2.0)
    True
    """
    # Adding 0.0 makes one of the two zeros.
    content = [int(seed), case, label, perturbation, float(magnitude) + 0.0]
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
