"""`regkit denoise`: one noisy image in, one clean one out, and what was done beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from regkit.cli.options import (
    Debug,
    Device,
    Overwrite,
    Quiet,
    Threads,
)
from regkit.cli.read_options import takes_read_options

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_FILES, _NOISE, _LEARNING = "Further files", "Noise", "Learning"


@takes_read_options(without=("allow_shear", "padding", "channels"))
def denoise(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="2-D, 3-D, or 4-D.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The clean image; its record lies beside it.")
    ],
    model: Annotated[
        Path | None, typer.Option(help="Apply a trained model; nothing is learned.")
    ] = None,
    mask: Annotated[Path | None, typer.Option(help="Elsewhere the image stays as it is.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML with pictures.", rich_help_panel=_FILES)
    ] = None,
    residual: Annotated[
        Path | None, typer.Option(help="What was taken away.", rich_help_panel=_FILES)
    ] = None,
    uncertainty: Annotated[
        Path | None,
        typer.Option(help="Standard deviation that the noise leaves.", rich_help_panel=_FILES),
    ] = None,
    sigma_map: Annotated[
        Path | None, typer.Option(help="That of the noise, voxel by voxel.", rich_help_panel=_FILES)
    ] = None,
    save_model: Annotated[
        Path | None, typer.Option(help="What was learned, for --model.", rich_help_panel=_FILES)
    ] = None,
    noise: Annotated[
        Literal["auto", "gaussian", "rician", "poisson", "speckle"] | None,
        typer.Option(help="What kind; auto: gaussian or rician.", rich_help_panel=_NOISE),
    ] = None,
    sigma: Annotated[
        str,
        typer.Option(metavar="auto|VALUE|MAP", help="How strong it is.", rich_help_panel=_NOISE),
    ] = "auto",
    method: Annotated[
        Literal[
            "auto",
            "recorrupted",
            "blindspot",
            "noise2void",
            "noise2self",
            "neighbours",
            "diffusion",
        ]
        | None,
        typer.Option(help="How it learns.", rich_help_panel=_LEARNING),
    ] = None,
    frames: Annotated[
        Literal["together", "alone", "repeats"] | None,
        typer.Option(
            help="What the frames of a 4-D image lend each other; repeats: one comes out.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    preset: Annotated[
        Literal["fast", "default", "accurate"], typer.Option(rich_help_panel=_LEARNING)
    ] = "default",
    settings: Annotated[
        Path | None,
        typer.Option("--config", help="YAML that changes the preset.", rich_help_panel=_LEARNING),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Of training, over the preset.", rich_help_panel=_LEARNING)
    ] = None,
    device: Device = None,
    threads: Threads = None,
    seed: Annotated[int | None, typer.Option(rich_help_panel=_LEARNING)] = None,
    *,
    reading: ReadOptions,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take the noise out of IMAGE: a network learns from the image itself.

    All frames of a 4-D image are learned from together; --frames says what becomes of each.
    """
    from denoise.config import make_denoise_config
    from denoise.outputs import Outputs
    from regkit.io.settings import read_settings

    level, level_map = _sigma(sigma)
    config = make_denoise_config(
        preset, file=read_settings(settings) if settings else None, noise=noise, sigma=level,
        method=method, frames=frames, steps=steps, device=device, threads=threads, seed=seed,
    )  # fmt: skip
    outputs = Outputs(output, residual, uncertainty, sigma_map, report, save_model, overwrite)
    given = {"image": image, "mask": mask, "sigma": level_map, "model": model, "config": settings}
    inputs = {role: path for role, path in given.items() if path is not None}
    _run(config, outputs, inputs, reading, quiet)
    typer.echo(str(output))


def _run(
    config: Any,
    outputs: Any,
    inputs: dict[str, Path],
    reading: ReadOptions,
    quiet: bool,
) -> None:
    from denoise.pipeline import denoise_series
    from denoise.report.html import render
    from denoise.weights import read_method
    from regkit.cli.terminal import describe, say
    from regkit.io import open_frames, open_image, open_labels, read_header

    header = read_header(inputs["image"], reading)
    chosen = header.each_frame(reading)
    maps = replace(reading, frame=None, channel=None)
    count = 1 if config.frames == "repeats" else len(chosen)
    outputs.check(list(inputs.values()), count, header.grid)
    trained = read_method(inputs["model"])[0] if "model" in inputs else None
    frames = list(open_frames(header, reading))
    say(describe("image", frames[0], frames[0].name), quiet=quiet)
    results = denoise_series(
        frames,
        config,
        mask=open_labels(inputs["mask"], maps) if "mask" in inputs else None,
        sigma=open_image(inputs["sigma"], maps) if "sigma" in inputs else None,
        trained=trained,
        watch=lambda each: say(_line(each), quiet=quiet),
    )
    first = results[0]
    say(f"noise   {first.model.name}, sigma {first.model.level:.4g}", quiet=quiet)
    for note in first.notes:
        say(note, quiet=quiet)
    outputs.write(results, inputs, render, header.repetition)


def _sigma(word: str) -> tuple[float | None, Path | None]:
    """A number, a file, or neither."""
    if word == "auto":
        return None, None
    try:
        return float(word), None
    except ValueError:
        return None, Path(word)


def _line(health: Any) -> str:
    return (
        f"step {health.step:>6}  estimated error {100 * max(health.risk, 0) ** 0.5:.0f} % of sigma"
        f"  taken away {100 * health.residual:.0f} % of its variance"
    )
