"""DenoiseJob: what `regkit denoise` is going to do, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from denoise.config import DenoiseConfig
from denoise.execution import DenoiseTask, open_denoise_task
from denoise.memory import denoising_memory, denoising_space
from regkit.errors import InputError
from regkit.io import ReadOptions, check_holds, check_output, read_header
from regkit.io.formats.table import writer
from regkit.io.header import Header
from regkit.io.names import extension
from regkit.io.options import AS_STORED
from regkit.registration.devices import resolve_device
from regkit.runs import Files, InputFile, Needs
from regkit.runs.record import reading_of
from regkit.settings import validate

# What is written, and in this order; those that are images.
ROLES = ("image", "residual", "uncertainty", "sigma", "report", "model", "record")
_IMAGES = ROLES[:4]
_INPUTS = ("image", "mask", "sigma", "model")


@dataclass(frozen=True)
class DenoiseJob:
    """One denoising.

    Parameters
    ----------
    image
        The noisy image, 2-D, 3-D or 4-D.
    config
        All settings.
    outputs
        Files by the names in ``ROLES``; see :func:`output_files`.
    mask, sigma
        Maps on the grid of the image: where it is denoised, and the standard deviation of its
        noise.
    model
        Trained weights; without them a network learns from the image.
    reading
        How images are read.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "denoise"

    image: Path
    config: DenoiseConfig
    outputs: Files
    mask: Path | None = None
    sigma: Path | None = None
    model: Path | None = None
    reading: ReadOptions = AS_STORED
    full_paths: bool = False

    def inputs(self) -> list[InputFile]:
        """Every file that is read."""
        given = [(role, getattr(self, role)) for role in _INPUTS]
        return [InputFile(role, path, self.full_paths) for role, path in given if path is not None]

    def settings(self) -> dict[str, Any]:
        """The settings, and how files are read."""
        return {"asked": self.config.model_dump(mode="json"), "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """All settings."""
        return {"config": self.config.model_dump(mode="json")}

    def check(self) -> None:
        """Refuse what could not be carried out, opening no file.

        Raises
        ------
        InputError
            If the device is not there, or an output is of a kind that cannot be written.
        """
        resolve_device(self.config.device)
        for path in self.image_outputs():
            writer(path)

    def look(self) -> DenoiseSurvey:
        """Read the header of the image, and see whether the outputs can hold what comes out.

        Raises
        ------
        InputError
            If they cannot, or the header cannot be trusted.
        """
        header = read_header(self.image, self.reading)
        frames = len(header.each_frame(self.reading))
        count = 1 if self.config.frames == "repeats" else frames
        for path in self.image_outputs():
            check_output(path, overwrite=self.outputs.overwrite, frames=count)
            check_holds(path, header.grid, "float32")
        return DenoiseSurvey(self, header, frames)

    def image_outputs(self) -> list[Path]:
        """Those of the outputs that are images."""
        return [path for role, path in self.outputs.paths if role in _IMAGES]


@dataclass(frozen=True)
class DenoiseSurvey:
    """A denoising whose image has been looked at."""

    job: DenoiseJob
    header: Header
    frames: int

    def needs(self) -> Needs:
        """Memory and disk, by the header alone."""
        shape, config = self.header.grid.shape, self.job.config
        return Needs(
            denoising_memory(shape, self.frames, config),
            denoising_space(shape, self.frames, len(self.job.image_outputs())),
            f"{self.header.name} ({'x'.join(map(str, shape))})",
            "use --frame, an image with fewer voxels, or smaller `widths` in --config",
        )

    def open(self) -> DenoiseTask:
        """Read and check every file."""
        job = self.job
        maps = replace(job.reading, frame=None, channel=None, padding=None)
        return open_denoise_task(
            self.header,
            job.config,
            job.reading,
            maps=maps,
            mask=job.mask,
            sigma=job.sigma,
            model=job.model,
            full_paths=job.full_paths,
        )


def output_files(paths: Mapping[str, Path | None], *, overwrite: bool) -> Files:
    """Name the outputs of a denoising, with the record beside the image.

    Parameters
    ----------
    paths
        By the names in ``ROLES``; those that are None are not written. ``record`` is made from
        ``image``: ``clean.json`` beside ``clean.nii.gz``.
    overwrite
        Replace what is there.

    Raises
    ------
    InputError
        If the image has no name.

    Examples
    --------
    >>> output_files({"image": Path("clean.nii.gz")}, overwrite=False).record.name
    'clean.json'
    """
    image = paths["image"]
    if image is None:
        raise InputError("a denoised image needs a name; give --output")
    record = image.with_name(image.name.removesuffix(extension(image)) + ".json")
    given = {**paths, "record": record}
    found = [(role, path) for role in ROLES if (path := given.get(role)) is not None]
    return Files(tuple(found), overwrite)


def denoise_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> DenoiseJob:
    """Make the denoising that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its settings are not settings, or its inputs or outputs not those of one denoising.
    """
    found = {each.role: each.path for each in inputs}
    if "image" not in found or not set(found) <= set(_INPUTS) or len(found) < len(inputs):
        raise InputError("the record must name one image; it is damaged")
    return DenoiseJob(
        config=validate(DenoiseConfig, record["asked"], "option"),
        outputs=_files_again(record["outputs"]).moved(folder),
        reading=reading_of(record),
        full_paths=any(each.full_path for each in inputs),
        **found,
    )


def _files_again(outputs: Any) -> Files:
    """The outputs that a record names, by their base names."""
    named = outputs if isinstance(outputs, dict) else {}
    wrong = [r for r, name in named.items() if r not in ROLES or Path(str(name)).name != name]
    if wrong or not {"image", "record"} <= set(named):
        raise InputError(f"the record may have {', '.join(ROLES)} under 'outputs'; it is damaged")
    return Files(tuple((role, Path(named[role])) for role in ROLES if role in named))
