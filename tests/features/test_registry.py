"""Backbones by name."""

from importlib.metadata import EntryPoint

import pytest

from regkit import InputError
from regkit.features import FEATURES_GROUP, backbones, files_of, open_extractor


def opener(path, layers, timestep):
    """What an entry point of another package names."""
    return path, layers, timestep


@pytest.fixture
def known(monkeypatch):
    """A backbone of another package."""
    entry = EntryPoint("theirs", f"{__name__}:opener", FEATURES_GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _: opener)
    monkeypatch.setattr("regkit.plugins.entry_points", lambda group: [entry])


def test_a_backbone_of_another_package_is_opened(known):
    assert backbones() == ["theirs"]
    assert open_extractor("theirs") == (None, None, None)
    path, layers, timestep = open_extractor("theirs=a/b.pt", ["x"], 3)
    assert (path.name, layers, timestep) == ("b.pt", ["x"], 3)


def test_an_unknown_name_is_refused_with_those_that_there_are(known):
    with pytest.raises(InputError, match="features:their: no such backbone; allowed: theirs"):
        open_extractor("their")


def test_files_are_those_of_the_path(tmp_path):
    for name in ("b.safetensors", "a.json", "notes.txt", "c.bin"):
        (tmp_path / name).touch()
    assert [path.name for path in files_of(f"x={tmp_path}")] == ["a.json", "b.safetensors"]
    assert files_of(f"x={tmp_path / 'c.bin'}") == [tmp_path / "c.bin"]
    assert files_of("x") == files_of(f"x={tmp_path / 'gone'}") == []
