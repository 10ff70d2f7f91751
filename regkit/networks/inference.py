"""Make a trained network fast, and read what it finds in voxels."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.networks.compiled import CompiledUNet
from regkit.networks.folded import FoldedUNet
from regkit.networks.steps import Registration, Step
from regkit.networks.unet import UNet

PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


def optimize_for_inference(network: Registration, *, precision: str = "auto") -> Registration:
    """Return the same network for inference only, which takes a fraction of the time.

    Parameters
    ----------
    network
        As :func:`regkit.networks.gradicon.gradicon` builds it; it stays as it is.
    precision
        ``fp32``, ``bf16`` or ``auto``: bf16 where the device multiplies it in hardware. Steps at
        reduced resolution move points far and cost little: they are float32 in any case.

    Raises
    ------
    InputError
        If there is no such precision.

    Examples
    --------
    >>> from regkit.networks.gradicon import gradicon
    >>> image = torch.rand(1, 1, 40, 48)
    >>> displacement(optimize_for_inference(gradicon(2)), image, image).shape
    torch.Size([2, 40, 48])
    """
    if precision not in ("auto", *PRECISIONS):
        raise InputError(
            f"precision {precision!r} does not exist; allowed: auto, {', '.join(PRECISIONS)}"
        )
    device = next(network.parameters()).device
    name = preferred_precision(device) if precision == "auto" else precision

    def change(step: Step, full: bool) -> Step:
        if not isinstance(step.net, UNet):
            return step
        return Step(FoldedUNet(step.net, PRECISIONS[name] if full else torch.float32))

    return network.rebuilt(change)


def preferred_precision(device: torch.device) -> str:
    """Return the precision in which ``device`` is fastest without harm, ``bf16`` or ``fp32``."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    able = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "fp32"


def precision_of(network: Registration) -> str:
    """Return the precision of the steps at full resolution, ``bf16`` or ``fp32``."""
    found = {part.dtype for part in network.modules() if isinstance(part, FoldedUNet)}
    return "bf16" if torch.bfloat16 in found else "fp32"


def compile_network(network: Registration) -> Registration:
    """Compile a network by ``torch.compile``, which pays off after many passes of one shape.

    Parameters
    ----------
    network
        As for :func:`optimize_for_inference`. It is calculated in float32.
    """

    def change(step: Step, _full: bool) -> Step:
        return Step(CompiledUNet(step.net)) if isinstance(step.net, UNet) else step

    return network.rebuilt(change)


def not_compiled(network: Registration) -> str:
    """Say why a part of a compiled network runs uncompiled; empty if all is compiled."""
    parts = (part for part in network.modules() if isinstance(part, CompiledUNet))
    return next((part.failure for part in parts if part.failure), "")


def displacement(network: Registration, moving: Tensor, fixed: Tensor) -> Tensor:
    """Return how far each voxel of fixed is from where it lies in moving.

    Parameters
    ----------
    network
        Best from :func:`optimize_for_inference`.
    moving, fixed
        ``(1, 1, *shape)`` float32 in [0, 1], on one grid.

    Returns
    -------
    Tensor
        ``(d, *shape)`` in voxels: ``warped(x) = moving(x + u(x))``. From a network that sees
        displacements at half the resolution it is on that grid, and in its voxels.

    Raises
    ------
    InputError
        If the images are not of the dimension of the network.
    """
    ndim = _ndim(network)
    if moving.ndim != ndim + 2 or moving.shape != fixed.shape:
        raise InputError(
            f"images of {moving.ndim - 2} axes do not suit a network of {ndim}; give weights that "
            f"were trained in {moving.ndim - 2}-D"
        )
    with torch.inference_mode():
        phi = network(moving, fixed)
        shape = phi.steps[-1].shape[2:] if phi.reduced else fixed.shape[2:]
        size = torch.tensor(shape, dtype=torch.float32, device=fixed.device) - 1
        u = phi.displacement(shape)[0].movedim(0, -1)
        out: Tensor = (u * size).movedim(-1, 0).contiguous()
        return out


def _ndim(network: Registration) -> int:
    return next(
        part.ndim
        for part in network.modules()
        if isinstance(part, UNet | FoldedUNet | CompiledUNet)
    )
