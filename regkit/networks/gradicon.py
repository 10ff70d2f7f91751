"""The whole network, and its recognition by the names of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.networks.steps import Halved, Registration, Step, TwoStep
from regkit.networks.unet import UNet

_FIRST = ".downConvs.0.weight"


def gradicon(ndim: int = 3, *, last_step: bool = True) -> Registration:
    """The network of uniGradICON and multiGradICON.

    It registers at a quarter of the resolution, refines that at half and at full resolution,
    and, after the second stage of training, once more at full resolution.

    Parameters
    ----------
    ndim
        2 or 3.
    last_step
        Whether it has that fourth network; the released ones do.

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
    network: Registration = Step(UNet(ndim))
    for _ in range(2):
        network = TwoStep(Halved(network), Step(UNet(ndim)))
    return TwoStep(network, Step(UNet(ndim))) if last_step else network


def from_state(state: Mapping[str, Tensor], *, name: str = "weights") -> Registration:
    """The network that these weights belong to, ready for inference; they are not copied.

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
    own = {key.removeprefix("regis_net."): value for key, value in state.items()}
    network = _built(own, name)
    wanted = network.state_dict()
    _check(own, wanted, name)
    network.load_state_dict({key: own[key] for key in wanted}, assign=True)
    return network.eval().requires_grad_(False)


def _built(state: Mapping[str, Tensor], name: str) -> Registration:
    firsts = [value for key, value in state.items() if key.endswith(_FIRST)]
    if len(firsts) not in (3, 4) or firsts[0].ndim not in (4, 5):
        raise InputError(
            f"{name}: has {len(firsts)} networks of the GradICON kind in it, not 3 or 4; give the "
            "state_dict of uniGradICON, multiGradICON, or a network of that layout"
        )
    with torch.device("meta"):  # the tensors that are given become its weights
        return gradicon(firsts[0].ndim - 2, last_step=len(firsts) == 4)


def _check(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> None:
    """Refuse, by the first name that is wrong, what does not fit exactly."""
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
