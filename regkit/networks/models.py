"""Models: a network with its weights, by name, from a file, or from icon_registration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from regkit.errors import InputError
from regkit.networks.gradicon import from_state
from regkit.networks.steps import Registration
from regkit.networks.weights import store
from regkit.networks.weights.checkpoint import TrainingDomain, read_checkpoint, training_facts

_BEST_FIRST = ("multigradicon", "unigradicon")
AUTO = "auto"


@dataclass(frozen=True)
class Model:
    """A trained network, what reports call it, and what it was trained on."""

    name: str
    network: Registration
    trained: TrainingDomain = field(default_factory=TrainingDomain)


def load(name: str) -> Model:
    """Load a model by the name of its installed weights, or from a file of weights.

    Parameters
    ----------
    name
        Such as ``multigradicon``, or ``small``, which comes with regkit; or a path to a
        ``.safetensors``, ``.trch`` or ``.pt`` file.

    Raises
    ------
    InputError
        If there is neither, or it does not hold the weights of such a network.

    Examples
    --------
    >>> import regkit as rk
    >>> model = rk.models.load("knees.trch")  # doctest: +SKIP
    >>> rk.register(fixed, moving, model=model)  # doctest: +SKIP
    """
    path = weights_file(name)
    if _is_path(name):
        network = from_state(read_checkpoint(path), name=path.name)
        return Model(path.name, network, training_facts(path))
    return Model(name, store.load_weights(name), training_facts(path))


def weights_file(name: str) -> Path:
    """Return the file of a model's weights, by the name that :func:`load` takes.

    Raises
    ------
    InputError
        If weights of that name are not installed.
    """
    return Path(name) if _is_path(name) else store.weights_path(name)


def from_icon(net: nn.Module, *, name: str = "icon") -> Model:
    """Make a model from a network that was trained with icon_registration or unigradicon.

    Parameters
    ----------
    net
        What ``make_network`` of unigradicon returns, or its ``regis_net``. Its weights are
        copied.
    name
        What reports call it.

    Raises
    ------
    InputError
        If it is not a network of this layout.
    """
    state = net.state_dict()
    return Model(
        name, from_state({k: v.detach().cpu().clone() for k, v in state.items()}, name=name)
    )


def resolve(name: str) -> tuple[str | None, str]:
    """Say what ``name`` stands for here, without loading it.

    Returns
    -------
    name, reason
        For ``auto`` the best weights that are installed, or None for the classical engine.

    Raises
    ------
    InputError
        If the weights or the file are not here.
    """
    if name == AUTO:
        here = store.installed_weights()
        best = next((known for known in _BEST_FIRST if known in here), None)
        if best is None:
            known = " and ".join(_BEST_FIRST)
            return None, f"auto: {known} are not installed, so the classical engine runs alone"
        return best, f"auto: {best} is installed"
    if _is_path(name):
        if not Path(name).is_file():
            raise InputError(f"{name}: there is no such file of weights; give one that exists")
    else:
        store.weights_path(name)
    return name, "asked for"


def _is_path(name: str) -> bool:
    """Say whether this is meant as a file rather than as the name of installed weights."""
    path = Path(name)
    return name not in store.available_weights() and bool(path.suffix or len(path.parts) > 1)
