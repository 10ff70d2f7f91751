"""Pairs: what the network sees and what is compared are drawn each for itself."""

from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace

import pytest
import torch

from regkit.training.config import Augment, Source
from regkit.training.pairs import PairSampler, SourceSubjects

SHAPE = 4


@dataclass(frozen=True, eq=False)
class Person:
    """Whose images are all of one value: the person's tens, and the modality's ones."""

    tens: int
    modalities: tuple[str, ...]
    labels: torch.Tensor | None = None
    mask: torch.Tensor | None = None

    @property
    def name(self):
        return str(self.tens)

    def image(self, modality):
        return torch.full((1, 1, *[SHAPE] * 3), float(self.tens + "abc".index(modality)))


@pytest.fixture
def drawn():
    """Call with who there is, for the values of many pairs."""

    def draw(people, *, randomise=True, within=0.0, count=300):
        pool = SourceSubjects(
            Source(name="x", table="x.csv", same_subject_fraction=within), people, people
        )
        drawer = PairSampler([pool], Augment(turn=0, affine=0), SHAPE, randomise)
        generator = torch.Generator().manual_seed(0)
        return [_values(drawer.draw(generator)) for _ in range(count)]

    return draw


def _values(example):
    seen, compared = (
        [float(getattr(side, part).mean()) for side in (example.moving, example.fixed)]
        for part in ("seen", "compared")
    )
    return SimpleNamespace(seen=tuple(seen), compared=tuple(compared), same=example.same)


def test_what_is_compared_is_drawn_independently_of_what_is_seen(drawn):
    found = drawn((Person(10, ("a", "b")), Person(20, ("a", "b"))))
    assert not any(each.same for each in found)
    # One modality for both, so that intensities compare; whatever the network sees.
    assert {each.compared for each in found} == {(10, 20), (11, 21), (20, 10), (21, 11)}
    one = [each for each in found if each.seen[0] < 20]
    assert {(*each.seen, *each.compared) for each in one} == {
        (10 + a, 20 + b, 10 + c, 20 + c) for a, b, c in product((0, 1), repeat=3)
    }


def test_people_without_a_modality_in_common_are_compared_in_what_they_have(drawn):
    found = drawn((Person(10, ("a",)), Person(20, ("b", "c"))))
    assert {each.compared for each in found} == {(10, 21), (10, 22), (21, 10), (22, 10)}


def test_without_randomisation_what_is_seen_is_compared(drawn):
    found = drawn((Person(10, ("a", "b")), Person(20, ("a", "b"))), randomise=False)
    assert all(each.seen == each.compared for each in found)
    assert len({each.seen for each in found}) == 8


def test_within_is_the_share_of_one_person_twice(drawn):
    found = drawn((Person(10, ("a",)), Person(20, ("a",))), within=0.3, count=1000)
    assert sum(each.same for each in found) == pytest.approx(300, abs=45)
    assert all(each.same == (each.seen[0] == each.seen[1]) for each in found)


def test_pairs_are_drawn_on_the_device_of_the_network(monkeypatch):
    """On a device without numbers, whatever lay elsewhere would be refused."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it knows none for it
    inside = torch.ones(1, 1, *[SHAPE] * 3, dtype=torch.uint8)
    people = tuple(Person(tens, ("a", "b"), inside, inside) for tens in (10, 20))
    pool = SourceSubjects(
        Source(name="x", table="x.csv", same_subject_fraction=0.5, recolour_fraction=0.5),
        people,
        people,
    )
    augment = Augment(turn=1, affine=0.1, crop=0.5, scales=(0.5,), reach=(0.1,))
    drawer = PairSampler([pool], augment, SHAPE, randomise=True, device=torch.device("meta"))
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        example = drawer.draw(generator)
        for side in (example.moving, example.fixed):
            parts = (side.seen, side.compared, side.weight, side.u, side.labels)
            assert {part.device.type for part in parts} == {"meta"}
