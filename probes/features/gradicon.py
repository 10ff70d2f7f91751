"""What regkit's own networks see between two images: a pair extractor for probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from probes.features.maps import draw_weights, on_field_of
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.metrics import jacobian
from regkit.networks import models
from regkit.transforms import DisplacementField
from regkit.volume import Volume

FIELD, VOLUME_CHANGE = "phi", "log_jacobian"
_BOTTLENECK, _UP = "bottleneck", "up"
_LEAST = 1e-3  # a Jacobian determinant below it folds


@dataclass(frozen=True, eq=False)
class RegistrationMaps:
    """A GradICON network, its layers, and the map that it finds.

    Its layers are ``stepN.bottleneck`` and ``stepN.upM`` of each of its U-Nets, the first step
    first and the finest level ``up0``; ``phi``, the displacement ``(d, *spatial)`` from fixed to
    moving in world units; and ``log_jacobian``, the log of how much a voxel grows. The baseline
    is fixed, the follow-up moving.

    Parameters
    ----------
    network
        As :mod:`regkit.networks.models` makes it.
    name
        What reports call it.
    layers
        Those that are taken.
    digest
        SHA-256 of its weights.
    trained
        False where they were drawn.
    seed
        They were drawn with.
    """

    network: nn.Module
    name: str
    layers: tuple[str, ...]
    digest: str
    trained: bool = True
    seed: int = 0
    images: int = 2
    kept: bool = True

    @property
    def identity(self) -> dict[str, Any]:
        """The weights."""
        return {"kind": "gradicon", "weights": self.digest, "trained": self.trained,
                "seed": self.seed}  # fmt: skip

    @torch.no_grad()
    def maps(self, images: Sequence[Volume]) -> Mapping[str, Volume]:
        """Register the second image, moving, to the first, and listen."""
        fixed, moving = images
        shown = [each.data[None].float().contiguous() for each in (moving, fixed)]
        found: dict[str, Tensor] = {}

        def run() -> None:
            u = self.network(*shown).displacement(fixed.shape)[0]
            found.update(_field_maps(u.float(), fixed))

        inner = inner_layers(self.network)
        asked = [name for name in self.layers if name in inner]
        outputs = _heard(self.network, [inner[name] for name in asked], run)
        found.update(zip(asked, (each[0] for each in outputs), strict=True))
        return {name: on_field_of(fixed, found[name]) for name in self.layers}


def open_gradicon(
    source: str, layers: Sequence[str], *, random: bool = False, seed: int = 0
) -> RegistrationMaps:
    """Open a registration network of regkit.

    Parameters
    ----------
    source
        The name of installed weights, such as ``small``, or a file of them.
    layers
        Those that are taken; all, if empty.
    random
        Whether the weights are drawn anew: a baseline.
    seed
        Of that.

    Raises
    ------
    InputError
        If there are no such weights, or a layer is not one of the network.
    """
    network = models.load(source).network
    if random:
        draw_weights(network, seed)
    network.eval().requires_grad_(False)
    known = (*inner_layers(network), FIELD, VOLUME_CHANGE)
    for name in layers:
        if name not in known:
            raise InputError(f"gradicon={source}: no layer {name!r}; allowed: {', '.join(known)}")
    shown = f"gradicon={Path(source).name}" + (", random weights" if random else "")
    digest = sha256(models.weights_file(source))
    return RegistrationMaps(network, shown, tuple(layers) or known, digest, not random, seed)


def inner_layers(network: nn.Module) -> dict[str, str]:
    """Name the levels of every U-Net of a network, in the order in which they run.

    Returns
    -------
    dict
        ``stepN.bottleneck`` and ``stepN.upM`` to names as in ``network.named_modules()``.
    """
    found = {}
    for number, (prefix, net) in enumerate(_steps(network)):
        downs, ups = net.get_submodule("downConvs"), net.get_submodule("batchNorms")
        found[f"step{number}.{_BOTTLENECK}"] = (
            f"{prefix}.downConvs.{len(list(downs.children())) - 1}"
        )
        for level in reversed(range(len(list(ups.children())))):
            found[f"step{number}.{_UP}{level}"] = f"{prefix}.batchNorms.{level}"
    return found


def _steps(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in network.named_modules():
        if hasattr(module, "downConvs") and hasattr(module, "lastConv"):
            yield name, module


def _heard(network: nn.Module, names: Sequence[str], run: Any) -> list[Tensor]:
    """The outputs of layers, of a run that goes to its end."""
    found: dict[str, Tensor] = {}
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda _module, _given, out, name=name: found.__setitem__(name, out)
        )
        for name in names
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return [found[name] for name in names]


def _field_maps(u: Tensor, fixed: Volume) -> dict[str, Tensor]:
    """The displacement in world units, and how much voxels grow, of ``u`` in fields of view."""
    size = torch.tensor([n - 1.0 for n in fixed.shape])
    turn = torch.from_numpy(fixed.grid.affine[:-1, :-1].copy()).float()
    world = torch.einsum("ab,b...->a...", turn * size, u)
    grown = jacobian(DisplacementField(world, fixed.grid), fixed.grid).data
    return {FIELD: world, VOLUME_CHANGE: grown.clamp(min=_LEAST).log()}
