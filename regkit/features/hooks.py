"""Read the outputs of layers inside a network, without running what comes after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from regkit.errors import InputError


class _EnoughError(Exception):
    """Every layer that is asked for has been heard."""


def layer_outputs(
    network: nn.Module, layers: Sequence[str], run: Callable[[], object]
) -> list[Tensor]:
    """Return the outputs of ``layers`` while ``run`` runs ``network``, in the order asked for.

    The run ends where the last of them is known; gradients flow through what was run.

    Parameters
    ----------
    network
        The module whose parts are listened to.
    layers
        Names as in ``network.named_modules()``. Of a layer that puts out several tensors, the
        first is taken.
    run
        Calls the network.

    Returns
    -------
    list of Tensor
        One a layer.

    Raises
    ------
    AttributeError
        If the network has no such layer; :func:`check_layers` tells a user so before.
    KeyError
        If a layer is not reached by ``run``, or puts out no tensor.

    Examples
    --------
    >>> import torch
    >>> net = nn.Sequential(nn.Identity(), nn.ReLU())
    >>> layer_outputs(net, ["0"], lambda: net(torch.tensor([-1.0])))
    [tensor([-1.])]
    """
    found: dict[str, Tensor] = {}

    def hear(name: str, _module: nn.Module, _given: object, out: object) -> None:
        first = out[0] if isinstance(out, tuple | list) else out
        if isinstance(first, Tensor):
            found[name] = first
        if len(found) == len(set(layers)):
            raise _EnoughError

    handles = [
        network.get_submodule(name).register_forward_hook(partial(hear, name)) for name in layers
    ]
    try:
        run()
    except _EnoughError:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return [found[name] for name in layers]


def check_layers(network: nn.Module, layers: Sequence[str], name: str) -> None:
    """Refuse layers that the network does not have.

    Parameters
    ----------
    network
        The network whose parts are looked up.
    layers
        Names as in ``network.named_modules()``.
    name
        What the message calls the backbone, after ``features:``.

    Raises
    ------
    InputError
        If there is no such layer, with the names of the network's larger parts.
    """
    known = {part for part, _ in network.named_modules() if part}
    for layer in layers:
        if layer not in known:
            near = sorted(part for part in known if part.count(".") <= 1)
            raise InputError(
                f"features:{name}: no layer {layer!r}; there are {', '.join(near[:40])}"
            )
