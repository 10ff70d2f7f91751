"""One interface to three questions: a model and data in, a table and a page out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes.diagnosis.attribution.config import AttributionChoices
from probes.diagnosis.probe import (
    AttributionProbe,
    AugmentationProbe,
    DiagnosisTable,
    Probe,
    RedundancyProbe,
)
from probes.diagnosis.redundancy.config import RedundancyChoices
from probes.images.samples import ImageSamples
from regkit import InputError
from regkit.report import write_page
from tests.probes.diagnosis.planted_evidence import planted_images, trained_network


@pytest.fixture(scope="module")
def images() -> ImageSamples:
    shown, classes = planted_images(60, 3)
    return ImageSamples(shown, classes.astype(np.float64), [f"{n}" for n in range(60)])


def _encoder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).eval()


def _asked(probe: Probe, model: object, data: object, tmp_path) -> DiagnosisTable:
    """The same call and the same kind of answer, whichever the question."""
    found = probe.run(model, data)
    assert len(found.records()) == len(found.rows) > 0
    assert set(found.records()[0]) == set(found.columns)
    assert write_page(found.page, tmp_path / "page.html").stat().st_size > 1000
    return found


def test_how_much_of_an_encoder_is_needed(images, tmp_path):
    choices = RedundancyChoices(widths=(0.5,), operations=(0.3,), resamples=100)
    found = _asked(RedundancyProbe(choices), _encoder(), images, tmp_path).records()
    assert [row["width"] for row in found][:2] == [1.0, 0.5]
    assert found[2]["operations"] <= 0.3


def test_which_maps_can_be_trusted(images, tmp_path):
    choices = AttributionChoices(methods=("occlusion", "lrp"), mosaics=6, draws=1, shown=0)
    probe = AttributionProbe(choices)
    found = _asked(probe, trained_network(), images, tmp_path).records()
    assert {row["method"] for row in found} == {"occlusion", "lrp"}
    unknown = probe.run(lambda shown: trained_network()(shown), images).records()
    refused = {row["method"]: row["message"] for row in unknown if row["status"] == "refused"}
    assert list(refused) == ["lrp"]
    assert "needs the layers of a network" in refused["lrp"]


def test_which_augmentations_go_beyond_dates(tmp_path):
    generator = torch.Generator().manual_seed(0)
    place = 0.1 + 0.5 * torch.rand(1, 4, 24, 24, generator=generator)
    dates = place * (1 + 0.1 * torch.randn(6, 1, 1, 1, generator=generator))
    dates = dates + 0.005 * torch.randn(dates.shape, generator=generator)
    dates[2, :, :4] = torch.nan
    probe = AugmentationProbe(colours=(0, 1, 2), draws=2)
    found = _asked(probe, ["brightness", "hue"], dates, tmp_path).records()
    consistent = {(row["augmentation"], row["strength"]): row["consistent"] for row in found}
    assert len(found) == 2 * 3 * 3
    assert not consistent["hue", 1.0]
    with pytest.raises(InputError, match="did you mean 'hue'"):
        probe.run(["hues"], dates)
