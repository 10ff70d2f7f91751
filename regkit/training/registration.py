"""The task `registration`: train GradICON networks on pairs of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from regkit.errors import InputError
from regkit.losses.similarity import Similarity
from regkit.networks import models
from regkit.networks.flow import begin_as_flow
from regkit.networks.gradicon import add_halved_step, cascade, from_state
from regkit.networks.normalised import NormalisedRegistration
from regkit.networks.steps import Registration, Step, SteppedMap
from regkit.networks.unet import UNet, Widths
from regkit.networks.weights.checkpoint import TrainingDomain, read_checkpoint, write_checkpoint
from regkit.registration.choice import similarity_of
from regkit.settings import validate
from regkit.training.config import Augment, RegistrationConfig
from regkit.training.headers import check_headers
from regkit.training.objective import objective
from regkit.training.pairs import Example, PairSampler, SourceSubjects, open_pools
from regkit.training.patches import map_patches
from regkit.training.resources import disk_needed, memory_needed
from regkit.training.tasks import WEIGHTS

_AS_IT_IS = Augment(turn=0, affine=0)
_VALIDATION = 1  # its draws are the same every time


@dataclass
class RegistrationTask:
    """The training of a registration network; see :class:`regkit.training.tasks.TrainingTask`."""

    config: RegistrationConfig
    _train: PairSampler | None = None
    _held_out: PairSampler | None = None
    _shape: int = field(default=0)
    _patch: int = field(default=0)

    @classmethod
    def of(cls, given: Mapping[str, Any], name: str) -> Self:
        """Make the task from the settings of a YAML file, with every table read and checked.

        Raises
        ------
        InputError
            If a word, a table or a file is wrong.
        """
        config = validate(RegistrationConfig, given, f"{name}:")
        widths = [stage.networks for stage in config.stages]
        if widths != sorted(widths):
            raise InputError(f"{name}: stages: networks {widths} shrink; a network only grows")
        with torch.device("meta"):  # a check alone
            cascade(config.halvings, widths=Widths(config.down, config.up))
        if widths[-1] > len(config.halvings):
            raise InputError(
                f"{name}: stages: networks {widths[-1]} are more than halvings {config.halvings} "
                "tell; give one number for each"
            )
        if config.window and config.window % 2 == 0:
            raise InputError(f"{name}: window {config.window} has no middle; give an odd number")
        for stage in config.stages:
            grid = _grid(config, stage.networks)
            if stage.patch > grid:
                raise InputError(
                    f"{name}: stages: patch {stage.patch} is larger than the {grid} voxels that "
                    f"networks: {stage.networks} sees; make it smaller"
                )
        if config.start is not None:
            _check_start(config, _started(config, widths[0], name), name)
        labelled = False
        pools = [p for way in (False, True) for p in open_pools(config, config.shape, held_out=way)]
        for source in config.sources:
            own = [pool for pool in pools if pool.source.name == source.name]
            rows = {row: None for pool in own for each in pool.subjects for row in each.rows}
            check_headers(rows, aligned=source.aligned)
            labelled |= any(row.labels for row in rows) or source.synthesis == "shapes"
        if config.loss.dice and not labelled:
            raise InputError(f"{name}: loss: dice needs labels, and no table names any")
        return cls(config)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The name of the file of weights."""
        return (WEIGHTS,)

    def inputs(self) -> dict[str, Path]:
        """Return the tables, and the file of weights to start from."""
        found = {
            f"sources.{number}.table": source.table
            for number, source in enumerate(self.config.sources)
            if source.table is not None
        }
        start = self.config.start
        return found | ({} if start is None else {"start": models.weights_file(start)})

    def data(self) -> list[Path]:
        """List the images, labels and masks of the tables."""
        subjects = [each for pool in self._pools() for each in pool.subjects]
        rows = dict.fromkeys(row for each in subjects for row in each.rows)
        files = [path for row in rows for path in (row.image, row.labels, row.mask)]
        return list(dict.fromkeys(path for path in files if path is not None))

    def bytes_needed(self) -> tuple[int, int]:
        """Count the bytes of the weights, and of the images as the network sees them."""
        return memory_needed(self.config), disk_needed(self.config, self._pools())

    def open(self) -> None:
        """Do nothing: images are read when they are drawn for the first time."""

    def _pools(self) -> list[SourceSubjects]:
        ways = (False, True)
        return [p for way in ways for p in open_pools(self.config, self.config.shape, held_out=way)]

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """Build the network with as many steps as the stage has, and open its pairs."""
        wanted = self.config.stages[stage].networks
        halvings = self.config.halvings
        self._shape = _grid(self.config, wanted)
        self._train, self._held_out = self._drawer(held_out=False), self._drawer(held_out=True)
        self._patch = self.config.stages[stage].patch
        found = self._first(wanted) if network is None else network
        if not isinstance(found, Registration):
            raise InputError(f"{type(found).__name__} is no registration network")
        while (n := _steps(found)) < wanted:
            step = Step(self._begun(UNet(3, _widths(found))))
            found = add_halved_step(found, step, halvings[n - 1] - halvings[n])
        if isinstance(found, NormalisedRegistration) and self.config.window:
            found.window.fill_(_window(self.config, self._shape))
        found.train()
        if self.config.batch_norm == "frozen":
            found.eval()
        return found.requires_grad_(True)

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Compute the objective on a batch of pairs, in both directions."""
        if self._train is None:
            raise InputError("a stage has to begin before it can be trained")
        with torch.autocast(device.type, enabled=False):  # places are not for half precision
            drawer = replace(self._train, device=device)
            examples = [drawer.draw(generator) for _ in range(self.config.batch)]
        # Of the loop's randomness, which a stopped run goes on with.
        if self._similarity.is_stochastic((self._shape,) * 3):
            self._similarity.seed(int(torch.randint(1 << 31, (), generator=generator)))
        if not self._patch:
            return self._objective(_seen_by(network, examples), examples)
        count = self.config.patches
        return self._objective(*map_patches(network, examples, self._patch, count, generator))

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Compute the objective on held-out pairs as they are."""
        if self._held_out is None or not self._held_out.pools:
            return {}
        drawer = replace(self._held_out, device=device)
        generator = torch.Generator().manual_seed(_VALIDATION)
        self._similarity.seed(_VALIDATION)
        count, training = self.config.validation_pairs, network.training
        network.eval()
        try:
            with torch.no_grad():
                each = []
                for _ in range(count):
                    examples = [drawer.draw(generator)]
                    each.append(self._objective(_seen_by(network, examples), examples))
        finally:
            network.train(training)
        names = {name for values in each for name in values}
        return {
            name: float(torch.stack([v[name] for v in each if name in v]).mean())
            for name in sorted(names)
        }

    def save(self, network: nn.Module, path: Path) -> None:
        """Write safetensors that `--model` takes; they tell the grid they were trained on."""
        state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
        write_checkpoint(state, path, TrainingDomain(self._shape, self.config.contrast))

    def _objective(self, phi: SteppedMap, examples: Sequence[Example]) -> dict[str, Tensor]:
        shape, loss = examples[0].fixed.seen.shape[2:], self.config.loss
        steps = tuple(step.float() for step in phi.steps)
        with torch.autocast(steps[0].device.type, enabled=False):
            *earlier, u = [
                replace(phi, steps=steps[: n + 1]).displacement(shape)
                for n in range(len(steps))
                if loss.coarse or n == len(steps) - 1
            ]
            return objective(u, examples, self._similarity, loss, earlier=earlier)

    @cached_property
    def _similarity(self) -> Similarity:
        loss = self.config.loss
        return similarity_of(loss.similarity, loss.radius, loss.features, self.config.seed)

    def _drawer(self, *, held_out: bool) -> PairSampler:
        pools = open_pools(self.config, self._shape, held_out=held_out)
        augment = _AS_IT_IS if held_out else self.config.augment
        return PairSampler(pools, augment, self._shape, self.config.loss.randomise)

    def _first(self, steps: int) -> Registration:
        if self.config.start is None:
            return self._new(steps)
        return _started(self.config, steps, "start")

    def _new(self, steps: int) -> Registration:
        network = cascade(self.config.halvings[:steps], 3, Widths(self.config.down, self.config.up))
        for part in network.modules():
            if isinstance(part, UNet):
                self._begun(part)
        return (
            NormalisedRegistration(network, self.config.window) if self.config.window else network
        )

    def _begun(self, net: UNet) -> UNet:
        if self.config.first == "flow":
            begin_as_flow(net)
        return net


