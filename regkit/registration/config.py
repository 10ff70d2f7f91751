"""What `regkit register` can be told: one model, the same names in Python, YAML and on the CLI."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import AfterValidator, Field, field_serializer, model_validator

from regkit.errors import InputError
from regkit.losses.distances import DistanceName
from regkit.losses.registry import FEATURES, is_registered, names, parts_of
from regkit.preprocess.intensity import Modality
from regkit.settings import Settings, current_names, validate

Preset = Literal["fast", "default", "accurate"]
AUTOMATIC = ("lncc2", "mi")  # what `auto` chooses: within one contrast, and between two


def _known(similarity: str) -> str:
    """``similarity``, if every part of it could be one."""
    try:
        asked = [name for weight, name in parts_of(similarity) if weight > 0]
    except ValueError:
        asked = []
    if asked and all(name.startswith(FEATURES) or is_registered(name) for name in asked):
        return similarity
    known = ", ".join(map(repr, names()))
    raise ValueError(f"allowed: {known}, 'features:NAME', or a sum: 'features:NAME+0.5*lncc2'")


def _known_or_auto(similarity: str) -> str:
    return similarity if similarity == "auto" else _known(similarity)


SimilarityName = Annotated[str, AfterValidator(_known)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
VoxelSizes = Annotated[
    tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...], Field(min_length=1)
]
SimilarityOrAuto = Annotated[str, AfterValidator(_known_or_auto)]


class LinearConfig(Settings):
    """The rigid and affine engine.

    ``spacings`` are the working voxel sizes, coarse to fine, at which mutual
    information (or the similarity that was asked for) aligns the images; ``polish`` are those
    at which a local similarity has the last word when no field follows: within one contrast LNCC
    in windows of half width ``radius`` voxels. It has many minima, so that it is looked for from
    both images. ``iterations`` bounds each of them and ``tolerance`` stops earlier, when a step
    gains less than this share; for the last word that is ``polish_tolerance``. Where a field
    follows it is ``field_tolerance``, and no level has more than about ``max_voxels``: the field
    mends what these leave.

    Voxel sizes are in millimetres of a body that is 160 mm across, as a human brain is: 8 is a
    twentieth of the body of fixed, whatever its size and the unit of its header, and less where
    it has few voxels (see :func:`~regkit.preprocess.foreground.unit_length`).
    """

    spacings: VoxelSizes = (8.0, 4.0)
    polish: VoxelSizes = (2.0,)
    radius: int = Field(1, ge=1)
    max_voxels: int = Field(300_000, ge=1000)
    iterations: int = Field(100, ge=0)
    tolerance: float = Field(1e-6, gt=0)
    polish_tolerance: float = Field(1e-6, gt=0)
    field_tolerance: float = Field(3e-5, gt=0)


class SmoothConfig(Settings):
    """The field of a pair that a smooth field explains: one anatomy, moved.

    The coarsest level is done with this ``field_sigma``, in its voxels, and again with that of
    :class:`FieldConfig`. Where the smooth field gains at least ``one_anatomy_share`` of what the
    free one does, the rest is noise: finer levels keep to a smooth field, whose ``field_sigma``
    grows by √2 with every halving of the voxels, and to this ``update_sigma``. A share above 1
    never does.
    """

    old_names: ClassVar[Mapping[str, str]] = {"share": "one_anatomy_share"}

    one_anatomy_share: float = Field(0.68, ge=0)
    field_sigma: float = Field(1.6, ge=0)
    update_sigma: float = Field(12.0, ge=0)


class FieldConfig(Settings):
    """The field engine.

    ``factors`` are the working voxel sizes as multiples of the finest one, ``iterations`` the
    bound of each. Lengths are in voxels of the level: ``radius`` of an LNCC window;
    ``update_sigma`` smooths each step (fluid) and ``field_sigma`` the whole field (diffusion);
    ``step`` is the longest move of one iteration. A level ends when ten iterations gain less
    than ``tolerance`` of all that it gained. ``max_voxels`` bounds the finest grid.

    The field has the resolution of the images where these have few voxels (500 000), else half of
    it, or less where it would hold more than ``max_field_voxels``. It is smooth, so that it loses
    next to nothing, at a fraction of the time and memory.

    Levels of voxels of at least ``symmetric_above`` are done from both images, and what is
    found is averaged; between coarse voxels that costs little and depends less on the direction.

    ``max_step`` bounds ``step`` and ``update_sigma``: in voxels larger than this they
    shrink to what they are in voxels of this size. Both are in millimetres of a body that is 160 mm
    across, as those of :class:`LinearConfig` are. ``min_work`` raises
    the bound of a level of few voxels, up to that of the first one, until voxels times iterations
    come to it.
    """

    old_names: ClassVar[Mapping[str, str]] = {
        "reach": "max_step", "symmetric": "symmetric_above", "effort": "min_work"
    }  # fmt: skip

    factors: tuple[int, ...] = (4, 2, 1)
    iterations: tuple[int, ...] = (100, 50, 6)
    radius: int = Field(3, ge=1)
    update_sigma: float = Field(1.7, ge=0)
    field_sigma: float = Field(1.0, ge=0)
    step: float = Field(1.0, gt=0, le=1)
    momentum: float = Field(0.6, ge=0, lt=1)
    tolerance: float = Field(0.02, gt=0)
    max_voxels: int = Field(16_000_000, gt=0)
    max_field_voxels: int = Field(4_000_000, gt=0)
    max_step: float = Field(2.5, gt=0)
    symmetric_above: float = Field(3.0, ge=0)
    min_work: int = Field(0, ge=0)
    smooth: SmoothConfig = SmoothConfig()

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.factors) != len(self.iterations):
            raise ValueError("factors and iterations must have the same length")
        return self


class NetworkConfig(Settings):
    """The network engine.

    ``shape`` is the number of voxels of its working grid along every axis: what the model was
    trained at, if it tells, else 175, as the released networks were. ``precision`` is what it
    calculates in. ``compiler: torch`` is ``torch.compile``, in float32, which takes longer than it
    saves unless many pairs follow; where that fails, the record says so.
    """

    shape: int | None = Field(None, ge=16, le=512)
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compiler: Literal["none", "torch"] = "none"


class TuningConfig(Settings):
    """Fine-tuning of the weights on the pair (``refine="weights"``).

    ``iterations`` of Adam at ``learning_rate``, fewer when five of them gain less than
    ``tolerance`` of the first loss; ``lmbda`` weighs GradICON. ``save_memory`` calculates twice
    what it would have to keep. ``conserve: mass`` compares a pair of CT by
    :func:`regkit.losses.mass.mass_conserved`: lungs that breathe.
    """

    iterations: int = Field(50, ge=1)
    learning_rate: float = Field(2e-5, gt=0)
    lmbda: float = Field(1.5, ge=0)
    tolerance: float = Field(1e-4, ge=0)
    save_memory: bool = True
    conserve: Literal["nothing", "mass"] = "nothing"


class FeatureConfig(Settings):
    """Similarity by features (``similarity="features:NAME"``).

    What is left out is set as the backbone is best used. ``mode`` says whether features are
    computed of the ``warped`` image at every step, or once (``static``) and then warped; the
    latter keeps ``channels`` of them. ``layers`` and ``timestep`` are the backbone's own words;
    ``cache`` is a folder in which features that are computed once and without noise are kept for
    the next run; the rest is of :class:`~regkit.losses.features.FeatureSimilarity`.
    """

    mode: Literal["warped", "static"] = "warped"
    distance: DistanceName = "lncc"
    sigma: float = Field(4.0, ge=0)
    layers: tuple[str, ...] | None = None
    layer_weights: tuple[float, ...] | None = None
    timestep: int | None = Field(None, ge=0)
    noise: Literal["shared", "independent", "none"] = "shared"
    slices: int | None = Field(None, gt=0)
    axes: Literal["random", "all", 0, 1, 2] = "random"
    chunk: int = Field(16, gt=0)
    channels: int = Field(16, gt=0)
    cache: Path | None = None

    @field_serializer("cache", when_used="json")
    def _without_a_place(self, _: Path | None) -> None:
        """Records say nothing of it: it decides no result, and folders stay private."""


class RegisterConfig(Settings):
    """Everything that decides a result, apart from the images.

    ``dice`` weighs how well labels of both images overlap, ``landmark_weight`` how near landmarks
    come to each other; 0: they guide nothing.
    ``channel_weights`` are what each channel of the images counts, one a channel: only their
    ratios matter, and a channel of weight 0 is left out. All count alike where none are given.

    Examples
    --------
    >>> RegisterConfig(similarity="mind").transform
    'deformable'
    """

    transform: Literal["rigid", "affine", "deformable"] = "deformable"
    init: Literal["auto", "header", "centers", "moments"] = "auto"
    similarity: SimilarityOrAuto = "auto"
    modality: Modality = "auto"
    moving_modality: Modality | None = Field(None, description="where it is not that of fixed")
    model: str | None = Field(None, description="installed weights, a file of them, or auto")
    refine: Literal["field", "weights", "none"] = "field"
    dice: float = Field(0.0, ge=0, allow_inf_nan=False)
    landmark_weight: float = Field(0.0, ge=0, allow_inf_nan=False)
    channel_weights: tuple[Weight, ...] | None = Field(None, description="one a channel")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    threads: int = Field(0, ge=0, description="0: all cores")
    seed: int = 0
    linear: LinearConfig = LinearConfig()
    network: NetworkConfig = NetworkConfig()
    tuning: TuningConfig = TuningConfig()
    field: FieldConfig = FieldConfig()
    features: FeatureConfig = FeatureConfig()

    @model_validator(mode="after")
    def _features_refine_a_field(self) -> Self:
        if self.transform != "deformable" and FEATURES in self.similarity:
            raise ValueError(
                f"similarity {self.similarity!r} guides a deformable transform; for "
                f"{self.transform!r} take one of {', '.join(names())}"
            )
        return self

    @model_validator(mode="after")
    def _a_cache_keeps_features(self) -> Self:
        if self.features.cache is not None and FEATURES not in self.similarity:
            raise ValueError(
                f"cache keeps features, and similarity {self.similarity!r} compares none; take "
                "similarity 'features:NAME', or leave the cache out"
            )
        return self

    @model_validator(mode="after")
    def _some_channel_counts(self) -> Self:
        if self.channel_weights is not None and not any(self.channel_weights):
            raise ValueError("channel_weights are all 0; give a channel a weight above 0")
        return self

    @model_validator(mode="after")
    def _labels_refine_a_field(self) -> Self:
        if self.dice and (self.transform != "deformable" or self.refine == "none"):
            raise ValueError(
                f"dice {self.dice:g} guides what refines a deformable transform; take transform "
                "deformable and refine field or weights, or dice 0"
            )
        return self

    @property
    def candidates(self) -> tuple[str, ...]:
        """The similarities that ``auto`` chooses from, or the one that was asked for."""
        return AUTOMATIC if self.similarity == "auto" else (self.similarity,)

    @property
    def refines_field(self) -> bool:
        """Whether the field engine runs."""
        return (self.transform, self.refine) == ("deformable", "field")

    @model_validator(mode="after")
    def _landmarks_refine_a_field(self) -> Self:
        if self.landmark_weight and not self.refines_field:
            raise ValueError(
                f"landmark_weight {self.landmark_weight:g} guides the field engine; take transform "
                "deformable and refine field, or landmark_weight 0"
            )
        return self


def make_config(
    preset: Preset = "default",
    *,
    file: Mapping[str, Any] | None = None,
    **options: Any,
) -> RegisterConfig:
    """Start from a preset, change it by what a file says, then by single options.

    Parameters
    ----------
    preset
        ``fast``, ``default`` or ``accurate``: a YAML file of ``configs/register``.
    file
        What a user's own YAML file says.
    options
        Fields of :class:`RegisterConfig`.

    Raises
    ------
    InputError
        If a name is unknown or a value is not allowed.

    Examples
    --------
    >>> make_config("fast", seed=3).seed
    3
    """
    given = [current_names(RegisterConfig, each, "option") for each in (file or {}, options)]
    return validate(RegisterConfig, _merged(load_preset(preset), *given), "option")


def as_asked(config: RegisterConfig) -> dict[str, Any]:
    """Return the settings as JSON can hold them, a model by its base name: folders stay private.

    Examples
    --------
    >>> as_asked(RegisterConfig(model="weights/mine.trch"))["model"]
    'mine.trch'
    """
    asked = config.model_dump(mode="json")
    return asked | {"model": asked["model"] and Path(asked["model"]).name}


def load_preset(name: str) -> dict[str, Any]:
    """Read the YAML of a shipped preset.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    folder = configs() / "register"
    names = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.is_file())
    if name not in names:
        raise InputError(f"preset {name!r} does not exist; allowed: {', '.join(names)}")
    loaded: dict[str, Any] = yaml.safe_load((folder / f"{name}.yaml").read_text())
    return loaded


def configs() -> Traversable:
    """Return the folder ``configs/``: in the package when installed, beside it in a checkout."""
    package = files("regkit")
    inside = package / "configs"
    return inside if inside.is_dir() else files("regkit").joinpath("..", "configs")


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
            out[key] = _merged(out[key], value) if both else value
    return out
