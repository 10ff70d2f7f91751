"""What a study of prompt robustness is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from foundation.prompts import CONVERTED_KINDS, PromptKind, converter_called
from foundation.prompts.perturbations import perturbation_called
from foundation.studies.config import StudyConfig
from regkit.errors import InputError
from regkit.settings import Settings, refuse_repeats

Magnitude = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _known(find: Callable[[str], object], name: str) -> str:
    """The name, if ``find`` finds something by it."""
    try:
        find(name)
    except InputError as error:
        raise ValueError(str(error)) from None
    return name


class PerturbationRange(Settings):
    """One way in which prompts are wrong, and by how much, in its own unit."""

    name: Annotated[str, AfterValidator(lambda name: _known(perturbation_called, name))]
    magnitudes: Annotated[tuple[Magnitude, ...], Field(min_length=1)]

    def check(self, prompt: str) -> None:
        """Refuse magnitudes that are not allowed, and prompts of another kind.

        Parameters
        ----------
        prompt
            The converter that makes them.

        Raises
        ------
        InputError
            With what is allowed.
        """
        perturbation = perturbation_called(self.name)
        perturbation.check_kinds([CONVERTED_KINDS[prompt]])
        for magnitude in self.magnitudes:
            perturbation.check_magnitude(magnitude)


class RobustnessConfig(StudyConfig):
    """A study of how models bear imprecise prompts.

    ``prompt`` says how the truth becomes the prompt that is perturbed: by one of the converters but
    those to logits, which are how some models encode a mask. ``seeds`` are draws of what is random.
    """

    prompt: str = "mask"
    perturbations: Annotated[tuple[PerturbationRange, ...], Field(min_length=1)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)

    @field_validator("prompt")
    @classmethod
    def _check_prompt(cls, name: str) -> str:
        known = _known(converter_called, name)
        if CONVERTED_KINDS[known] is PromptKind.MASK and known != "mask":
            raise ValueError(f"{known} are no prompt but how a model encodes one; write mask")
        return known

    @model_validator(mode="after")
    def _check_perturbations(self) -> Self:
        refuse_repeats("perturbations", (each.name for each in self.perturbations))
        refuse_repeats("seeds", self.seeds)
        for each in self.perturbations:
            refuse_repeats(f"magnitudes of {each.name}", each.magnitudes)
        try:
            for each in self.perturbations:
                each.check(self.prompt)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def questions(self) -> Iterator[tuple[str, float, int]]:
        """Perturbation, magnitude and seed of every question, the prompt as it was first.

        What is not random is asked once, however many seeds there are.
        """
        yield "none", 0.0, self.seeds[0]
        for each in self.perturbations:
            random = perturbation_called(each.name).is_random
            for magnitude in each.magnitudes:
                seeds = self.seeds if random else self.seeds[:1]
                yield from ((each.name, magnitude, seed) for seed in seeds)
