"""Estimate the least memory and disk that training a registration network takes."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from regkit.networks import models
from regkit.networks.gradicon import cascade
from regkit.networks.unet import Widths
from regkit.registration.devices import resolve_device
from regkit.training.config import RegistrationConfig
from regkit.training.pairs import SourceSubjects
from regkit.training.subjects import Subject

_FLOAT, _HALF = 4, 2


def network_bytes(config: RegistrationConfig) -> int:
    """Return the bytes of the weights of the last stage."""
    if config.start is not None:
        return models.weights_file(config.start).stat().st_size
    halvings = config.halvings[: config.stages[-1].networks]
    with torch.device("meta"):
        network = cascade(halvings, 3, Widths(config.down, config.up))
    return _FLOAT * sum(each.numel() for each in network.parameters())


def memory_needed(config: RegistrationConfig) -> int:
    """Return the least memory in bytes; what images take within the network is not known before.

    On the CPU the weights, their gradients and the two moments of AdamW, with the running mean
    where there is one; anywhere a checkpoint, which is made in memory.
    """
    kept = 3 + (config.average > 0)
    trained = 0 if resolve_device(config.device).type == "cuda" else kept + 1
    return (trained + kept) * network_bytes(config)


def disk_needed(config: RegistrationConfig, pools: Iterable[SourceSubjects]) -> int:
    """Return the least disk space in bytes: checkpoint, weights, and images not prepared yet.

    A checkpoint is replaced only when the next one is whole, so that there are two for a moment.
    """
    images = {
        str(each.made_of(modality)): _image_bytes(each, modality)
        for pool in pools for each in pool.subjects for modality in each.modalities
    }  # fmt: skip
    kept = 3 + (config.average > 0)
    return (2 * kept + 1) * network_bytes(config) + sum(images.values())


def _image_bytes(subject: Subject, modality: str) -> int:
    if subject.prepared.has(subject.made_of(modality)):
        return 0
    return _HALF * subject.shape**3
