"""What is found of one encoder: its widths, and its layers."""

from __future__ import annotations

from torch import nn

from probes.diagnosis.redundancy.config import RedundancyChoices
from probes.diagnosis.redundancy.layers import layer_spectra
from probes.diagnosis.redundancy.operations import width_of_share
from probes.diagnosis.redundancy.probing import width_curve
from probes.diagnosis.redundancy.sides import ProbedImages, learnt_side
from probes.diagnosis.redundancy.tables import EncoderRedundancy
from probes.images.samples import ImageSamples
from regkit.errors import InputError


def encoder_redundancy(
    config: RedundancyChoices, encoder: nn.Module, samples: ImageSamples
) -> EncoderRedundancy:
    """Cut an encoder, and probe what is left of it.

    Parameters
    ----------
    config
        How.
    encoder
        See :func:`~probes.diagnosis.redundancy.slimming.slim`.
    samples
        Images with one class each, on the scale that it was trained with, with data everywhere.

    Raises
    ------
    InputError
        If the encoder cannot be slimmed, or the images have no classes, or one of a single subject.
    """
    sides = learnt_side(samples, config.learnt, config.seed)
    if samples.truth is None:
        raise InputError("probes need one class an image; the data set has none")
    probed = ProbedImages(samples.images, samples.truth.astype(int), sides, samples.subjects)
    one = probed.images[:1].float()
    asked = [width_of_share(encoder, one, share) for share in config.operations]
    curve = width_curve(
        encoder, probed, (*config.widths, *asked), statistics=config.statistics, seed=config.seed,
        resamples=config.resamples, level=config.level,
    )  # fmt: skip
    return EncoderRedundancy(curve, layer_spectra(encoder, probed.images))
