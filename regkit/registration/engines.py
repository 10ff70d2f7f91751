"""From a prepared pair to a transform: engines, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from regkit.errors import InputError
from regkit.losses.similarity import Similarity
from regkit.registration.alignment import Alignment, Polish
from regkit.registration.choice import Chooser, configured_similarity
from regkit.registration.config import RegisterConfig
from regkit.registration.cut_out import spare_surroundings
from regkit.registration.field import FieldEngine
from regkit.registration.guides import Guides
from regkit.registration.pair import Pair, is_thin
from regkit.registration.result import OnEngineProgress
from regkit.registration.selection import Selection
from regkit.registration.state import EngineResult, EngineState

if TYPE_CHECKING:
    from regkit.networks.models import Model


class Engine(Protocol):
    """One step from what is known of a pair to more."""

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """What is known after it; ``pair`` and ``state`` stay as they are."""


def find(
    pair: Pair,
    config: RegisterConfig,
    model: Model | None,
    start: EngineState,
    on_progress: OnEngineProgress,
    own: Similarity | None = None,
    guides: Guides | None = None,
) -> EngineResult:
    """Run the engines that ``config`` asks for, one after the other.

    Parameters
    ----------
    pair
        The images at body scale.
    config
        Which engines run, and how.
    model
        The registration network, where one is used.
    start
        What is known before: an initial affine and displacement, or nothing.
    on_progress
        Called at every iteration of every engine.
    own
        A similarity that is made already, by the name that ``config`` has; made here if None.
    guides
        Labels and landmarks for the deformable engines to bring together, if any.
    """
    pair, state = spare_surroundings(pair, start, config, on_progress)
    for engine in list(_engines(pair, config, model, state, on_progress, own, guides)):
        state = engine.run(pair, state)
    name = state.chosen.name if config.transform == "deformable" else state.chosen.last.name
    return state.found(pair, name)


def _engines(
    pair: Pair,
    config: RegisterConfig,
    model: Model | None,
    start: EngineState,
    on_progress: OnEngineProgress,
    own: Similarity | None,
    guides: Guides | None,
) -> Iterator[Engine]:
    if model is not None and start.initial is not None:
        raise InputError(
            "an initial displacement and a model both say where the field starts; give one of them"
        )
    if start.initial is None:
        yield Alignment(config, on_progress)
    if own is None and config.similarity != "auto":
        own = configured_similarity(config.similarity, config)
    yield Chooser(config, own)
    if config.transform != "deformable":
        yield Polish(config.transform, config, on_progress)
        return
    if is_thin(pair):  # a field across few slices cannot mend what an affine leaves
        yield Polish("affine", config, on_progress)
    if model is not None:
        from regkit.registration.network_engine import NetworkEngine

        yield NetworkEngine(model, config, on_progress, guides)
    if model is None or config.refine == "field":
        yield FieldEngine(config.field, on_progress, guides)
        if start.initial is None and guides is None:
            yield Selection(config, on_progress)
