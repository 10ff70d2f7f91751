"""RegisterOptions: what `rk.register` takes by name, so that an editor completes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from regkit.errors import InputError
from regkit.losses.similarity import Similarity
from regkit.preprocess.intensity import Modality
from regkit.registration.config import (
    FeatureConfig,
    FieldConfig,
    LinearConfig,
    NetworkConfig,
    Preset,
    RegisterConfig,
    TuningConfig,
)
from regkit.registration.result import OnEngineProgress
from regkit.settings import near

if TYPE_CHECKING:
    from regkit.networks.models import Model


class RegisterOptions(TypedDict, total=False):
    """Every field of :class:`~regkit.RegisterConfig`, and what stands beside a configuration.

    ``preset`` is what the fields change, ``config`` stands in its place. ``model`` and
    ``similarity`` can be objects; a group such as ``field`` is given whole, or as a mapping of
    what changes in it. ``progress`` is called at every iteration.
    """

    preset: Preset
    config: RegisterConfig | None
    progress: OnEngineProgress | None
    transform: Literal["rigid", "affine", "deformable"]
    init: Literal["auto", "header", "centers", "moments"]
    similarity: Literal["auto", "mse", "lncc", "lncc2", "mind", "mi"] | str | Similarity
    modality: Modality
    moving_modality: Modality | None
    model: str | Model | None
    refine: Literal["field", "weights", "none"]
    dice: float
    landmark_weight: float
    channel_weights: tuple[float, ...] | None
    device: str
    threads: int
    seed: int
    linear: LinearConfig | Mapping[str, Any]
    network: NetworkConfig | Mapping[str, Any]
    tuning: TuningConfig | Mapping[str, Any]
    field: FieldConfig | Mapping[str, Any]
    features: FeatureConfig | Mapping[str, Any]


def check_options(given: Iterable[str], *, beside: Iterable[str] = ()) -> None:
    """Refuse names that no option has.

    Parameters
    ----------
    given
        Names.
    beside
        What else could have been meant.

    Raises
    ------
    InputError
        By the first one that is unknown, with the name that is nearest to it.

    Examples
    --------
    >>> check_options(["seed", "similarty"])
    Traceback (most recent call last):
    regkit.errors.InputError: register has no option 'similarty'; did you mean 'similarity'?
    """
    known = RegisterOptions.__annotations__
    for name in given:
        if name not in known:
            raise InputError(f"register has no option {name!r}{near(name, [*known, *beside])}")
