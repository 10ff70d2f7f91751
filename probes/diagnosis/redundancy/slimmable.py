"""A classifier whose every width is learned at once: slimmable training.

After Yu and Huang 2019, "Universally slimmable networks and improved training techniques": at every
step the whole width, the narrowest one and some between them learn together (the sandwich rule),
and all but the whole one learn from what that says (distillation in place).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from probes.diagnosis.redundancy.batch_norm import measure_statistics
from probes.diagnosis.redundancy.probing import pool_features
from probes.diagnosis.redundancy.slimming import slim, slim_encoder


class SlimmableClassifier(nn.Module):
    """An encoder and a linear classifier, both of any width.

    Parameters
    ----------
    encoder
        See :func:`~probes.diagnosis.redundancy.slimming.slim_encoder`.
    image
        ``(1, C, *spatial)``, such as it will be shown.
    classes
        How many there are.
    """

    def __init__(self, encoder: nn.Module, image: Tensor, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        with torch.no_grad():
            features = pool_features(encoder.eval()(image)).shape[1]
        self.head = nn.Linear(features, classes)

    def forward(self, images: Tensor, width: float = 1.0) -> Tensor:
        """Classify images ``(B, C, *spatial)`` at a width; the logits are ``(B, K)``."""
        encoder = slim_encoder(self.encoder, width)
        return self.classified(pool_features(encoder.shared(self.encoder, images)))

    def classified(self, features: Tensor) -> Tensor:
        """Classify by the first features, ``(B, F)`` of them; the logits are ``(B, K)``."""
        count, weight = features.shape[1], self.head.weight
        scale = weight.shape[1] / count  # as all layers of a narrow encoder
        return functional.linear(features, weight[:, :count] * scale, self.head.bias)


def draw_widths(narrowest: float, sampled: int, generator: torch.Generator) -> list[float]:
    """Draw the widths of a step beside the whole one: the narrowest, and others between the two.

    Parameters
    ----------
    narrowest
        The smallest share of channels; none is drawn where it is 1.
    sampled
        How many others.
    generator
        Draws them.

    Examples
    --------
    >>> draw_widths(0.25, 2, torch.Generator().manual_seed(0))[0]
    0.25
    """
    if narrowest == 1:
        return []
    shares = torch.rand(sampled, generator=generator).tolist()
    return [narrowest, *(narrowest + share * (1 - narrowest) for share in shares)]


def sandwich_loss(
    network: SlimmableClassifier, images: Tensor, classes: Tensor, widths: Sequence[float]
) -> Mapping[str, Tensor]:
    """Let the whole width learn the classes, and others what the whole one says.

    Parameters
    ----------
    network
        In training mode.
    images
        ``(B, C, *spatial)``.
    classes
        ``(B,)``.
    widths
        All but the whole one.

    Returns
    -------
    dict
        ``loss``, the mean of the cross-entropies of all widths, and ``whole``, that of the whole
        one.
    """
    said = network(images)
    taught = said.detach().softmax(1)
    whole = functional.cross_entropy(said, classes)
    others = [functional.cross_entropy(network(images, width), taught) for width in widths]
    return {"loss": torch.stack([whole, *others]).mean(), "whole": whole}


@torch.no_grad()
def narrow_answers(
    network: SlimmableClassifier, width: float, learnt: Tensor, asked: Tensor
) -> Tensor:
    """Classify by one width, with statistics of its own.

    Parameters
    ----------
    network
        It stays as it is.
    width
        The share of channels.
    learnt
        ``(N, C, *spatial)``: the images of the statistics.
    asked
        ``(M, C, *spatial)``.

    Returns
    -------
    Tensor
        Logits ``(M, K)``.
    """
    encoder = slim(network.encoder, width)
    measure_statistics(encoder, learnt)
    features = [pool_features(encoder(own)) for own in asked.split(64)]
    return network.classified(torch.cat(features))
