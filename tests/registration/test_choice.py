import numpy as np
import pytest
import torch

from regkit.losses import LNCC
from regkit.registration.choice import choose, linear_similarity, similarity_of


@pytest.mark.parametrize("name", ["mse", "lncc", "lncc2", "mind", "mi"])
def test_similarities_are_known_by_their_names(name):
    assert similarity_of(name, 2).name == name


def test_windows_have_the_radius_that_is_asked_for():
    assert similarity_of("lncc", 4) == LNCC(4)


@pytest.mark.parametrize(
    ("asked", "used"),
    [("auto", "mi"), ("mind", "mi"), ("mi", "mi"), ("mse", "mse"), ("lncc2", "lncc2")],
)
def test_the_linear_engine_takes_mutual_information_unless_told(asked, used):
    assert linear_similarity(asked, 2).name == used


def test_one_contrast_is_compared_by_correlation(head, move, bend, paired):
    name, reason = choose(paired(head, move(bend)), np.eye(4))
    assert name == "lncc2"
    assert reason.startswith("auto: same contrast (mean local correlation after the affine is 0.")


def test_different_contrasts_are_not(head, move, bend, paired):
    moving = move(bend)
    inverted = moving.with_data(torch.cos(moving.data / 12) * (moving.data > 1))
    name, reason = choose(paired(head, inverted), np.eye(4))
    assert name == "mi"
    assert "different contrast" in reason
