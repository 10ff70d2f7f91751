import pytest
import torch

from regkit import InputError
from regkit.registration import devices
from regkit.registration.devices import available_devices, resolve_device


@pytest.fixture
def here(monkeypatch):
    """Call to pretend that this machine has so many GPUs, and Apple's or not."""

    def pretend(gpus, apple=False):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)

    return pretend


def test_auto_prefers_a_gpu(here):
    here(0)
    assert resolve_device("auto") == torch.device("cpu")
    here(2)
    assert resolve_device("auto") == torch.device("cuda:0")


def test_names_become_devices(here):
    here(2, apple=True)
    assert devices.available_devices() == ["cpu", "cuda:0", "cuda:1", "mps"]
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("cuda") == torch.device("cuda:0")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    assert resolve_device("mps") == torch.device("mps")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7", "mps"])
def test_a_device_that_is_not_there_is_refused(here, name):
    here(0)
    assert available_devices() == ["cpu"]
    with pytest.raises(InputError, match=r"^device '\w+(:\d)?' is not available; here: cpu$"):
        resolve_device(name)
