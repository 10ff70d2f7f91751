"""What is written at the end of a run, and what is left when that fails."""

import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from regkit import ResourceError
from regkit.cli import main
from regkit.io import ReadOptions
from regkit.registration.config import make_config
from regkit.runs import run
from regkit.runs.register.job import RegisterJob
from regkit.runs.register.outcome import quantize_determinants
from regkit.runs.register.paths import Paths


def test_shortened_determinants_are_near_and_fold_where_they_did(head):
    noise = torch.randn(head.data.shape, generator=torch.Generator().manual_seed(0))
    noise[0, 0, 0, :4] = torch.tensor([1e-6, -1e-6, 0.0, 4e-4])
    found = quantize_determinants(head.with_data(noise)).data
    assert (found - noise).abs().max() <= 2.0**-11
    assert torch.equal(found <= 0, noise <= 0)
    assert found.dtype == torch.float32
    assert found.unique().numel() < 0.9 * noise.unique().numel()


@pytest.mark.parametrize(
    "writer",
    [
        "report.write_page",
        "runs.register.outcome.write_transform",
        "runs.register.outcome.save",
    ],
)
def test_one_file_that_fails_leaves_none(files, tmp_path, capsys, monkeypatch, writer):
    def full(*_args, **_kwargs):
        raise ResourceError("disk: no space left to write")

    monkeypatch.setattr(f"regkit.{writer}", full)
    assert main(files.words("-o", tmp_path / "out", "--transform", "rigid", "--quiet")) == 4
    assert capsys.readouterr().err.strip() == "regkit: error: disk: no space left to write"
    assert not list(tmp_path.iterdir())


def test_an_interruption_while_writing_leaves_nothing(files, tmp_path, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("regkit.runs.writing.as_completed", interrupted)
    assert main(files.words("-o", tmp_path / "out", "--transform", "rigid", "--quiet")) != 0
    assert not list(tmp_path.iterdir())


IN_ANOTHER = """
import pickle, sys
from regkit.runs import run
pickle.dump(run(pickle.load(sys.stdin.buffer)), sys.stdout.buffer)
"""


def test_a_registration_runs_in_another_process_and_says_the_same(files, tmp_path):
    paths = Paths(files.fixed, files.moving)
    config = make_config(file={"transform": "rigid", "threads": 1, "linear": {"iterations": 5}})
    here = RegisterJob(paths, tmp_path / "here", "default", config, False, ReadOptions())
    there = replace(here, folder=tmp_path / "there")
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER], input=pickle.dumps(there), capture_output=True,
        check=True,
    )  # fmt: skip
    found, mine = pickle.loads(done.stdout), run(here)  # noqa: S301  what this test itself pickled
    for name in ("kind", "inputs", "asked", "config", "reading", "versions"):
        assert found.record[name] == mine.record[name], name
    for name in ("quality", "metrics"):
        assert_near(found.record[name], mine.record[name])
    assert found.record["sha256"].keys() == mine.record["sha256"].keys()
    assert found.summary[1] == mine.summary[1]


def assert_near(one, other):
    """Sums over memory that lies otherwise differ in their last bits."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list):
        assert len(one) == len(other)
        for each, its in zip(one, other, strict=True):
            assert_near(each, its)
    else:
        assert one == (pytest.approx(other, rel=1e-4) if isinstance(other, float) else other)
