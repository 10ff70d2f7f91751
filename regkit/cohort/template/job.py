"""TemplateJob: what a template is going to be made of, before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from regkit.cohort.start import Workplace
from regkit.cohort.template.headers import GroupHeaders, read_group
from regkit.cohort.template.names import member_names, output_names
from regkit.cohort.template.task import TemplateTask
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.io import ReadOptions, open_image
from regkit.registration.config import RegisterConfig, as_asked, make_config
from regkit.registration.devices import resolve_device
from regkit.registration.template import TemplateSettings
from regkit.registration.template_start import measure_member
from regkit.runs import Folder, InputFile, Needs
from regkit.runs.record import reading_of
from regkit.settings import validate

_ROLE = "image"


@dataclass(frozen=True)
class TemplateJob:
    """The template of a group: what `regkit template` runs.

    Parameters
    ----------
    images
        The files of the group, two or more; their order decides nothing.
    folder
        Where the results go.
    settings
        What decides the template beside its images.
    preset
        The name of the one that ``config`` began from.
    config
        How an image is registered to the template.
    reading
        How images are read.
    place
        Where the registrations run, which decides nothing but the threads of each.
    overwrite
        Replace results that are there.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "template"

    images: tuple[Path, ...]
    folder: Path
    template: TemplateSettings
    preset: str
    config: RegisterConfig
    reading: ReadOptions
    place: Workplace = field(default_factory=Workplace)
    overwrite: bool = False
    full_paths: bool = False

    @property
    def names(self) -> list[str]:
        """What each image is called in the results."""
        return member_names(self.images)

    @property
    def threads(self) -> int:
        """Of each registration: one if the user says nothing, as another number changes bits."""
        return self.place.threads or 1

    @property
    def outputs(self) -> Folder:
        """One folder, the record last."""
        return Folder(self.folder, output_names(self.names), self.overwrite)

    def inputs(self) -> tuple[InputFile, ...]:
        """Every image."""
        return tuple(InputFile(_ROLE, path, self.full_paths) for path in self.images)

    def settings(self) -> dict[str, Any]:
        """Settings as they were given, how files are read, and the threads of a registration."""
        asked = {
            "template": self.template.model_dump(mode="json"),
            "register": as_asked(self.config),
            "threads": self.threads,
        }
        return {"asked": asked, "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """Preset and settings."""
        config = {
            **self.template.model_dump(mode="json"),
            "register": self.config.model_dump(mode="json"),
        }
        return {"preset": self.preset, "config": config}

    def check(self) -> None:
        """Refuse a group of fewer than two images, or one that could not be registered.

        Raises
        ------
        InputError
            Saying what is missing.
        """
        require("distributed", extra="cohort")
        if len(self.images) < 2:
            raise InputError(
                f"a template needs at least 2 images, and {len(self.images)} is given; name more "
                "images, a folder of them, or a table with a column 'image'"
            )
        resolve_device(self.config.device)
        if self.config.dice:
            raise InputError(f"dice {self.config.dice:g} needs labels; leave the option out")

    def look(self) -> TemplateSurvey:
        """Read the headers of all images."""
        return TemplateSurvey(self, read_group(self.images, self.reading))


@dataclass(frozen=True)
class TemplateSurvey:
    """A group whose images have been looked at."""

    job: TemplateJob
    headers: GroupHeaders

    def needs(self) -> Needs:
        """Memory and disk, by the headers alone."""
        return self.headers.needs(self.job.config, self.job.template.voxel)

    def open(self) -> TemplateTask:
        """Read every image once, to see whether it can be registered and where its body lies."""
        order = sorted(range(len(self.job.images)), key=self._digest)
        modality = self.job.config.modality
        members = [measure_member(open_image(self.headers.images[n]), modality) for n in order]
        return TemplateTask(self.job, self.headers, tuple(order), tuple(members))

    def _digest(self, number: int) -> tuple[str, str]:
        """What brings images into one order, however they are given."""
        path = self.job.images[number]
        return sha256(path), self.job.names[number]


def make_template_job(
    images: Sequence[Path],
    folder: Path,
    *,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
    place: Workplace,
    overwrite: bool = False,
    full_paths: bool = False,
) -> TemplateJob:
    """Settle the settings of a template, reading no image.

    Parameters
    ----------
    images
        The files of the group.
    folder
        Where the results go.
    options
        ``preset``, settings of a registration, and how images are read, by their names.
    settings
        Of :class:`regkit.registration.template.TemplateSettings`; those that are None are not set.
    place
        Where the registrations run.
    overwrite
        Replace results that are there.
    full_paths
        Show the folders of the inputs.

    Raises
    ------
    InputError
        If an option is unknown or not allowed.
    """
    from regkit.cohort.reading import split_reading

    asked, reading = split_reading(options)
    preset = asked.pop("preset", "default")
    chosen = {name: value for name, value in settings.items() if value is not None}
    return TemplateJob(
        tuple(images), folder, validate(TemplateSettings, chosen, "option"), preset,
        make_config(preset, file=asked), reading, place, overwrite, full_paths,
    )  # fmt: skip


def template_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> TemplateJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record
        The ``run.json`` of a template, as it was read.
    inputs
        The files that it names, where they are now.
    folder
        Where the outputs go.

    Raises
    ------
    InputError
        If its settings are not settings, or its inputs not those of a group.
    """
    asked = record["asked"]
    if any(each.role != _ROLE for each in inputs) or not {"template", "register"} <= set(asked):
        raise InputError("the record must name the images of a group alone; it is damaged")
    return TemplateJob(
        tuple(each.path for each in inputs),
        folder,
        validate(TemplateSettings, asked["template"], "template:"),
        str(record.get("preset")),
        make_config(file=asked["register"]),
        reading_of(record),
        Workplace(threads=asked.get("threads")),
        full_paths=any(each.full_path for each in inputs),
    )
