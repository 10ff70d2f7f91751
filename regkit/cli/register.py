"""`regkit register`: the main job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.ahead import memory_for
from regkit.cli.option_group import takes
from regkit.cli.options import Device, Threads
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running
from regkit.cli.scene_options import SCENE_OPTIONS, SceneOptions
from regkit.errors import InputError
from regkit.losses.registry import FEATURES, names

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_IMAGES = "Images"
_METHOD = "Method"
Kind = Literal["rigid", "affine", "deformable", "translation", "local"]
_Modality = Literal["auto", "ct", "cbct", "mr", "pet", "optical", "sar", "other"]
_Refine = Literal["field", "weights", "none"]
_Preset = Literal["fast", "default", "accurate"]


@takes(READING, SCENE_OPTIONS, RUNNING.without("record"))
def register(
    fixed: Annotated[
        Path, typer.Argument(metavar="FIXED", help="Fixed image: results are written on its grid.")
    ],
    moving: Annotated[
        Path, typer.Argument(metavar="MOVING", help="Moving image: it is aligned with FIXED.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the results (default: MOVING_to_FIXED)"),
    ] = None,
    fixed_with: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another contrast of fixed on the same grid, compared as well; repeatable.",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    moving_with: Annotated[
        list[Path] | None,
        typer.Option(
            help="The same contrast of moving, one for each --fixed-with.", rich_help_panel=_IMAGES
        ),
    ] = None,
    fixed_mask: Annotated[
        Path | None,
        typer.Option(help="Mask of fixed: voxels above 0 count.", rich_help_panel=_IMAGES),
    ] = None,
    moving_mask: Annotated[
        Path | None,
        typer.Option(help="Mask of moving: voxels above 0 count.", rich_help_panel=_IMAGES),
    ] = None,
    moving_labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="Label map of moving to warp as well; repeatable.", rich_help_panel=_IMAGES
        ),
    ] = None,
    fixed_labels: Annotated[
        Path | None,
        typer.Option(
            help="Label map of fixed, compared with the first --moving-labels.",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    dice: Annotated[
        float | None,
        typer.Option(
            metavar="WEIGHT",
            help="Let the labels guide the registration; 1 weighs about as much as the images "
            "(default: 0, labels are only compared)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    landmarks: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="FIXED MOVING",
            help="The same landmarks in both images, in one order: two files.",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    landmark_weight: Annotated[
        float | None,
        typer.Option(
            metavar="WEIGHT",
            help="Let the landmarks guide the registration; 1 weighs about as much as the voxels "
            "around each (default: 1 where the field engine runs, else 0, landmarks are only "
            "measured)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    transform: Annotated[
        Kind | None,
        typer.Option(
            help="Kind of transform (default: deformable; local for scenes)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="auto|header|centers|moments|FILE",
            help="Initial transform: a rule or a file (default: auto)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(
            metavar="PROGRAM",
            help="Program that wrote the file of --init, where that is not clear: fsl, greedy ...",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    similarity: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(("auto", *names(), f"{FEATURES}NAME")),
            help="Similarity, or a weighted sum such as features:NAME+0.5*lncc2 (default: auto)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep the features of features:NAME here for the next run; for features: {mode: "
            "static, noise: none} in --config.",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    channel_weights: Annotated[
        str | None,
        typer.Option(
            metavar="W,W",
            help="Weight of each channel, such as 2,1 (default: all the same)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    modality: Annotated[
        _Modality | None,
        typer.Option(
            help="Modality, for the scaling of intensities (default: auto)", rich_help_panel=_METHOD
        ),
    ] = None,
    moving_modality: Annotated[
        _Modality | None,
        typer.Option(help="Modality of moving where it differs", rich_help_panel=_METHOD),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|auto",
            help="Network that runs first: small (part of regkit), installed weights, a weights "
            "file, or auto for the best installed",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    refine: Annotated[
        _Refine | None,
        typer.Option(
            help="Refinement of the network's result (default: field)", rich_help_panel=_METHOD
        ),
    ] = None,
    *,
    scene: SceneOptions,
    preset: Annotated[
        _Preset, typer.Option(help="Trade speed for accuracy.", rich_help_panel=_METHOD)
    ] = "default",
    config: Annotated[
        Path | None,
        typer.Option(help="YAML file whose settings override the preset.", rich_help_panel=_METHOD),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Random seed; the same seed gives the same bytes (default: 0)",
            rich_help_panel=_METHOD,
        ),
    ] = None,
    reading: ReadOptions,
    device: Device = None,
    threads: Threads = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with 5 if the quality of the result is fail; results are still written.",
            rich_help_panel="Running",
        ),
    ] = False,
    running: Running,
) -> None:
    """Align MOVING with FIXED and write the result as one folder.

    The folder holds the warped image, both transforms, the Jacobian, a report and run.json. Two
    GeoTIFF scenes are registered by tie points: the folder then holds the warped scene, transform,
    displacement and tie points.

    Example: regkit register fixed.nii.gz moving.nii.gz -o out

    Example: regkit register reference.tif scene.tif -o out
    """
    with memory_for((fixed, moving)):
        from regkit.cli.exits import UNFIT
        from regkit.cli.model import chosen_model
        from regkit.runs.register.making import as_weights, make_register_job, split_init
        from regkit.runs.register.paths import Paths
        from regkit.runs.scenes.recognition import are_scenes

    if are_scenes(fixed, moving):
        from regkit.runs.scenes.job import make_scene_job

        others = {
            "--fixed-with": fixed_with, "--moving-with": moving_with, "--fixed-mask": fixed_mask,
            "--moving-mask": moving_mask, "--moving-labels": moving_labels, "--dice": dice,
            "--fixed-labels": fixed_labels, "--init": init, "--init-from": init_from,
            "--channel-weights": channel_weights,
            "--model": model, "--refine": refine, "--strict": strict, "--landmarks": landmarks,
            "--landmark-weight": landmark_weight, "--cache": cache,
            "--preset": preset != "default",
        }  # fmt: skip
        _refuse(others, "is not for scenes on the earth; leave it out")
        scene_job = make_scene_job(
            fixed, moving, output, file=config,
            options={
                "transform": transform, "similarity": similarity, "modality": modality,
                "moving_modality": moving_modality, "max_shift": scene.max_shift,
                "window": scene.window, "seed": seed,
            },
            masks=tuple(scene.mask or ()), keep_resolution=scene.keep_resolution,
            shift_only=scene.shift_only, stac=scene.stac,
            overwrite=running.replaces, reading=reading, full_paths=running.full_paths,
        )  # fmt: skip
        running.carry_out(scene_job)
        return
    _refuse(
        {f"--{name.replace('_', '-')}": value for name, value in asdict(scene).items()},
        "is for two scenes on the earth (GeoTIFF with a CRS); leave it out",
    )
    network, told = chosen_model(model)
    rule, start = split_init(init)
    paths = Paths(
        fixed, moving, fixed_mask, moving_mask, fixed_labels, tuple(moving_labels or ()), start,
        tuple(fixed_with or ()), tuple(moving_with or ()), *(landmarks or ()),
    )  # fmt: skip
    options = {
        "transform": transform,
        "init": rule,
        "similarity": similarity,
        "channel_weights": as_weights(channel_weights),
        "modality": modality,
        "moving_modality": moving_modality,
        "model": network,
        "refine": refine,
        "dice": dice,
        "landmark_weight": landmark_weight,
        "device": device,
        "threads": threads,
        "seed": seed,
        "features": cache and {"cache": cache},
    }
    job = make_register_job(
        paths,
        output,
        preset=preset,
        file=config,
        options=options,
        overwrite=running.replaces,
        reading=reading,
        full_paths=running.full_paths,
        init_program=init_from,
    )
    more = [told] if told else []
    done = running.carry_out(job, more=more)
    if strict and done is not None and done.record["quality"]["verdict"] == "fail":
        raise typer.Exit(UNFIT)


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would have no effect."""
    for name, value in given.items():
        if value:
            raise InputError(f"{name} {why}")
