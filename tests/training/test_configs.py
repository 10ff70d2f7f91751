"""The recipes that come with regkit."""

import pytest

from regkit.io.settings import read_settings
from regkit.networks.unet import Widths
from regkit.registration.config import configs
from regkit.settings import validate
from regkit.training.config import RegistrationConfig, Source

NAMES = sorted(
    path.name
    for path in (configs() / "train").iterdir()
    if read_settings(path)["task"] == "registration"
)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_are_understood(name):
    found = validate(RegistrationConfig, read_settings(configs() / "train" / name), f"{name}:")
    assert Widths(found.down, found.up).down[0] == 2
    assert [stage.networks for stage in found.stages] == sorted(s.networks for s in found.stages)


def test_names_of_the_last_version_are_taken():
    old = {"within": 0.2, "recolour": 0.3, "taught": True, "toward": 0.4}
    source = Source(name="brain", table="brain.csv", **old)
    assert (source.same_subject_fraction, source.recolour_fraction) == (0.2, 0.3)
    assert (source.pseudo_labels, source.morph_fraction) == (True, 0.4)
