"""Networks of timm, with weights of the layout that it writes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from probes.images.model_settings import ModelSettings
from probes.images.models import open_model
from regkit import InputError
from regkit.cli import main
from regkit.optional_packages import mend_torchvision


def _opened(source: str, bands: int = 4, classes: int = 3):
    settings = ModelSettings(name="m", source=source)
    return open_model(settings, bands, classes)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    mend_torchvision()
    import timm

    network = timm.create_model("resnet18", pretrained=False, in_chans=4, num_classes=3).eval()
    path = tmp_path_factory.mktemp("weights") / "resnet.pt"
    torch.save(network.state_dict(), path)
    return network, path


def test_a_network_of_timm_answers_as_it_does_itself(weights):
    network, path = weights
    images = torch.rand(2, 4, 32, 32)
    with torch.no_grad():
        found = _opened(f"timm:resnet18={path}")(images)
        torch.testing.assert_close(found, network(images))


@pytest.mark.parametrize(
    ("more", "largest", "said"),
    [({}, 255, True), ({}, 1, False), ({"mean": [127.5] * 4, "std": [60] * 4}, 255, False)],
)
def test_a_network_that_sees_values_as_they_are_stored_is_named(
    weights, tmp_path, capsys, more, largest, said
):
    drawn = np.random.default_rng(0).random((20, 32, 32, 4)) * largest
    np.savez(tmp_path / "set.npz", images=drawn.astype(np.float32), labels=np.arange(20) % 3)
    model = {"name": "net", "source": f"timm:resnet18={weights[1]}", **more}
    given = {
        "study": "Raw", "data": [{"name": "set", "kind": "npz", "path": "set.npz"}],
        "models": [model], "suppressors": ["gaussian"], "resamples": 100,
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(json.dumps(given))
    out = tmp_path / "out"
    main(["reliance", "run", str(tmp_path / "study.yaml"), "-o", str(out)])
    line = "model net has no mean and std and sees values up to"
    assert (line in capsys.readouterr().err) == said
    assert (line in (out / "run.json").read_text()) == said


@pytest.mark.parametrize(
    ("source", "bands", "message"),
    [
        ("timm:resnet81={path}", 4, "timm has no network 'resnet81'; did you mean"),
        ("timm:resnet34={path}", 4, "is of another network"),
        ("timm:resnet18={path}", 13, "is of another network: 1 of 122 tensors"),
        ("timm:resnet18={path}.no", 4, "there is no file"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, source, bands, message):
    with pytest.raises(InputError, match=message):
        _opened(source.format(path=weights[1]), bands)


def test_weights_for_other_classes_are_named(weights):
    message = "answers for 3 classes, the data set has 5; give the data set all of them"
    with pytest.raises(InputError, match=message):
        _opened(f"timm:resnet18={weights[1]}", classes=5)
