import numpy as np
import pytest
import torch

import regkit as rk
from regkit.losses import LNCC
from regkit.registration.choice import choose, linear_similarity, opposed_share, similarity_of
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage


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
    assert reason.startswith("auto: same contrast (")
    assert reason.endswith(
        "% of the local correlation after the affine is negative, at most 1.5 %)"
    )


def test_different_contrasts_are_not(head, move, bend, paired):
    moving = move(bend)
    inverted = moving.with_data(torch.cos(moving.data / 12) * (moving.data > 1))
    name, reason = choose(paired(head, inverted), np.eye(4))
    assert name == "mi"
    assert "different contrast" in reason


def test_a_brightness_and_a_contrast_of_another_scanner_are_the_same_contrast(
    head, move, bend, paired
):
    moving = move(bend)
    other = moving.with_data(30 + 4 * moving.data.sqrt())
    assert choose(paired(head, other), np.eye(4))[0] == "lncc2"


def test_opposition_is_the_share_of_squared_correlation_below_zero():
    correlation = torch.tensor([0.6, -0.3, 0.2, -1.0])
    weight = torch.tensor([1.0, 1.0, 0.5, 0.0])
    assert opposed_share(correlation, weight) == pytest.approx(0.09 / (0.36 + 0.09 + 0.02))
    assert opposed_share(correlation, 0 * weight) == 0


@pytest.mark.parametrize("fixed", ["t1", "t2", "flair"])
@pytest.mark.parametrize("moving", ["t1", "t2", "flair"])
def test_three_contrasts_of_one_brain_are_told_apart(data, fixed, moving):
    folder = data / "ms_multicontrast"
    images = (rk.read(folder / f"{name}.nii.gz") for name in (fixed, moving))
    assert choose(whole(*images), np.eye(4))[0] == ("lncc2" if fixed == moving else "mi")


def test_two_brains_show_the_same_contrast(data):
    folder = data / "brain_t1"
    images = (rk.read(folder / f"{who}_t1.nii.gz") for who in "ab")
    assert choose(whole(*images), np.eye(4))[0] == "lncc2"


def whole(fixed, moving):
    """A real pair, at the resolution at which the default preset prepares it."""
    return pair_of(
        PreparedImage(fixed),
        PreparedImage(moving),
        multiple=4,
        max_voxels=16_000_000,
        device=torch.device("cpu"),
    )
