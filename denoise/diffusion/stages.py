"""The three stages of DiffDenoise, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from denoise.diffusion.condition import (
    BlindCondition,
    Condition,
    PairCondition,
    RepeatCondition,
    SliceCondition,
)
from denoise.diffusion.model import Diffusion, diffusion_network
from denoise.diffusion.student import Distillation
from denoise.diffusion.volume import sampled_volume
from denoise.learning.setting import OnValidation, TrainingData, train_method
from denoise.learning.validation import Validation, lowest_risk
from denoise.methods import Method, make_method
from regkit.errors import InputError

_SHARES = {"blindspot": 0.5, "diffusion": 0.3, "student": 0.2}  # of the steps; regkit's own
_AVERAGE, _FEWEST_SLICES = 0.99, 2


@dataclass(frozen=True, eq=False)
class Stages:
    """What each stage came to; ``student`` is what is applied.

    ``history`` has the checks of each stage, by name, with the risk that decides among them.
    """

    blind: Method
    diffusion: Method
    student: Method
    history: dict[str, list[Validation]]

    @property
    def note(self) -> str:
        """Estimated error of every stage, as a sentence."""
        risks = {name: lowest_risk(found).risk for name, found in self.history.items()}
        told = ", ".join(f"{n} {100 * max(r, 0) ** 0.5:.0f} %" for n, r in risks.items())
        advice = ""
        if risks["blindspot"] < risks["student"]:
            advice = "; the first stage with its posterior mean is the better one here: --method "
            advice += "blindspot"
        return f"Estimated error of the stages, of sigma: {told}{advice}."


def train_stages(setting: TrainingData, watch: OnValidation) -> Stages:
    """Train blind spot, diffusion model and student, each on what the one before gives.

    Examples
    --------
    >>> sum(_SHARES.values())
    1.0
    """
    blind = make_method(
        setting.config.model_copy(update={"method": "blindspot"}), _shape(setting), setting.spacing
    )
    history = {"blindspot": _fitted(blind, setting, setting.images, "blindspot", watch)}
    diffusion = _diffusion(blind, setting)
    history["diffusion"] = _fitted(diffusion, setting, _seen(setting), "diffusion", watch)
    pairs = [
        torch.stack([image, sampled_volume(diffusion, blind, image, setting.sigma)[0]])
        for image in setting.images
    ]
    plain = make_method(
        setting.config.model_copy(update={"method": "recorrupted"}), _shape(setting),
        setting.spacing,
    )  # fmt: skip
    student = replace(plain, name="diffusion", objective=Distillation())
    history["student"] = _fitted(student, setting, pairs, "student", watch)
    return Stages(blind, diffusion, student, history)


def _fitted(
    method: Method, setting: TrainingData, images: list[Tensor], stage: str, watch: OnValidation
) -> list[Validation]:
    average = _AVERAGE if stage == "diffusion" else 0.0
    share = _SHARES[stage]
    return train_method(method, setting, images, share=share, average=average, watch=watch)


def _diffusion(blind: Method, setting: TrainingData) -> Method:
    config = setting.config
    values = torch.cat([i[m] for i, m in zip(setting.images, setting.masks, strict=True)])
    objective = Diffusion(
        _condition(blind, setting), float(values.mean()), float(values.std()),
        config.sampling_steps, config.pairs, config.solver, config.predict,
    )  # fmt: skip
    through = 2 if _shape(setting)[2] >= 8 and setting.spacing[2] < 2 * setting.spacing[0] else 1
    levels = len(config.widths) - 1
    network = diffusion_network(config.widths, ((2, 2, through),) * levels)
    return Method("diffusion", network, objective, network.shape.reach, network.shape.multiple)


def _condition(blind: Method, setting: TrainingData) -> Condition:
    config = setting.config
    if config.condition == "blind":
        return BlindCondition(blind.network.eval(), setting.sigma, config.condition_noise)
    if config.condition == "pairs":
        return PairCondition()
    if config.condition == "repeats":
        if len(setting.images) == 1:
            raise InputError(
                "condition: 'repeats' needs a 4-D image that is denoised frame by frame; take "
                "'blind', 'slices' or 'pairs', or --frames alone"
            )
        return RepeatCondition()
    if _shape(setting)[2] < _FEWEST_SLICES:
        raise InputError("condition: 'slices' needs 2 slices or more; take 'blind' or 'pairs'")
    return SliceCondition()


def _seen(setting: TrainingData) -> list[Tensor]:
    """What the diffusion model learns from: the images, each beside the next where they repeat."""
    images = setting.images
    if setting.config.condition != "repeats":
        return images
    following = [*images[1:], images[0]]
    return [torch.stack(pair) for pair in zip(images, following, strict=True)]


def _shape(setting: TrainingData) -> tuple[int, ...]:
    return tuple(setting.images[0].shape)