def _grid(config: RegistrationConfig, networks: int) -> int:
    """Return the voxels an axis of the images that a network of so many steps sees."""
    return -(-config.shape // (1 << config.halvings[networks - 1]))


def _started(config: RegistrationConfig, steps: int, name: str) -> Registration:
    """Load the network of the weights that ``config.start`` names, if it suits the first stage."""
    start = str(config.start)
    path = models.weights_file(start)
    if not path.is_file():
        raise InputError(f"{name}: start: {path} does not exist; give weights that do")
    found = from_state(read_checkpoint(path), name=path.name)
    if _steps(found) > steps:
        raise InputError(
            f"{name}: start: {start} has {_steps(found)} networks, the first stage {steps}; "
            f"begin with networks: {_steps(found)}"
        )
    if _ndim(found) != 3:
        raise InputError(f"{name}: start: {start} is of {_ndim(found)} axes; training takes 3")
    own = config.halvings[: _steps(found)]
    with torch.device("meta"):
        like = cascade(own, 3, _widths(found))
    plain = found.net if isinstance(found, NormalisedRegistration) else found
    if plain.state_dict().keys() != like.state_dict().keys():
        raise InputError(
            f"{name}: start: the networks of {start} do not look where halvings {own} tell; give "
            "the halvings that they were trained with"
        )
    return found


def _check_start(config: RegistrationConfig, found: Registration, name: str) -> None:
    """Refuse settings of a new network that the weights it starts from contradict."""
    widths = _widths(found)
    window = int(found.window) if isinstance(found, NormalisedRegistration) else 0
    own = {"down": widths.down, "up": widths.up, "window": window > 0}
    asked = {"down": config.down, "up": config.up, "window": config.window > 0}
    for word in asked:
        if word in config.model_fields_set and asked[word] != own[word]:
            raise InputError(
                f"{name}: {word}: {getattr(config, word)} is of a new network, and start: "
                f"{config.start} has its own; leave it out"
            )


def _window(config: RegistrationConfig, shape: int) -> int:
    """Return the window of ``config.shape`` voxels an axis, on a coarser grid."""
    return 2 * max(1, config.window // 2 * shape // config.shape) + 1


def _seen_by(network: nn.Module, examples: Sequence[Example]) -> SteppedMap:
    moving = torch.cat([each.moving.seen for each in examples])
    fixed = torch.cat([each.fixed.seen for each in examples])
    phi: SteppedMap = network(torch.cat([moving, fixed]), torch.cat([fixed, moving]))
    return phi


def _steps(network: Registration) -> int:
    return sum(isinstance(part, Step) for part in network.modules())


def _ndim(network: Registration) -> int:
    return int(next(part.ndim for part in network.modules() if isinstance(part, UNet)))


def _widths(network: Registration) -> Widths:
    return next(part.widths for part in network.modules() if isinstance(part, UNet))
