"""What `regkit register` can be told: one model, the same names in Python, YAML and on the CLI."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from regkit.errors import InputError

TransformKind = Literal["rigid", "affine", "deformable"]
Similarity = Literal["auto", "mse", "lncc", "lncc2", "mind", "mi"]
Modality = Literal["auto", "ct", "mr", "other"]
