"""The judges of how stable features are between visits."""

import pytest
import torch

from benchmarks.stability import ARMS, Seen, agreement, distance, stability_rows, tables
from probes.features import open_maps
from regkit import Labels


@pytest.fixture
def maps(head):
    drawn = torch.randn(3, *head.shape, generator=torch.Generator().manual_seed(0))
    return head.with_data(drawn)


@pytest.fixture
def body(head):
    return Labels((head.data > 20).to(torch.uint8), head.grid)


def test_agreement_is_the_correlation_inside_the_body(maps, body):
    outside = maps.with_data(torch.where(body.data > 0, 2 * maps.data + 1, 7.0))
    assert agreement(maps, outside, body) == pytest.approx(1)
    other = maps.with_data(maps.data.roll(1, 0))
    assert abs(agreement(maps, other, body)) < 0.1
    half = maps.with_data(maps.data + other.data)
    assert agreement(maps, half, body) == pytest.approx(2**-0.5, abs=0.05)
    dead = maps.data.clone()
    dead[0] = 4  # a channel that says nothing is left out
    assert agreement(maps.with_data(dead), maps, body) == pytest.approx(1)


def test_distance_counts_the_spread_of_each_channel(maps, body):
    scale = torch.tensor([1.0, 100.0, 0.01])[:, None, None, None]
    moved = maps.with_data((maps.data + 2) * scale)
    assert distance(maps.with_data(maps.data * scale), moved, body) == pytest.approx(2, rel=0.05)


def test_a_visit_that_is_the_same_is_no_distance_away(head, body):
    bright = head.with_data((head.data / head.data.max()).float())
    seen = Seen(bright, {"rigid": bright}, bright.with_data(1 - bright.data), body)
    rows = list(stability_rows("T1", seen, [open_maps("intensity")]))
    (row,) = rows
    assert row["agreement"] == pytest.approx(1)
    assert row["visits"] == 0
    inside = float(bright.data[body.data > 0].mean())
    apart = abs(1 - 2 * inside) / float(bright.data.std(correction=0))
    assert row["patients"] == pytest.approx(apart, rel=1e-4)


def test_contrasts_weigh_by_how_far_apart_patients_are():
    row = {"features": "net", "layer": "0", "agreement": 0.5, "visits": 1.0, "patients": 0.001}
    every = [{**row, "arm": arm, "contrast": "T1"} for arm in ARMS]
    other = [{**each, "contrast": "T2", "agreement": 1.0, "patients": 4.0} for each in every]
    agree, apart = tables([*every, *other])
    assert agree.rows[0]["rigid"] == 0.75
    assert apart.rows[0]["rigid"] == pytest.approx(2 / 4.001)
    assert agree.notes == ["One patient, two visits, T1, T2."]
