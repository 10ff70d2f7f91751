import errno
import os
import signal
from threading import Timer

import numpy as np
import pytest
import torch

from regkit import NotInvertibleError, ResourceError
from regkit.cli import main
from regkit.cli.exits import exit_code
from regkit.kernels.cpu import loops


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("x"), 1),
        (NotInvertibleError("it folds"), 2),
        (ResourceError("too big"), 4),
        (MemoryError(), 4),
        (torch.OutOfMemoryError("CUDA out of memory"), 4),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 PB"), 4),
        (OSError(errno.ENOSPC, "No space left on device"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_what_went_wrong_decides_the_exit_code(files, tmp_path, capsys, monkeypatch, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("regkit.runs.register.task.register", fail)
    out = tmp_path / "out"
    assert main(files.words("-o", out, "--quiet")) == code == exit_code(error)
    told = capsys.readouterr()
    assert told.out == ""
    assert not out.exists()
    assert ("Traceback" in told.err) == (code == 1)
    assert ("this is a bug in regkit, please report" in told.err) == (code == 1)
    if code != 1:
        assert len(told.err.splitlines()) == 1


def test_only_lack_of_space_makes_an_os_error_a_matter_of_resources():
    assert exit_code(OSError(errno.EDQUOT, "Quota exceeded")) == 4
    assert exit_code(OSError(errno.EACCES, "Permission denied")) == 1


def test_debug_shows_the_traceback_of_a_users_error(capsys):
    assert main(["info", "gone.nii", "--debug"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert "gone.nii" in told.splitlines()[-1]


def test_being_terminated_leaves_nothing(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "regkit.runs.register.task.register", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
    )
    assert main(files.words("-o", tmp_path / "out")) == 143
    assert "terminated; nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_heard_between_loops(files, tmp_path, capsys, monkeypatch, sign, code):
    """A loop in C++ hears none while it runs, which is for less than a second."""
    rounds = []

    def busy(*_, **__):
        timer = Timer(0.2, os.kill, (os.getpid(), sign))
        timer.start()
        image, taps = np.zeros((1, 100, 100, 100), np.float32), np.ones(9, np.float32)
        while len(rounds) < 10_000:
            loops.along_others(image, taps, taps, True, image)
            rounds.append(True)

    monkeypatch.setattr("regkit.runs.register.task.register", busy)
    monkeypatch.setattr(signal, "default_int_handler", signal.getsignal(signal.SIGINT))
    assert main(files.words("-o", tmp_path / "out", "--quiet")) == code
    assert 0 < len(rounds) < 10_000
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_signals_are_given_back():
    before = [signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGINT)]
    main(["--version"])
    assert [signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGINT)] == before
