"""SAM 2 on volumes, from a folder of the transformers library."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from foundation.segmenters.segmenter import Capabilities, MissingWeightsError
from foundation.segmenters.slices.sam2_memory import Sam2Memory
from foundation.segmenters.slices.sam2_slices import SAM2_CAPABILITIES, Sam2Slices
from foundation.segmenters.slices.slice_carrier import SliceCarrier
from foundation.segmenters.slices.slice_model import SliceFollower
from foundation.segmenters.slices.slice_wise import SliceWise
from foundation.segmenters.weights import as_named
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.optional_packages import mend_torchvision

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"


def _carried(network: Any, about: Capabilities) -> SliceFollower:
    return SliceCarrier(Sam2Slices(network, about))


# What a config.json calls the model, to the class that reads its weights and to its adapter.
_KINDS: dict[str, tuple[str, Callable[[Any, Capabilities], SliceFollower]]] = {
    "sam2": ("Sam2Model", _carried),
    "sam2_video": ("Sam2VideoModel", Sam2Memory),
}


def open_sam2(path: Path | None) -> SliceWise:
    """SAM 2 with its memory of earlier slices, in sam2=FOLDER (weights unverified).

    A folder whose ``config.json`` says ``sam2_video``, as ``Sam2VideoModel`` saves it, holds the
    weights of the memory. One that says ``sam2`` has none: a slice is then shown the box of what
    was found in the one before.

    Parameters
    ----------
    path
        With ``config.json`` and ``model.safetensors``, such as that of sam2.1-hiera-tiny.

    Raises
    ------
    MissingWeightsError
        If the folder does not hold them.
    InputError
        If transformers is not installed, or the weights are of another network.
    """
    if path is None or not (path / _WEIGHTS).is_file() or not (path / _CONFIG).is_file():
        raise MissingWeightsError(
            f"{as_named('sam2', path)}: there is no {_CONFIG} with {_WEIGHTS}; download "
            "huggingface.co/facebook/sam2.1-hiera-tiny and write sam2=FOLDER"
        )
    kind, follower = _KINDS[_model_type(path)]
    about = replace(SAM2_CAPABILITIES, weights=sha256(path / _WEIGHTS))
    return SliceWise(follower(_network(path, kind), about))


def _model_type(path: Path) -> str:
    try:
        found = json.loads((path / _CONFIG).read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path.name}: its {_CONFIG} names no model_type; allowed: {', '.join(_KINDS)}"
        ) from error
    if not isinstance(found, str) or found not in _KINDS:
        raise InputError(
            f"{path.name}: its {_CONFIG} says model_type {found!r:.40}; allowed: "
            f"{', '.join(_KINDS)}; get the weights of SAM 2"
        )
    return found


def _network(path: Path, kind: str) -> Any:
    mend_torchvision()
    package = require("transformers", extra="sam2")
    try:
        network, about = getattr(package, kind).from_pretrained(
            str(path), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # whatever the package raises
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path.name}: cannot be opened as SAM 2: {reason}") from error
    missing = sorted(about["missing_keys"])
    if missing:
        raise InputError(
            f"{path.name}: is of another network: {len(missing)} tensors are missing, such as "
            f"{missing[0]}; get the weights of this model"
        )
    return network
