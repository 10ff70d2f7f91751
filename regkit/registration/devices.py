"""Turn what the user asked for into a device that is there."""

from __future__ import annotations

import torch

from regkit.errors import InputError


def resolve_device(name: str) -> torch.device:
    """Resolve the name of a device: ``auto`` is a CUDA GPU if there is one, else the CPU.

    Raises
    ------
    InputError
        If the device is not there; the message lists those that are.
    """
    here = available_devices()
    if name == "auto":
        return torch.device("cuda:0" if "cuda:0" in here else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in here:
        raise InputError(f"device {name!r} is not available; here: {', '.join(here)}")
    return torch.device(wanted)


def available_devices() -> list[str]:
    """List the devices that can be used on this machine."""
    gpus = [f"cuda:{n}" for n in range(torch.cuda.device_count())]
    apple = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *gpus, *apple]
