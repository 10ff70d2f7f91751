"""A network among the engines: where the field starts, or ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from torch import Tensor

from regkit.losses.similarity import Similarity
from regkit.networks.models import Model
from regkit.networks.steps import Registration
from regkit.registration.config import RegisterConfig, TuningConfig
from regkit.registration.guides import Guides
from regkit.registration.network import register_network
from regkit.registration.pair import Pair
from regkit.registration.result import EngineProgress, EngineStage, OnEngineProgress
from regkit.registration.state import EngineState
from regkit.registration.tuning import tune


@dataclass(frozen=True)
class NetworkEngine:
    """What ``model`` sees, both ways where no field engine follows; tuned if that is asked for."""

    model: Model
    config: RegisterConfig
    on_progress: OnEngineProgress
    guides: Guides | None = None

    def run(self, pair: Pair, state: EngineState) -> EngineState:
        """See :class:`~regkit.registration.engines.Engine`."""
        config, similarity = self.config, state.chosen.similarity
        tuning = _Tuning(similarity, config.tuning, config.dice, self.on_progress)
        (there, *back), stage = register_network(
            pair,
            state.affine,
            self.model,
            config.network,
            self.on_progress,
            directions=1 if config.refine == "field" else 2,
            same_contrast=not similarity.traits.across_contrasts,
            tune=tuning if config.refine == "weights" else None,
            guides=self.guides,
        )
        return state.after(*tuning.stages, stage, field=there, back=back[0] if back else None)


@dataclass
class _Tuning:
    """Fine-tuning on the pair, and what there is to tell about it."""

    similarity: Similarity
    config: TuningConfig
    dice: float
    on_progress: OnEngineProgress
    stages: list[EngineStage] = field(default_factory=list)

    def __call__(
        self,
        network: Registration,
        moving: Tensor,
        fixed: Tensor,
        weights: tuple[Tensor, Tensor] | None,
        labels: tuple[Tensor, Tensor] | None,
    ) -> Registration:

        begin, name = time.perf_counter(), self.similarity.name

        def on_step(step: int, value: float) -> None:
            self.on_progress(
                EngineProgress("tuning", name, 1, 1, step, self.config.iterations, value)
            )

        found, losses = tune(
            network,
            moving,
            fixed,
            self.similarity,
            self.config,
            on_step,
            weights=weights,
            labels=labels,
            dice=self.dice,
        )
        note = f"{len(losses) - 1} steps, loss {losses[0]:.4f} to {min(losses):.4f}"
        seconds = time.perf_counter() - begin
        self.stages.append(EngineStage("tuning", name, "torch", seconds, note=note))
        return found
