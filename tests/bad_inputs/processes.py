"""Runs in processes of their own, that one can stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

CODE = "import sys; from regkit.cli import main; sys.exit(main())"
FEW = "linear: {spacings: [6.0], iterations: 3}\nfield: {factors: [2], iterations: [3]}\n"
RESULTS = ("warped.nii.gz", "transform.h5", "inverse.h5", "jacobian.nii.gz")


class Child(subprocess.Popen):
    """A process that does not outlive a test that fails."""

    def __exit__(self, kind, *more):
        if kind is not None:
            self.kill()
        return super().__exit__(kind, *more)


def start(words, **options) -> Child:
    """The command line, one thread, its outputs kept."""
    own = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    return Child(
        [sys.executable, "-c", options.pop("code", CODE), *map(str, words)],
        env=environment,
        preexec_fn=_listen,
        **{**own, **options},
    )


def _listen() -> None:
    """A shell lets what runs in its background ignore an interrupt, and all its children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def short(place, *more) -> list[object]:
    """A registration that takes a second."""
    settings = place.inputs / "few.yaml"
    settings.write_text(FEW)
    return [*place.run, "--config", settings, "--threads", "1", *more]


def results(folder: Path) -> dict[str, bytes]:
    """What two runs with the same seed have in common."""
    return {name: (folder / name).read_bytes() for name in RESULTS}
