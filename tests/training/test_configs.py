"""The recipes that come with regkit."""

import pytest

from regkit.io.settings import read_settings
from regkit.networks.unet import Widths
from regkit.registration.config import configs
from regkit.settings import validate
from regkit.training.config import RegistrationConfig

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
