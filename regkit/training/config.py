"""Settings of `regkit train`: those of every task, and those of registration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from regkit.networks.gradicon import HALVINGS, MOST
from regkit.preprocess.intensity import Modality
from regkit.registration.config import FeatureConfig, SimilarityName
from regkit.settings import Settings


class TrainingStage(Settings):
    """A stage of ``steps`` of AdamW; ``decay`` lets the rate fall to nothing, as a cosine.

    ``networks`` is for registration: with how many steps of the network. With a ``patch``, which
    is for registration too, the last of them learns on boxes of so many voxels an axis, and the
    others rest.
    """

    steps: int = Field(gt=0)
    learning_rate: float = Field(5e-5, gt=0)
    decay: bool = False
    networks: int = Field(3, ge=1, le=MOST)
    patch: int = Field(0, ge=0)


class LoopConfig(Settings):
    """The settings of the loop, whatever it trains.

    Intervals are in steps. ``precision`` is of the forward pass alone: weights, losses and the
    optimiser are float32. ``clip`` bounds the norm of the gradient. ``average`` is how slowly the
    weights that are validated and kept follow those that are trained, 0.99 about a hundred steps
    behind; 0: they are the same.
    """

    task: str
    output: Path
    stages: tuple[TrainingStage, ...] = Field(min_length=1)
    seed: int = 0
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    threads: int = Field(0, ge=0, description="0: all cores")
    precision: Literal["fp32", "bf16"] = "fp32"
    clip: float = Field(1.0, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    average: float = Field(0.0, ge=0, lt=1)
    report_every: int = Field(20, gt=0)
    checkpoint_every: int = Field(200, gt=0)
    validate_every: int = Field(200, gt=0)
    tensorboard: bool = False


class Source(Settings):
    """A source of pairs of images.

    ``table`` names a CSV or JSON file. ``synthesis`` draws images instead: of random ``shapes``,
    or of the ``labels`` of the table. ``same_subject_fraction`` is the share of pairs that are two
    deformations of one subject, of which the truth is known; ``recolour_fraction`` that of inputs
    whose contrast is made up. With ``pseudo_labels`` the classical engine finds where two subjects
    lie in each other, in seconds and once for every resolution, and that counts as known too; so
    found, it bends the share ``morph_fraction`` of the images some of the way to the shape of
    another subject.
    Subjects that are ``held_out`` are for validation alone, by their images as they are. With
    ``mirrored`` the mirror image of each, left for right, is a subject of its own, without labels.
    ``aligned`` subjects, which an affine brought into one world, are shown in the box of the first
    one's body, as registration shows moving in fixed's; others each in that of its own.
    ``conserve: mass`` compares CT by :func:`regkit.losses.mass.mass_conserved`: lungs that breathe.
    """

    old_names: ClassVar[Mapping[str, str]] = {
        "within": "same_subject_fraction",
        "recolour": "recolour_fraction",
        "taught": "pseudo_labels",
        "toward": "morph_fraction",
    }

    name: str
    table: Path | None = None
    synthesis: Literal["none", "shapes", "labels"] = "none"
    weight: float = Field(1.0, gt=0)
    intensity: Modality = "auto"
    modalities: tuple[str, ...] = ()
    same_subject_fraction: float = Field(0.0, ge=0, le=1)
    recolour_fraction: float = Field(0.0, ge=0, le=1)
    pseudo_labels: bool = False
    morph_fraction: float = Field(0.0, ge=0, le=1)
    held_out: tuple[str, ...] = ()
    mirrored: bool = False
    aligned: bool = False
    conserve: Literal["nothing", "mass"] = "nothing"

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        told = {
            name
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }
        idle = {
            "none": set(),
            "labels": told & {*self.old_names.values(), "mirrored"},
            "shapes": told - {"name", "synthesis", "weight"},
        }
        if found := sorted(idle[self.synthesis]):
            raise ValueError(
                f"source {self.name!r}: {found[0]} says nothing where synthesis: {self.synthesis} "
                "makes the images; leave it out"
            )
        return self


class Augment(Settings):
    """The random variation of pairs; lengths are shares of the field of view.

    ``turn`` is the share of pairs whose axes are permuted and flipped, alike in both images;
    ``crop`` the smallest region of interest, alike too. ``affine``, ``scales`` and ``reach`` are
    of :class:`~regkit.training.synthesis.Deformation`, drawn for each image alone.
    """

    turn: float = Field(1.0, ge=0, le=1)
    crop: float = Field(1.0, gt=0, le=1)
    affine: float = Field(0.05, ge=0)
    scales: tuple[float, ...] = ()
    reach: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.scales) != len(self.reach):
            raise ValueError("scales and reach must have the same length")
        return self


class Loss(Settings):
    """The loss: similarity both ways, ``lmbda`` times GradICON, and the distance to what is known.

    ``truth`` weighs the distance to a known deformation, in hundredths of the field of view, and
    ``coarse`` that which is left after each step of the network but the last; ``dice`` that of
    labels which both images have. ``randomise`` draws the images that are compared independently
    of those that the network sees.
    """

    similarity: SimilarityName = "lncc2"
    features: FeatureConfig = FeatureConfig()
    radius: int = Field(3, ge=1)
    lmbda: float = Field(1.5, ge=0)
    truth: float = Field(0.3, ge=0)
    coarse: float = Field(0.0, ge=0)
    dice: float = Field(0.0, ge=0)
    randomise: bool = True


class RegistrationConfig(LoopConfig):
    """The settings of a registration network: all that decides it, apart from the images.

    ``start`` names weights to go on from (fine-tuning): installed ones, or a file. ``batch`` pairs
    are drawn a step, and ``patches`` boxes of each where a stage has them. ``batch_norm`` says
    whether the statistics of batch norms are learned, which takes large batches, or left alone. A
    new network sees what stands out in a ``window`` of so many of the ``shape`` voxels (odd; 0: the
    images as they are), and its first layer is ``random`` or begins as that of optical ``flow``.
    ``contrast: one`` says of the weights that they are to be shown moving in the contrast of fixed.
    The steps of the network see images of ``shape`` voxels halved so often as ``halvings`` tells.
    Images are kept in the folder ``prepared`` as the network sees them, 2 bytes a voxel, and what
    pseudo-labels come to, 12 (inside ``output`` if it names none); runs may share it.
    """

    shape: int = Field(175, ge=16, le=512)
    halvings: tuple[int, ...] = HALVINGS
    down: tuple[int, ...] = (2, 16, 32, 64, 256, 512)
    up: tuple[int, ...] = (16, 32, 64, 128, 256)
    batch: int = Field(1, gt=0)
    patches: int = Field(4, gt=0)
    batch_norm: Literal["learned", "frozen"] = "learned"
    window: int = Field(0, ge=0)
    first: Literal["random", "flow"] = "random"
    contrast: Literal["any", "one"] = "any"
    start: str | None = None
    prepared: Path | None = None
    sources: tuple[Source, ...] = Field(min_length=1)
    augment: Augment = Augment()
    loss: Loss = Loss()
    validation_pairs: int = Field(8, gt=0)
