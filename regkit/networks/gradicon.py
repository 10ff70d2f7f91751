"""Build the whole network, and recognise it by the names of its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.networks.normalised import NormalisedRegistration
from regkit.networks.steps import HalfResolution, Registration, Step, TwoStep
from regkit.networks.unet import UNet, Widths

HALVINGS = (2, 1, 0, 0)  # of what each of its steps sees
MOST = 8
_FIRST = "downConvs.0.weight"
_WINDOW = "window"  # of a network that normalises what it sees


def gradicon(
    ndim: int = 3, *, last_step: bool = True, widths: Widths | None = None
) -> Registration:
    """Build the network of uniGradICON and multiGradICON.

    It registers at a quarter of the resolution, refines that at half and at full resolution,
    and, after the second stage of training, once more at full resolution.

    Parameters
    ----------
    ndim
        2 or 3.
    last_step
        Whether it has that fourth network; the released ones do.
    widths
        Channels of each of its networks; those of the released ones if not given.

    Notes
    -----
    Tian et al., uniGradICON, MICCAI 2024; Demir et al., multiGradICON, WBIR 2024. The names of
    the weights are those of ``unigradicon.make_network(...).regis_net``.

    Examples
    --------
    >>> network = gradicon(2)
    >>> image = torch.rand(1, 1, 40, 48)
    >>> network(image, image).on((40, 48)).shape
    torch.Size([1, 2, 40, 48])
    """
    return cascade(HALVINGS if last_step else HALVINGS[:-1], ndim, widths)


def cascade(halvings: Sequence[int], ndim: int = 3, widths: Widths | None = None) -> Registration:
    """Build a network with one step for each of ``halvings``; each step refines those before it.

    Parameters
    ----------
    halvings
        How often what each step sees is halved; never more often than for the one before. What
        the last one sees is all that there is: ``(2, 1)`` is ``(1, 0)``.
    ndim
        2 or 3.
    widths
        Channels of each of its networks.

    Raises
    ------
    InputError
        If there are more than eight steps, or none, or a later one sees less.

    Examples
    --------
    >>> network = cascade((1, 1, 0), ndim=2, widths=Widths((2, 8, 8), (8,)))
    >>> image = torch.rand(1, 1, 16, 16)
    >>> [tuple(u.shape[2:]) for u in network(image, image).steps]
    [(4, 4), (4, 4), (8, 8)]
    """
    falling = list(halvings) == sorted(halvings, reverse=True)
    if not 1 <= len(halvings) <= MOST or not falling or halvings[-1] < 0:
        raise InputError(
            f"halvings {tuple(halvings)} make no network; give 1 to {MOST} numbers that never rise"
        )
    network: Registration = Step(UNet(ndim, widths))
    for before, after in pairwise(halvings):
        network = add_halved_step(network, Step(UNet(ndim, widths)), before - after)
    return network


def add_halved_step(network: Registration, step: Step, halvings: int) -> Registration:
    """Run ``network`` on images at reduced resolution, and ``step`` after it at full resolution.

    Parameters
    ----------
    network
        It finds what moves far. Where it is :class:`NormalisedRegistration`, so is the result, with
        the same window.
    step
        It finds what is left.
    halvings
        How often the resolution is halved for ``network``.
    """
    if isinstance(network, NormalisedRegistration):
        return NormalisedRegistration(
            add_halved_step(network.net, step, halvings), int(network.window)
        )
    for _ in range(halvings):
        network = HalfResolution(network)
    return TwoStep(network, step)


def from_state(state: Mapping[str, Tensor], *, name: str = "weights") -> Registration:
    """Build the network that these weights belong to, ready for inference.

    The names and the shape of each weight tell how many steps it has and how wide they are;
    the weights are not copied.

    Parameters
    ----------
    state
        Names to tensors, as ``regis_net.state_dict()`` has them; ``regis_net.`` before every
        name is understood too.
    name
        What messages call it.

    Raises
    ------
    InputError
        If they are not the weights of such a network.
    """
    own = {key.removeprefix("regis_net."): _single(value) for key, value in state.items()}
    network = _built(own, name)
    wanted = network.state_dict()
    _check(own, wanted, name)
    network.load_state_dict({key: own[key] for key in wanted}, assign=True)
    return network.eval().requires_grad_(False)


def _single(value: Tensor) -> Tensor:
    """Return a weight in float32, where it was kept in half of that."""
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value


def _built(state: Mapping[str, Tensor], name: str) -> Registration:
    firsts = [value for key, value in state.items() if key.endswith(f".{_FIRST}")]
    if not 1 <= len(firsts) <= MOST or firsts[0].ndim not in (4, 5):
        raise InputError(
            f"{name}: has {len(firsts)} networks of the GradICON kind in it, not 1 to {MOST}; give "
            "the state_dict of uniGradICON, multiGradICON, or a network of that layout"
        )
    own, window = dict(state), state.get(_WINDOW)
    own.pop(_WINDOW, None)
    try:
        with torch.device("meta"):  # the tensors that are given become its weights
            if window is None:
                return _part(own, "", firsts[0].ndim - 2)
            return NormalisedRegistration(_part(own, "net.", firsts[0].ndim - 2), int(window))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _part(state: Mapping[str, Tensor], prefix: str, ndim: int) -> Registration:
    """Build the part of the network whose weights have names that begin with ``prefix``."""
    inner = {key.removeprefix(prefix).split(".")[0] for key in state if key.startswith(prefix)}
    if "netPhi" in inner:
        first, second = (_part(state, f"{prefix}{half}.", ndim) for half in ("netPhi", "netPsi"))
        return TwoStep(first, second)
    net = f"{prefix}net."
    if any(key.startswith(f"{net}net") for key in state):
        return HalfResolution(_part(state, net, ndim))
    if f"{net}{_FIRST}" not in state:
        raise InputError(f"{net}{_FIRST} is missing; the file is of another network, or cut")
    return Step(UNet(ndim, Widths.of(state, net)))


def _check(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights that do not fit exactly, by the first name that is wrong."""
    for key, like in wanted.items():
        if key not in state:
            raise InputError(f"{name}: {key} is missing; the file is of another network, or cut")
        if state[key].shape != like.shape:
            raise InputError(
                f"{name}: {key} has shape {tuple(state[key].shape)}, not {tuple(like.shape)}; "
                "the file is of another network"
            )
        if not bool(torch.isfinite(state[key]).all()):
            raise InputError(f"{name}: {key} has values that are not finite; get the file again")
    for key in state:
        if key not in wanted:
            raise InputError(f"{name}: {key} is not of this network; the file is of another one")
