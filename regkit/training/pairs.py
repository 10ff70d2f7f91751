"""Draw pairs over sources, subjects and modalities, each by its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.kernels.sampling import warp_unit
from regkit.settings import near
from regkit.training.config import Augment, RegistrationConfig, Source
from regkit.training.prepared import PreparedArrays
from regkit.training.pseudo_labels import Between, pseudo_displacement
from regkit.training.subjects import Subject, subjects_of
from regkit.training.synthesis import Deformation, noise, paint_labels, random_labels, recolour
from regkit.training.table import read_table
from regkit.training.view import TrainingView

_SHAPES = 12  # labels of a synthetic pair, at most
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Sample:
    """One image of a pair, ``(1, 1, *shape)`` each: seen by the network, and compared.

    ``u`` is the deformation that made it, ``labels`` are integers.
    """

    seen: Tensor
    compared: Tensor
    weight: Tensor
    u: Tensor
    labels: Tensor | None


@dataclass(frozen=True)
class Example:
    """A pair; where it shows the ``same`` subject twice, the ``u`` of its sides tell the truth.

    So they do with ``between``: displacements from fixed to moving before either was deformed,
    and back. ``conserve`` is that of its :class:`~regkit.training.config.Source`.
    """

    moving: Sample
    fixed: Sample
    same: bool
    conserve: str = "nothing"
    between: Between | None = None


@dataclass(frozen=True)
class SourceSubjects:
    """A source with its subjects, and the ``partners`` that they are paired with."""

    source: Source
    subjects: tuple[Subject, ...]
    partners: tuple[Subject, ...] = ()


def open_pools(config: RegistrationConfig, shape: int, *, held_out: bool) -> list[SourceSubjects]:
    """Open the sources, with those subjects that train or those that are held out.

    Parameters
    ----------
    config
        Its sources, and where prepared images lie.
    shape
        Voxels of the network's grid along every axis.
    held_out
        Take the subjects that are held out for validation, which are shown as they are.

    Raises
    ------
    InputError
        If a table is wrong, a held-out subject is not in it, or none is left to train on.
    """
    prepared = PreparedArrays(config.prepared or config.output / "prepared")
    pools = [_pool(source, shape, prepared, held_out=held_out) for source in config.sources]
    return [pool for pool in pools if pool.subjects or (_drawn(pool.source) and not held_out)]


def _drawn(source: Source) -> bool:
    return source.synthesis == "shapes"


def _pool(
    source: Source, shape: int, prepared: PreparedArrays, *, held_out: bool
) -> SourceSubjects:
    if source.table is None:
        if not _drawn(source):
            raise InputError(f"source {source.name!r}: has no table; name one, or draw shapes")
        return SourceSubjects(source, ())
    if source.conserve == "mass" and source.intensity != "ct":
        raise InputError(
            f"source {source.name!r}: conserve: mass is for intensity: ct, not {source.intensity}"
        )
    rows = read_table(source.table, modalities=source.modalities)
    everyone = subjects_of(
        rows,
        shape,
        source.intensity,
        prepared,
        aligned=source.aligned,
        mirrored=source.mirrored and not held_out,
    )
    names = {subject.name for subject in everyone}
    for name in source.held_out:
        if name not in names:
            raise InputError(
                f"source {source.name!r}: held-out subject {name!r} is not in its table"
                f"{near(name, names)}"
            )
    chosen = tuple(s for s in everyone if (s.name in source.held_out) == held_out)
    if not chosen and not held_out:
        raise InputError(f"source {source.name!r}: every subject is held out; leave some to train")
    if source.synthesis == "labels" and not all(any(r.labels for r in s.rows) for s in chosen):
        raise InputError(f"source {source.name!r}: synthesis from labels needs labels everywhere")
    if not held_out:
        return SourceSubjects(source, chosen, chosen)
    # As they are; one that was held out alone is paired with those that train.
    as_they_are = {
        "same_subject_fraction": 0.0, "recolour_fraction": 0.0, "morph_fraction": 0.0,
        "synthesis": "none",
    }  # fmt: skip
    plain = source.model_copy(update=as_they_are)
    return SourceSubjects(plain, chosen, chosen if len(chosen) > 1 else tuple(everyone))


@dataclass(frozen=True)
class PairSampler:
    """Draws pairs on a grid of ``shape`` voxels an axis, on ``device``.

    Parameters
    ----------
    randomise
        Whether the compared images are drawn independently of those that are seen.
    """

    pools: Sequence[SourceSubjects]
    augment: Augment
    shape: int
    randomise: bool
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def draw(self, generator: torch.Generator) -> Example:
        """Draw one pair, by the weights of the sources; ``generator`` is of the CPU."""
        weights = torch.tensor([pool.source.weight for pool in self.pools])
        pool = self.pools[int(torch.multinomial(weights, 1, generator=generator))]
        view = TrainingView.draw(self.augment, generator)
        if _drawn(pool.source):
            return self._of_labels(self._shapes(generator), TrainingView.whole(), generator)
        one = _any(pool.subjects, generator)
        if pool.source.synthesis == "labels" and one.labels is not None:
            return self._of_labels(one.labels, view, generator)
        others = [subject for subject in pool.partners if subject.name != one.name]
        within = float(torch.rand((), generator=generator)) < pool.source.same_subject_fraction
        same = within or not others
        two = one if same else _any(others, generator)
        compared = self._compared(one, two, generator)
        sides = [
            self._side(pool, subject, modality, view, generator)
            for subject, modality in zip((one, two), compared, strict=True)
        ]
        known = None
        if pool.source.pseudo_labels and not same:
            there, back = pseudo_displacement(two, one, self.device)
            known = view.seen(there), view.seen(back)
        return Example(sides[0], sides[1], same, pool.source.conserve, known)

    def _compared(
        self, one: Subject, two: Subject, generator: torch.Generator
    ) -> tuple[str | None, str | None]:
        """Choose a modality that both have, where they share one; None: what the network sees."""
        if not self.randomise:
            return None, None
        common = [name for name in one.modalities if name in two.modalities]
        if common:
            name = _any(common, generator)
            return name, name
        return _any(one.modalities, generator), _any(two.modalities, generator)

    def _side(
        self,
        pool: SourceSubjects,
        subject: Subject,
        compared: str | None,
        view: TrainingView,
        generator: torch.Generator,
    ) -> Sample:
        seen, source = _any(subject.modalities, generator), pool.source
        u = self._deformation(generator)
        if (
            source.morph_fraction
            and float(torch.rand((), generator=generator)) < source.morph_fraction
        ):
            u = self._toward(pool, subject, u, view, generator)
        image = view.show(subject.image(seen), u)
        other = image if compared is None else view.show(subject.image(compared), u)
        if float(torch.rand((), generator=generator)) < source.recolour_fraction:
            image = recolour(image, generator)
        labels, mask = subject.labels, subject.mask
        return Sample(
            image,
            other,
            torch.ones_like(image) if mask is None else view.show((mask > 0).float(), u),
            u,
            None if labels is None else view.show(labels, u, nearest=True),
        )

    def _toward(
        self,
        pool: SourceSubjects,
        subject: Subject,
        u: Tensor,
        view: TrainingView,
        generator: torch.Generator,
    ) -> Tensor:
        """Return ``u``, and then some of the way from another subject to this one."""
        others = [other for other in pool.partners if other.name != subject.name]
        if not others:
            return u
        there = view.seen(pseudo_displacement(_any(others, generator), subject, self.device)[0])
        share = float(torch.rand((), generator=generator))
        return u + share * warp_unit(there, u)

    def _of_labels(self, labels: Tensor, view: TrainingView, generator: torch.Generator) -> Example:
        """Draw a pair from one map of labels, deformed twice, in two contrasts."""
        sides = []
        for _ in range(2):
            u = self._deformation(generator)
            here = view.show(labels, u, nearest=True)
            image = paint_labels(here, generator)
            sides.append(Sample(image, image, (here > 0).float(), u, here))
        return Example(sides[0], sides[1], same=True)

    def _shapes(self, generator: torch.Generator) -> Tensor:
        """Draw labels of random shapes inside a random body."""
        count = int(torch.randint(4, _SHAPES + 1, (), generator=generator))
        shape = (self.shape,) * 3
        body = noise(shape, 0.4, 1, generator, self.device) > -0.5
        return (random_labels(shape, count, generator, self.device) + 1) * body

    def _deformation(self, generator: torch.Generator) -> Tensor:
        a = self.augment
        drawn = Deformation(a.scales, a.reach, a.affine)
        return drawn.draw((self.shape,) * 3, generator, self.device)


def _any(things: Sequence[Thing], generator: torch.Generator) -> Thing:
    return things[int(torch.randint(len(things), (), generator=generator))]
