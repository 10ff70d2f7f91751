"""What is seen of a pair before its results are published."""

from types import SimpleNamespace

import pytest

from regkit.cohort.kind import OutcomeView
from regkit.cohort.work import WatchedTask


class Drawn:
    def __init__(self, text):
        self.text = text

    def save(self, path):
        path.write_text(self.text)
        if self.text == "full":
            raise OSError("the disk")


def watched(picture, tmp_path):
    task = SimpleNamespace(introduction=(), notices=(), execute=lambda on_progress: "outcome")
    kind = SimpleNamespace(see=lambda outcome: OutcomeView({outcome: 1.0}, picture=picture))
    return WatchedTask(task, kind, tmp_path / "thumbnails" / "a.jpg")


def test_the_picture_is_there_once_the_task_is_done(tmp_path):
    task = watched(Drawn("seen"), tmp_path)
    assert task.execute(None) == "outcome"
    assert task.seen.numbers == {"outcome": 1.0}
    assert (tmp_path / "thumbnails" / "a.jpg").read_text() == "seen"


def test_a_picture_is_whole_or_absent(tmp_path):
    with pytest.raises(OSError, match="the disk"):
        watched(Drawn("full"), tmp_path).execute(None)
    assert not list((tmp_path / "thumbnails").iterdir())
