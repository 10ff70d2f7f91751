"""`regkit denoise`: one noisy image in, one clean one out, and what was done beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.option_group import takes
from regkit.cli.options import Device, Threads
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_FILES, _NOISE, _LEARNING = "Further files", "Noise", "Learning"


@takes(READING.without("allow_shear", "padding", "channels"), RUNNING.without("record"))
def denoise(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Noisy image, 2-D, 3-D or 4-D.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Denoised image to write; its record goes beside it."),
    ],
    model: Annotated[
        Path | None, typer.Option(help="Apply this trained model instead of training one.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Denoise only where this mask is above 0.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write an HTML report with pictures.", rich_help_panel=_FILES),
    ] = None,
    residual: Annotated[
        Path | None,
        typer.Option(help="Write what was removed: noisy minus denoised.", rich_help_panel=_FILES),
    ] = None,
    uncertainty: Annotated[
        Path | None,
        typer.Option(
            help="Write the standard deviation that remains per voxel.", rich_help_panel=_FILES
        ),
    ] = None,
    sigma_map: Annotated[
        Path | None,
        typer.Option(
            help="Write the estimated noise standard deviation per voxel.", rich_help_panel=_FILES
        ),
    ] = None,
    save_model: Annotated[
        Path | None,
        typer.Option(help="Write the trained model, for --model.", rich_help_panel=_FILES),
    ] = None,
    noise: Annotated[
        Literal["auto", "gaussian", "rician", "poisson", "speckle"] | None,
        typer.Option(help="Noise model; auto chooses gaussian or rician.", rich_help_panel=_NOISE),
    ] = None,
    sigma: Annotated[
        str,
        typer.Option(
            metavar="auto|VALUE|MAP",
            help="Noise standard deviation: a value or a map.",
            rich_help_panel=_NOISE,
        ),
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
        typer.Option(help="Training method.", rich_help_panel=_LEARNING),
    ] = None,
    frames: Annotated[
        Literal["together", "alone", "repeats"] | None,
        typer.Option(
            help="Combination of 4-D frames: together (weighted with the others), alone, or "
            "repeats (one averaged image).",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    preset: Annotated[
        Literal["fast", "default", "accurate"],
        typer.Option(help="Trade speed for accuracy.", rich_help_panel=_LEARNING),
    ] = "default",
    settings: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="YAML file whose settings override the preset.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Training steps; overrides the preset.", rich_help_panel=_LEARNING),
    ] = None,
    from_scratch: Annotated[
        bool | None,
        typer.Option(
            "--from-scratch",
            help="Learn from the image alone, without the start that comes with regkit.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    device: Device = None,
    threads: Threads = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Random seed (default: 0)", rich_help_panel=_LEARNING),
    ] = None,
    *,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Denoise an image without clean training data.

    A network is trained on IMAGE itself, on all frames of a 4-D image at once; where one fits, it
    goes on from a network that comes with regkit.

    Example: regkit denoise noisy.nii.gz -o clean.nii.gz --report report.html
    """
    from denoise.config import make_denoise_config
    from denoise.job import DenoiseJob, output_files
    from regkit.io import refuse_overwriting_inputs
    from regkit.io.settings import read_settings

    level, level_map = _sigma(sigma)
    config = make_denoise_config(
        preset, file=read_settings(settings) if settings else None, noise=noise, sigma=level,
        method=method, frames=frames, steps=steps, from_scratch=from_scratch, device=device,
        threads=threads, seed=seed,
    )  # fmt: skip
    named = {
        "image": output, "residual": residual, "uncertainty": uncertainty, "sigma": sigma_map,
        "report": report, "model": save_model,
    }  # fmt: skip
    outputs = output_files(named, overwrite=running.replaces)
    refuse_overwriting_inputs(outputs.places().values(), [settings] if settings else [])
    job = DenoiseJob(
        image, config, outputs, mask=mask, sigma=level_map, model=model, reading=reading,
        full_paths=running.full_paths,
    )  # fmt: skip
    running.carry_out(job)


def _sigma(word: str) -> tuple[float | None, Path | None]:
    """A number, a file, or neither."""
    if word == "auto":
        return None, None
    try:
        return float(word), None
    except ValueError:
        return None, Path(word)
