"""Opened: a model as what can be explained, and of which images it is right."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from probes.diagnosis.attribution.config import AttributionChoices, AttributionConfig
from probes.diagnosis.attribution.explained import ExplainedModel, blur_absent, mean_absent
from probes.images.bands import Bands
from probes.images.model_settings import ModelSettings, source_parts
from probes.images.models import open_network
from probes.images.samples import Predict, name_errors
from regkit.errors import InputError


def open_explained(
    config: AttributionConfig, settings: ModelSettings, bands: Bands, classes: int
) -> ExplainedModel:
    """Open a model, as what can be explained.

    Parameters
    ----------
    config
        The diagnosis.
    settings
        Of the model.
    bands
        Statistics of the images on the scale of the model.
    classes
        Of the data set.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    network = open_network(settings, bands.count, classes)
    if source_parts(settings)[0] not in ("timm", "python"):
        network = name_errors(network, settings.name)  # whose inside is not known
    return explained_model(
        config, network, bands, name=settings.name, layer=config.layers.get(settings.name)
    )


def explained_model(
    config: AttributionChoices,
    network: Predict,
    bands: Bands,
    *,
    name: str = "model",
    layer: str | None = None,
) -> ExplainedModel:
    """Take a network, or any function of images, as what can be explained.

    Parameters
    ----------
    config
        What is absent where something is taken away, and how many images are shown at once.
    network
        Images on its own scale to logits. The layers of an ``nn.Module`` are known.
    bands
        Statistics of the images on that scale.
    name
        Of the model, in messages.
    layer
        The layer that Grad-CAM looks at.
    """
    module = None
    if isinstance(network, nn.Module) and not isinstance(network, torch.jit.ScriptModule):
        module = network.eval().requires_grad_(False)
    absent = mean_absent(bands) if config.absent == "mean" else blur_absent(bands)
    return ExplainedModel(
        name_errors(network, name), absent, module, layer, config.batch_size, config.samples
    )


def are_right(answers: Tensor, labels: NDArray[np.bool_], task: str) -> NDArray[np.bool_]:
    """Say of which images a model is right: of their class, or of all of their labels.

    Parameters
    ----------
    answers
        Logits ``(N, K)``.
    labels
        ``(N, L)``.
    task
        ``classes`` or ``several-labels``.

    Raises
    ------
    InputError
        If the model has less classes than the data set.
    """
    if answers.shape[1] < labels.shape[1]:
        raise InputError(
            f"the model has {answers.shape[1]} classes, the data set {labels.shape[1]}"
        )
    if task == "classes":
        said = answers.argmax(1).numpy()
        return np.asarray(labels[np.arange(len(labels)), np.minimum(said, labels.shape[1] - 1)]
                          & (said < labels.shape[1]))  # fmt: skip
    positive = (answers > 0).numpy()[:, : labels.shape[1]]
    return np.asarray((positive == labels).all(1) & labels.any(1))
