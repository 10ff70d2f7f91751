"""The whole network, and its recognition by the names of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.networks.normalised import Normalised
from regkit.networks.steps import Halved, Registration, Step, TwoStep
from regkit.networks.unet import UNet, Widths

MOST = 4
_FIRST = ".downConvs.0.weight"
_WINDOW = "window"  # of a network that normalises what it sees


def gradicon(
    ndim: int = 3, *, last_step: bool = True, widths: Widths | None = None
) -> Registration:
    """The network of uniGradICON and multiGradICON.

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
    return stepped(4 if last_step else 3, ndim, widths)


def stepped(steps: int, ndim: int = 3, widths: Widths | None = None) -> Registration:
    """A network of so many steps: each at twice the resolution of the one before, the last as it.

    Four steps, or three, are :func:`gradicon`. Two work at half and full resolution of what they
    are given, and are what a small network has.

    Raises
    ------
    InputError
        If it is not 1 to 4.
    """
    if not 1 <= steps <= MOST:
        raise InputError(f"a network of {steps} steps is not built; allowed: 1 to {MOST}")
    network: Registration = Step(UNet(ndim, widths))
    for _ in range(steps - 1):
        network = grown(network, Step(UNet(ndim, widths)))
    return network


def grown(network: Registration, step: Step) -> Registration:
    """``network`` with one step more after it, as :func:`stepped` counts them."""
    if isinstance(network, Normalised):
        return Normalised(grown(network.net, step), int(network.window))
    enough = sum(isinstance(part, Step) for part in network.modules()) >= MOST - 1
    return TwoStep(network if enough else Halved(network), step)


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
    own = {key.removeprefix("regis_net."): _single(value) for key, value in state.items()}
    network = _built(own, name)
    wanted = network.state_dict()
    _check(own, wanted, name)
    network.load_state_dict({key: own[key] for key in wanted}, assign=True)
    return network.eval().requires_grad_(False)


def _single(value: Tensor) -> Tensor:
    """In float32, where it was kept in half of that."""
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value


def _built(state: Mapping[str, Tensor], name: str) -> Registration:
    names = [key for key in state if key.endswith(_FIRST)]
    firsts = [state[key] for key in names]
    if not 2 <= len(firsts) <= MOST or firsts[0].ndim not in (4, 5):
        raise InputError(
            f"{name}: has {len(firsts)} networks of the GradICON kind in it, not 2 to {MOST}; give "
            "the state_dict of uniGradICON, multiGradICON, or a network of that layout"
        )
    try:
        widths = Widths.of(state, names[0].removesuffix(_FIRST.removeprefix(".")))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    window = state.get(_WINDOW)
    with torch.device("meta"):  # the tensors that are given become its weights
        network = stepped(len(firsts), firsts[0].ndim - 2, widths)
        return network if window is None else Normalised(network, int(window))


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
