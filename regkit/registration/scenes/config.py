"""What the registration of scenes can be told: the same names in Python, YAML and on the CLI."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from regkit.settings import Settings

Sensor = Literal["auto", "optical", "sar"]
Kind = Literal["local", "translation", "affine", "deformable"]


class SceneConfig(Settings):
    """Everything that decides the registration of two scenes, apart from the images.

    ``transform`` is ``local`` (a smooth field through tie points), ``translation`` or ``affine``
    (of the same tie points), or ``deformable`` (a field that may bend in half the distance).
    ``similarity`` compares values (``lncc``) or the course of edges (``edges``), which optical and
    SAR images share; ``auto`` takes edges where a sensor is SAR or values do not agree.

    Lengths are in pixels of the reference: ``window`` is the size of the finest windows that are
    matched (0: chosen by the image and the similarity), ``max_shift`` how far the scene may be off.
    A tie point counts from ``min_reliability`` on, from 0 to 1, and where at least ``min_valid`` of
    its window has data; ``min_points`` of them must agree.
    """

    transform: Kind = "local"
    similarity: Literal["auto", "lncc", "edges"] = "auto"
    modality: Sensor = "auto"
    moving_modality: Sensor = "auto"
    window: int = Field(0, ge=0, le=1024)
    max_shift: int = Field(50, ge=1, le=2000)
    min_reliability: float = Field(0.05, ge=0, le=1)
    min_valid: float = Field(0.5, gt=0, le=1)
    min_points: int = Field(8, ge=4)
    seed: int = 0
