"""Segmenters: the labels that they are judged by go where the voxels go."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.images.bands import Bands
from probes.images.samples import ImageSamples
from probes.reliance.answers import RelianceCondition, ask_segmenter, image_dice
from probes.reliance.index import reliance
from probes.reliance.skill import bootstrap_weights
from regkit import InputError


@pytest.fixture
def blobs() -> ImageSamples:
    """Twelve images of 32 x 32 in which what is bright is the structure."""
    coarse = torch.randn(12, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic")
    return ImageSamples(images, None, [""] * 12, labels=(images > 0.3).long())


def _by_brightness(images):
    return torch.cat([torch.zeros_like(images), images - 0.3], 1)


def test_a_segmenter_by_brightness_needs_no_shape(blobs):
    conditions = [RelianceCondition(), RelianceCondition("patch-shuffle", 1, 4.0)]
    answers = ask_segmenter(_by_brightness, blobs, Bands.of(blobs.images), conditions)
    assert answers.shape == (2, 12, 1)
    np.testing.assert_allclose(answers, 1)
    weights = bootstrap_weights(12, 100, np.random.default_rng(0))
    found = reliance(answers, conditions, np.zeros(12), "scores", weights, chance=0.3)
    assert found.indices[0].index.estimate == pytest.approx(0)


def test_a_segmenter_that_looks_at_places_loses_by_a_shuffle(blobs):
    def by_heart(images):
        return torch.cat([0.5 - blobs.labels.float(), blobs.labels.float() - 0.5], 1)

    conditions = [RelianceCondition(), RelianceCondition("patch-shuffle", 1, 4.0)]
    answers = ask_segmenter(
        by_heart, blobs, Bands.of(blobs.images), conditions, batch_size=len(blobs)
    )
    assert answers[0].mean() == 1
    assert answers[1].mean() < 0.7


def test_structures_that_are_not_there_have_no_dice():
    empty = torch.zeros(1, 1, 4, dtype=torch.long)
    assert np.isnan(image_dice(empty, empty)).all()


@pytest.mark.parametrize(
    ("labels", "predict", "message"),
    [
        (None, _by_brightness, "is judged by label maps; the data set has none"),
        (torch.ones(12, 1, 32, 32).long(), lambda x: x[:, :, ::2], "one logit a class and voxel"),
    ],
)
def test_what_cannot_be_judged_is_named(blobs, labels, predict, message):
    samples = ImageSamples(blobs.images, None, blobs.names, labels=labels)
    with pytest.raises(InputError, match=message):
        ask_segmenter(predict, samples, Bands.of(blobs.images), [RelianceCondition()])
