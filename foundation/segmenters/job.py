"""SegmentJob: one structure of one image, by a model that is told by prompts what to segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from foundation.prompts import Box, Prompts
from foundation.segmenters.prompt_files import (
    PromptFiles,
    PromptHeaders,
    SignedPlace,
    point_prompt,
    scribble,
    signed_places,
)
from foundation.segmenters.registry import check_segmenter, open_segmenter
from foundation.segmenters.segmenter import Segmentation, Segmenter
from regkit.errors import InputError
from regkit.io import (
    ReadOptions,
    check_output,
    open_image,
    preflight,
    save,
)
from regkit.io.header import Header
from regkit.io.names import extension
from regkit.io.options import AS_STORED
from regkit.io.sizes import product
from regkit.runs import Files, InputFile, Needs, OnProgress, Progress
from regkit.runs.record import reading_of
from regkit.volume import Volume

_FEW, _BYTES_A_VOXEL = 512 << 20, 40  # a small network, and image, prompts and result
_ROLES = ("segmentation", "probability", "record")
Coordinates = tuple[float, ...]


@dataclass(frozen=True)
class AskedPrompts:
    """Prompts as a command gives them.

    Parameters
    ----------
    inside, outside
        Places in the structure, and places that are not, RAS+ world units.
    boxes
        Lower and upper corner of each box, one after the other, RAS+ world units.
    classes, text
        Names of the structure.
    """

    inside: tuple[Coordinates, ...] = ()
    outside: tuple[Coordinates, ...] = ()
    boxes: tuple[Coordinates, ...] = ()
    classes: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def places(self) -> list[SignedPlace]:
        """List the places inside, then those outside."""
        return [(p, True) for p in self.inside] + [(p, False) for p in self.outside]

    def check(self, ndim: int) -> None:
        """Refuse places that do not have ``ndim`` coordinates, and boxes that have not twice them.

        Raises
        ------
        InputError
            Naming the place.
        """
        for what, places, wanted in (
            ("point", (*self.inside, *self.outside), ndim),
            ("box", self.boxes, 2 * ndim),
        ):
            for place in places:
                if len(place) != wanted:
                    raise InputError(
                        f"{what} {','.join(f'{x:g}' for x in place)} has {len(place)} numbers; in "
                        f"a {ndim}-D image give {wanted}"
                    )


@dataclass(frozen=True)
class SegmentJob:
    """A run of `regkit segment`.

    Parameters
    ----------
    image
        What is segmented.
    model
        ``NAME`` or ``NAME=PATH`` of a segmenter.
    output
        The file of the segmentation; its record lies beside it.
    prompts
        What the command itself says of the structure.
    files
        What says more.
    probability
        A file of probabilities, where one is wanted.
    reading
        How images are read.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "segment"

    image: Path
    model: str
    output: Path
    prompts: AskedPrompts = field(default_factory=AskedPrompts)
    files: PromptFiles = field(default_factory=PromptFiles)
    probability: Path | None = None
    reading: ReadOptions = AS_STORED
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Files:
        """The segmentation, the probability where it is wanted, and the record."""
        record = self.output.with_name(
            self.output.name.removesuffix(extension(self.output)) + ".json"
        )
        places = zip(_ROLES, (self.output, self.probability, record), strict=True)
        return Files(
            tuple((role, place) for role, place in places if place is not None), self.overwrite
        )

    def inputs(self) -> list[InputFile]:
        """List the image and the files of prompts."""
        given = [("image", self.image), *self.files.roles()]
        return [InputFile(role, path, self.full_paths) for role, path in given]

    def settings(self) -> dict[str, Any]:
        """Return what is asked, and how files are read."""
        return {"asked": self.plan(), "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """Return the model and the prompts."""
        return {"model": self.model, **asdict(self.prompts)}

    def check(self) -> None:
        """Refuse a model that nobody has, and names that no format writes."""
        check_segmenter(self.model)
        for path in (self.output, self.probability):
            if path is not None:
                check_output(path, overwrite=self.overwrite)

    def look(self) -> SegmentSurvey:
        """Read the headers of all images."""
        image = preflight(self.image, self.reading)
        self.prompts.check(image.grid.ndim)
        return SegmentSurvey(self, image, self.files.look())


@dataclass(frozen=True)
class SegmentSurvey:
    """An image and files of prompts whose headers have been looked at."""

    job: SegmentJob
    image: Header
    given: PromptHeaders

    def needs(self) -> Needs:
        """Estimate the memory of the images; that of a large model is its own."""
        voxels = product(self.image.grid.shape)
        return Needs(_FEW + _BYTES_A_VOXEL * voxels, of=self.image.name)

    def open(self) -> SegmentTask:
        """Open the model, the image and the prompts."""
        model = open_segmenter(self.job.model)
        prompts = self._prompts()
        model.capabilities.check(prompts, model.name)
        return SegmentTask(model, open_image(self.image), prompts, notices=_notices(model))

    def _prompts(self) -> Prompts:
        asked, files, ndim = self.job.prompts, self.job.files, self.image.grid.ndim
        return Prompts(
            points=point_prompt([*asked.places(), *_places_of(files.points)]),
            boxes=tuple(Box(box[:ndim], box[ndim:]) for box in asked.boxes),
            scribbles=tuple(map(scribble, files.scribbles)),
            mask=self.given.open_mask(),
            text=asked.text,
            classes=asked.classes,
            support=self.given.open_examples(),
            previous=self.given.open_previous(),
        )


def _notices(model: Segmenter) -> tuple[str, ...]:
    about = model.capabilities
    if not about.trained:
        return (f"{model.name} has random weights: what it returns is no segmentation",)
    return (f"{model.name} {about.caution}",) if about.caution else ()


def _places_of(file: Path | None) -> list[SignedPlace]:
    return [] if file is None else signed_places(file)


@dataclass(frozen=True, eq=False)
class SegmentTask:
    """A model, an image and prompts in memory."""

    model: Segmenter
    image: Volume
    prompts: Prompts
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> SegmentOutcome:
        """Show the model the image, and ask it."""
        self.model.set_image(self.image)
        on_progress(Progress("image", 0.5))
        found = self.model.segment(self.prompts)
        on_progress(Progress("segmentation", 1.0))
        return SegmentOutcome(found, self.model.capabilities.weights)


@dataclass(frozen=True, eq=False)
class SegmentOutcome:
    """What was found, and the SHA-256 of the weights that found it, "" where there are none."""

    found: Segmentation
    weights: str = ""

    @property
    def _volume(self) -> float:
        return float(self.found.mask.data.sum()) * self.found.mask.grid.voxel_volume

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the size of the structure, the weights and what the model did, for the record."""
        unit = self.found.mask.grid.world.unit
        return {
            "voxels": int(self.found.mask.data.sum()), "volume": self._volume,
            "unit": f"{unit}^{self.found.mask.ndim}", "weights": self.weights,
            "details": dict(self.found.details),
        }  # fmt: skip

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the mask, and the probability where it is wanted."""
        save(self.found.mask, places["segmentation"])
        if "probability" in places:
            save(self.found.probability, places["probability"])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a line that says how large the structure is, or that there is none."""
        if not record["voxels"]:
            return ("The model found nothing; give another prompt.",)
        return (f"{record['voxels']} voxels, {record['volume']:.4g} {record['unit']}",)


def segment_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> SegmentJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its settings, inputs or outputs are not those of a segmentation.
    """
    asked, outputs = dict(record["asked"]), record["outputs"]
    paths = {each.role: each.path for each in inputs}
    names = [outputs.get(role) for role in _ROLES] if isinstance(outputs, dict) else []
    wrong = any(n is not None and Path(str(n)).name != n for n in names)
    if not names or names[0] is None or wrong or "image" not in paths or "model" not in asked:
        raise InputError("the record must name a model, an image and a result; it is damaged")
    model = str(asked.pop("model"))
    try:
        prompts = AskedPrompts(**{name: _frozen(value) for name, value in asked.items()})
    except TypeError as error:
        raise InputError(f"the record asks for what is no prompt: {error}") from error
    return SegmentJob(
        paths["image"], model, folder / names[0], prompts, PromptFiles.of(paths),
        None if names[1] is None else folder / names[1], reading_of(record),
        full_paths=any(each.full_path for each in inputs),
    )  # fmt: skip


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
