"""One file of weights: a network, what it is made of, and what it was trained for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import nn

from denoise.learning.blind import Blind
from denoise.learning.masked import MaskedVoxels
from denoise.learning.objective import Objective
from denoise.learning.recorruption import Recorruption
from denoise.methods import Method
from denoise.networks.blindspot import BlindShape, BlindSpot
from denoise.networks.rotated import RotatedBlindSpot, RotatedShape
from denoise.networks.slices import Slices
from denoise.networks.unet import ResidualUNet, Shape
from regkit.errors import InputError

_KEY = "regkit.denoise"
_DAMAGED = (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError)
_KINDS: dict[str, tuple[type[Any], type[Any]]] = {
    "unet": (Shape, ResidualUNet),
    "blindspot": (BlindShape, BlindSpot),
    "rotated": (RotatedShape, RotatedBlindSpot),
}


def save_method(method: Method, path: Path, *, sigma: float) -> None:
    """Write a method as safetensors, whole or not at all.

    Parameters
    ----------
    method
        The network, with what is needed to make it again.
    path
        The ``.safetensors`` file; one that exists is replaced.
    sigma
        Standard deviation of the noise that it was trained on, as a share of the range.

    Examples
    --------
    >>> import tempfile
    >>> from denoise.config import make_denoise_config
    >>> from denoise.methods import make_method
    >>> made = make_method(make_denoise_config(widths=(4, 8)), (32, 32, 16), (1.0, 1.0, 1.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_method(made, Path(folder, "a.safetensors"), sigma=0.1)
    ...     read_method(Path(folder, "a.safetensors"))[1]
    0.1
    """
    inner: Any = method.network.planar if isinstance(method.network, Slices) else method.network
    kind = next(name for name, (_, made) in _KINDS.items() if isinstance(inner, made))
    told = {
        "method": method.name,
        "kind": kind,
        "shape": asdict(inner.shape),
        "beside": method.network.beside if isinstance(method.network, Slices) else None,
        "reach": method.reach,
        "multiple": method.multiple,
        "sigma": sigma,
        "told": isinstance(method.objective, Recorruption) and method.objective.told,
        "start": method.start,
        "hidden": method.objective.hidden if isinstance(method.objective, MaskedVoxels) else None,
    }
    state = {k: v.detach().cpu().contiguous() for k, v in method.network.state_dict().items()}
    part = path.with_name(f".{path.name}.part")
    try:
        # Written here: that way it has the mode of any other file, and a full disk says so.
        part.write_bytes(safetensors.torch.save(state, {_KEY: json.dumps(told)}))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_method(path: Path) -> tuple[Method, float]:
    """Read a method from a file, and the noise it was trained on as a share of the range.

    Raises
    ------
    InputError
        If the file is missing, damaged, or not one of :func:`save_method`.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; train one with `regkit train`")
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})[_KEY])
        return _made(told, path), float(told["sigma"])
    except _DAMAGED as error:
        raise InputError(
            f"{path.name}: is no model of regkit denoise; give what `regkit train` or "
            "`regkit denoise --save-model` has written"
        ) from error


def _made(told: dict[str, Any], path: Path) -> Method:
    described, network = _KINDS[told["kind"]]
    inner: nn.Module = network(described(**{k: _tuples(v) for k, v in told["shape"].items()}))
    whole = inner if told["beside"] is None else Slices(inner, int(told["beside"]))
    whole.load_state_dict(safetensors.torch.load_file(path))
    return Method(
        str(told["method"]), whole, _objective(told), tuple(told["reach"]),
        tuple(told["multiple"]), str(told.get("start", "")),
    )  # fmt: skip


def _objective(told: dict[str, Any]) -> Objective:
    """What the output means: a posterior mean, what is predicted without a voxel, or the image."""
    if told["kind"] != "unet":
        return Blind()
    if told["method"] == "noise2self":
        return MaskedVoxels("grid", tuple(told["hidden"]))
    return Recorruption(told=bool(told.get("told", False)))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
