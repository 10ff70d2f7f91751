from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from regkit.cli.config_command import ConfigCommand

app = typer.Typer()


@app.command(cls=ConfigCommand)
def study(config: Path, output: Path = Path("out"), workers: int = 1) -> None:
    typer.echo(f"{config} {output} {workers}")


@pytest.mark.parametrize(
    "words",
    [
        ["a.yaml", "--output", "b", "--workers", "2"],
        ["--config", "a.yaml", "--output", "b", "--workers", "2"],
        ["--output", "b", "-c", "a.yaml", "--workers", "2"],
        ["--output", "b", "--workers", "2", "--config=a.yaml"],
    ],
)
def test_the_file_may_be_named(words):
    assert CliRunner().invoke(app, words).output.split() == ["a.yaml", "b", "2"]


def test_a_file_is_needed():
    assert CliRunner().invoke(app, ["--workers", "2", "--config"]).exit_code == 2
