"""What is written at the end of a run, and what is left when that fails."""

import pytest
import torch

from regkit import ResourceError
from regkit.cli import main
from regkit.cli.run import shortened


def test_shortened_determinants_are_near_and_fold_where_they_did(head):
    noise = torch.randn(head.data.shape, generator=torch.Generator().manual_seed(0))
    noise[0, 0, 0, :4] = torch.tensor([1e-6, -1e-6, 0.0, 4e-4])
    found = shortened(head.with_data(noise)).data
    assert (found - noise).abs().max() <= 2.0**-11
    assert torch.equal(found <= 0, noise <= 0)
    assert found.dtype == torch.float32
    assert found.unique().numel() < 0.9 * noise.unique().numel()


@pytest.mark.parametrize(
    "writer", ["report.html.write_report", "cli.run.write_transform", "cli.run.save"]
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

    monkeypatch.setattr("regkit.cli.run.as_completed", interrupted)
    assert main(files.words("-o", tmp_path / "out", "--transform", "rigid", "--quiet")) != 0
    assert not list(tmp_path.iterdir())
