"""Models of ONNX, of any float or whole input type and with any number of images at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError, require

_TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(uint16)": np.uint16,
    "tensor(int16)": np.int16, "tensor(int32)": np.int32, "tensor(int64)": np.int64,
}  # fmt: skip


def open_onnx(path: Path, bands: int) -> Callable[[Tensor], Tensor]:
    """Open a model of ONNX.

    Parameters
    ----------
    path
        Its file. A model that takes so many images at once and no other number is asked about so
        many, one of whole numbers about rounded values.
    bands
        Of the images.

    Returns
    -------
    callable
        Images ``(B, C, *spatial)`` to its first output, in single precision.

    Raises
    ------
    InputError
        If it cannot be read, takes more than one input, or other bands; and, when it is asked,
        images of another size.
    """
    runtime = require("onnxruntime", extra="onnx")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no base of their own
        raise InputError(f"{path.name}: is no ONNX model that this ONNX Runtime reads") from error
    entrance = _entrance(path, session.get_inputs())
    _check_shape(path, entrance.shape, (None, bands))
    kind, count = np.dtype(_TYPES[entrance.type]), entrance.shape[0]

    def predict(images: Tensor) -> Tensor:
        _check_shape(path, entrance.shape, (None, *images.shape[1:]))
        size = count if isinstance(count, int) and count > 0 else len(images)
        found = [_asked(session, entrance.name, _of_type(own, kind), size)
                 for own in images.split(size)]  # fmt: skip
        return torch.from_numpy(np.concatenate(found)).float()

    return predict


def _entrance(path: Path, inputs: Sequence[Any]) -> Any:
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise InputError(
            f"{path.name}: takes {len(inputs)} inputs ({names}); a model is asked about images "
            "alone: export it with one input"
        )
    if inputs[0].type not in _TYPES or len(inputs[0].shape) < 2:
        raise InputError(
            f"{path.name}: takes {inputs[0].type} of shape {inputs[0].shape}, which is no image; "
            "export it for images (batch, bands, rows, columns)"
        )
    return inputs[0]


def _check_shape(path: Path, wanted: Sequence[Any], given: Sequence[int | None]) -> None:
    """A size that is a name, or None, is free."""
    fits = len(given) == 2 or len(given) == len(wanted)
    pairs = zip(wanted, given, strict=False)
    if not fits or any(isinstance(w, int) and g is not None and w != g for w, g in pairs):
        takes = "x".join("any" if not isinstance(size, int) else str(size) for size in wanted[1:])
        shown = "x".join(map(str, given[1:]))
        raise InputError(
            f"{path.name}: takes images of {takes} (bands first), not of {shown}; give the data "
            "set that size or those bands, or export the model with free axes"
        )


def _of_type(images: Tensor, kind: np.dtype[Any]) -> NDArray[Any]:
    values = images.detach().cpu().numpy()
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        values = values.round().clip(limits.min, limits.max)
    return values.astype(kind)


def _asked(session: Any, name: str, images: NDArray[Any], size: int) -> NDArray[Any]:
    """Answers about at most ``size`` images; the last one is repeated where there are fewer."""
    short = size - len(images)
    shown = np.concatenate([images, np.repeat(images[-1:], short, axis=0)]) if short else images
    return np.asarray(session.run(None, {name: shown})[0])[: len(images)]
