"""Put weights of a file into a network, or say in one line why they do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn

from regkit.errors import InputError


def as_named(model: str, path: Path | None) -> str:
    """Return how a user named a model: ``NAME``, or ``NAME=PATH``.

    Examples
    --------
    >>> as_named("sam2", None), as_named("sam2", Path("weights"))
    ('model sam2', 'model sam2=weights')
    """
    return f"model {model}" if path is None else f"model {model}={path}"


def fill_network(network: nn.Module, state: Mapping[str, Tensor], file: str) -> nn.Module:
    """Load a state that fits a network to the last tensor, and freeze the network.

    Parameters
    ----------
    network
        What is filled, and put in evaluation mode.
    state
        Names to tensors.
    file
        What the message calls their source.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    InputError
        If tensors are missing, are not known, or have other shapes, with the first name of each.

    Examples
    --------
    >>> import torch
    >>> fill_network(nn.Linear(1, 1), {"weigth": torch.zeros(1, 1)}, "net.pt")
    Traceback (most recent call last):
    regkit.errors.InputError: net.pt: is of another network: 2 tensors are missing, such as bias; \
1 are not known, such as weigth; get the weights of this model
    """
    faults = "; ".join(_faults(network.state_dict(), state))
    if faults:
        raise InputError(f"{file}: is of another network: {faults}; get the weights of this model")
    network.load_state_dict(dict(state))
    return network.eval().requires_grad_(False)


def _faults(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Iterator[str]:
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    other = sorted(n for n in own.keys() & given.keys() if own[n].shape != given[n].shape)
    if missing:
        yield f"{len(missing)} tensors are missing, such as {missing[0]}"
    if unknown:
        yield f"{len(unknown)} are not known, such as {unknown[0]}"
    if other:
        seen, wanted = tuple(given[other[0]].shape), tuple(own[other[0]].shape)
        yield f"{len(other)} have other shapes, such as {other[0]}: {seen}, not {wanted}"
