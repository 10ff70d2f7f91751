"""Request: what `register` was asked for, as one configuration and the objects beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regkit.errors import InputError
from regkit.losses.registry import is_registered, names
from regkit.losses.similarity import Similarity
from regkit.registration.config import RegisterConfig, make_config
from regkit.registration.result import EngineProgress, OnEngineProgress

if TYPE_CHECKING:
    from regkit.networks.models import Model


def _quiet(_: EngineProgress) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Parameters
    ----------
    config
        Every setting, with the name of a similarity or model that is an object.
    similarity
        One of the user's own, or None for that of ``config``.
    model
        The network, or its name; None for that of ``config``.
    on_progress
        Called at every iteration.
    """

    config: RegisterConfig
    similarity: Similarity | None = None
    model: str | Model | None = None
    on_progress: OnEngineProgress = _quiet

    @property
    def can_find_identity(self) -> bool:
        """Whether the similarity is one by which an image is like nothing more than itself."""
        name = self.config.similarity
        return name == "auto" or is_registered(name)

    def network(self, ndim: int) -> tuple[Request, Model | None]:
        """Load the network that was asked for, if any, and name it in the configuration.

        Parameters
        ----------
        ndim
            How many axes the images have.

        Raises
        ------
        InputError
            If there is none of that name, or it is for another dimension.
        """
        wanted = self.config.model if self.model is None else self.model
        if wanted is None or self.config.transform != "deformable":
            return self, None
        from regkit.networks import models
        from regkit.registration.network import check_dimension

        if isinstance(wanted, str):
            name, _ = models.resolve(wanted)
            wanted = None if name is None else models.load(name)
        if wanted is not None:
            check_dimension(wanted, ndim)
        name = None if wanted is None else wanted.name
        return replace(self, config=self.config.model_copy(update={"model": name})), wanted


def request_of(options: Mapping[str, Any]) -> Request:
    """Settle what was asked for by name.

    Parameters
    ----------
    options
        Those of :class:`~regkit.registration.options.RegisterOptions`.

    Raises
    ------
    InputError
        If a name is unknown, a value is not allowed, or two contradict each other.
    """
    given = dict(options)
    config, model = given.pop("config", None), given.pop("model", None)
    on_progress = given.pop("progress", None) or _quiet
    own = given.get("similarity")
    if not isinstance(own, Similarity):
        return Request(_configured(config, given), None, model, on_progress)
    del given["similarity"]
    return Request(_named(_configured(config, given), own), own, model, on_progress)


def _configured(config: RegisterConfig | None, options: Mapping[str, Any]) -> RegisterConfig:
    if config is None:
        return make_config(**options)
    if "preset" in options:
        raise InputError("preset and config were both given; a config replaces the preset")
    return make_config(file=config.model_dump(), **options) if options else config


def _named(config: RegisterConfig, own: Similarity) -> RegisterConfig:
    """``config`` with the name of a similarity of the user's own."""
    if config.transform != "deformable":
        raise InputError(
            f"similarity {own.name!r} is an object, which guides a deformable transform; for "
            f"{config.transform!r} name one of {', '.join(names())}"
        )
    return config.model_copy(update={"similarity": own.name})
