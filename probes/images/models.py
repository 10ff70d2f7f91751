"""Models: a module of torch in any form, a timm network, or ONNX, as a configuration names it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from probes.images.checkpoints import load_checkpoint
from probes.images.functions import make_model
from probes.images.model_settings import ModelSettings, existing_weights, source_parts
from probes.images.onnx_models import open_onnx
from probes.images.samples import Predict
from regkit.errors import InputError, require
from regkit.optional_packages import mend_torchvision
from regkit.settings import near


def open_model(settings: ModelSettings, bands: int, classes: int) -> Predict:
    """Open a model.

    Parameters
    ----------
    settings
        Which.
    bands, classes
        Of the data set.

    Returns
    -------
    Predict
        Images ``(B, C, *spatial)`` to answers ``(B, K)``.

    Raises
    ------
    InputError
        If there is no such kind of model, its file is missing or holds other weights, or its mean
        and std do not suit the bands.
    """
    network = open_network(settings, bands, classes)
    return lambda images: network(settings.scaled(images))


def open_network(settings: ModelSettings, bands: int, classes: int) -> Predict:
    """Open a model that takes images on the scale that it was trained with.

    Parameters
    ----------
    settings
        Which.
    bands, classes
        Of the data set.

    Returns
    -------
    Predict
        An ``nn.Module`` of layers for ``timm:NAME=FILE``, and for ``python=MODULE:FUNCTION`` where
        the function makes one.

    Raises
    ------
    InputError
        As :func:`open_model`.
    """
    kind, _, name = source_parts(settings)
    settings.scaled(torch.zeros(1, bands, 1, 1))  # mean and std are judged before it is opened
    return _OPENERS[kind](settings, name, bands, classes)


def open_encoder(settings: ModelSettings, bands: int) -> nn.Module:
    """Open a network without its classifier, as a module that can be changed.

    Parameters
    ----------
    settings
        ``timm:NAME=FILE`` or ``python=MODULE:FUNCTION``.
    bands
        Of the images.

    Raises
    ------
    InputError
        If it is of another kind, its weights do not fit, or the function returns no module.
    """
    kind, _, name = source_parts(settings)
    if kind == "python":
        found = _python(settings, name, bands, 0)
        if isinstance(found, nn.Module):
            return found
    elif kind == "timm":
        return _timm(settings, name, bands, 0)
    raise InputError(
        f"model {settings.name}: {settings.source!r:.80} cannot be changed; give timm:NAME=FILE, "
        "or python=MODULE:FUNCTION that returns a torch module"
    )


def new_encoder(network: str, bands: int) -> nn.Module:
    """Make a network without its classifier whose weights are still to be learned.

    Parameters
    ----------
    network
        ``timm:NAME`` or ``python:MODULE:FUNCTION``.
    bands
        Of the images.

    Raises
    ------
    InputError
        If there is no such network.
    """
    kind, _, name = network.partition(":")
    if kind == "timm" and name:
        return _timm_network("network", name, bands, 0)
    found = make_model("network", name) if kind == "python" else None
    if isinstance(found, nn.Module):
        return found
    raise InputError(
        f"network {network!r:.80} is neither timm:NAME nor python:MODULE:FUNCTION that returns a "
        "torch module"
    )


def _torchscript(settings: ModelSettings, name: str, bands: int, classes: int) -> nn.Module:
    path = existing_weights(settings)
    try:
        network: nn.Module = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise InputError(f"{path.name}: is no TorchScript module") from error
    return network.eval()


def _exported(
    settings: ModelSettings, name: str, bands: int, classes: int
) -> Callable[[Tensor], Tensor]:
    path = existing_weights(settings)
    try:
        network: Callable[[Tensor], Tensor] = torch.export.load(path).module()
    except Exception as error:  # whatever a damaged archive makes of it
        raise InputError(f"{path.name}: is no exported program of torch.export") from error
    return network


def _onnx(
    settings: ModelSettings, name: str, bands: int, classes: int
) -> Callable[[Tensor], Tensor]:
    return open_onnx(existing_weights(settings), bands)


def _timm(settings: ModelSettings, name: str, bands: int, classes: int) -> nn.Module:
    network = _timm_network(f"model {settings.name}", name, bands, classes)
    load_checkpoint(network, existing_weights(settings), classes)
    return network.eval()


def _timm_network(model: str, name: str, bands: int, classes: int) -> nn.Module:
    mend_torchvision()
    timm = require("timm", extra="timm")
    if name not in timm.list_models():
        raise InputError(f"{model}: timm has no network {name!r}{near(name, timm.list_models())}")
    network: nn.Module = timm.create_model(
        name, pretrained=False, in_chans=bands, num_classes=classes
    )
    return network


def _python(
    settings: ModelSettings, name: str, bands: int, classes: int
) -> Callable[[Tensor], Tensor]:
    model = f"model {settings.name}"
    made = make_model(model, name or settings.source.partition("=")[2])
    if name and not isinstance(made, nn.Module):
        raise InputError(f"{model}: {name} returns no torch module, which a file of weights needs")
    if isinstance(made, nn.Module):
        if name:
            load_checkpoint(made, existing_weights(settings), classes)
        return made.eval()
    return made


def _registration(
    settings: ModelSettings, name: str, bands: int, classes: int
) -> Callable[[Tensor], Tensor]:
    raise InputError(
        f"model {settings.name}: {settings.source} registers pairs of images; it is asked by "
        "`regkit reliance` alone, with the task registration"
    )


_OPENERS: dict[str, Callable[..., Callable[[Tensor], Tensor]]] = {
    "exported": _exported, "torchscript": _torchscript, "onnx": _onnx, "timm": _timm,
    "python": _python, "register": _registration,
}  # fmt: skip
