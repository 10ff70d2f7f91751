"""Whether a field is kept, or the affine before it left alone."""

from __future__ import annotations

import time
from dataclasses import dataclass

from regkit.kernels import backend
from regkit.losses.mind import MIND
from regkit.losses.mutual_information import MutualInformation
from regkit.registration.alignment import polish
from regkit.registration.choice import is_same_contrast
from regkit.registration.comparison import Comparison, compare_field, is_near
from regkit.registration.config import RegisterConfig
from regkit.registration.pair import Pair
from regkit.registration.result import EngineStage, OnEngineProgress
from regkit.registration.state import EngineState
from regkit.transforms import DisplacementField

_UNCHANGED = "one anatomy in two contrasts, nothing changed shape"


@dataclass(frozen=True)
class Selection:
    """Leaves the affine alone where the field after it makes nothing better."""

    config: RegisterConfig
    on_progress: OnEngineProgress

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """See :class:`~regkit.registration.engines.Engine`."""
        if state.field is None:
            return state
        begin = time.perf_counter()
        one_person = state.smooth or is_near(pair, state.affine)
        if one_person and not is_same_contrast(pair, state.affine):
            return self._within_one_person(pair, state, state.field)
        seen = compare_field(pair, state.affine, state.affine, state.field, fine=False)
        kept = None if seen.is_worse else state.field
        return _with_field(pair, state, kept, seen, begin)

    def _within_one_person(
        self, pair: Pair, state: EngineState, field: DisplacementField
    ) -> EngineState:
        """Between contrasts a field follows the contrast as much as the anatomy.

        So it must show that something changed, against the best affine of such a pair.
        """
        information = MutualInformation()
        alone, stage = polish(
            pair, state.affines, information, self.config, self.on_progress, kind="affine"
        )
        begin = time.perf_counter()
        seen = compare_field(pair, alone, state.affine, field, fine=True)
        state = state.after(stage)
        if seen.shows_change:
            return _with_field(pair, state, field, seen, begin)
        state = state.after(affines=(*state.affines, alone))
        return _with_field(pair, state, None, seen, begin, why=f"{_UNCHANGED}; ")


def _with_field(
    pair: Pair,
    state: EngineState,
    field: DisplacementField | None,
    seen: Comparison,
    begin: float,
    why: str = "",
) -> EngineState:
    """``state`` with ``field`` or none, and the record of the comparison."""
    note = f"{why}the field is {'dropped' if field is None else 'kept'}: {seen}"
    kernels, seconds = backend.name(pair.device), time.perf_counter() - begin
    return state.after(
        EngineStage("selection", MIND.name, kernels, seconds, note=note), field=field
    )
