"""What a diagnosis of attribution is told."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probes.diagnosis.attribution.methods import METHODS, method_called
from probes.images.model_settings import ModelSettings
from probes.images.settings import DataSettings
from regkit.errors import InputError
from regkit.settings import Settings, refuse_repeats


class AttributionChoices(Settings):
    """How maps of attribution are made and judged, whatever the model and the images.

    ``absent`` is what an image is where something is taken away, for all methods and metrics alike:
    the mean of each band, or the image itself, blurred. ``pieces`` of mosaics are quarters of
    images (``crop``) or whole images at half their size (``shrink``). ``mosaics`` of them are
    judged, ``draws`` with noise each, and ``shown`` images of the data set are explained besides.
    ``samples`` are the images with random parts absent that LIME asks about.
    """

    task: Literal["classes", "several-labels"] = "classes"
    methods: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(METHODS)
    absent: Literal["mean", "blur"] = "mean"
    pieces: Literal["crop", "shrink"] = "crop"
    mosaics: int = Field(default=24, ge=6, le=10_000)
    draws: int = Field(default=3, ge=1, le=100)
    shown: int = Field(default=4, ge=0, le=1000)
    samples: int = Field(default=128, ge=16, le=100_000)
    batch_size: int = Field(default=64, ge=1, le=4096)
    seed: int = Field(default=0, ge=0)
    level: float = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_methods(self) -> Self:
        refuse_repeats("methods", self.methods)
        for name in self.methods:
            try:
                method_called(name)
            except InputError as error:
                raise ValueError(str(error)) from None
        return self


class AttributionConfig(AttributionChoices):
    """A data set, models, and how maps of attribution are made and judged.

    ``layers`` names the layer of a model that Grad-CAM looks at.
    """

    study: str = Field(min_length=1, max_length=80)
    data: DataSettings
    models: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
    layers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_models(self) -> Self:
        names = [each.name for each in self.models]
        refuse_repeats("models", names)
        for name in self.layers:
            if name not in names:
                raise ValueError(f"layers name the model {name!r:.60}, which is not among models")
        return self
