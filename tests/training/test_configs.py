"""The recipes that come with regkit."""

import pytest

from regkit.networks.unet import Widths
from regkit.registration.config import configs
from regkit.training.config import RegistrationConfig, checked, read_yaml

NAMES = sorted(
    path.name
    for path in (configs() / "train").iterdir()
    if read_yaml(path)["task"] == "registration"
)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_are_understood(name):
    found = checked(RegistrationConfig, read_yaml(configs() / "train" / name), name)
    assert Widths(found.down, found.up).down[0] == 2
    assert [stage.networks for stage in found.stages] == sorted(s.networks for s in found.stages)
