"""Features on disk: found again, never taken for others, no more of them than allowed."""

import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from regkit import InputError
from regkit.features import FeatureCache, identity_of
from regkit.losses import FeatureSimilarity


@dataclass
class Calls:
    """How many images were in the network at each call; no setting, so that no identity has it."""

    sizes: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Scaled:
    """An extractor that counts how often it is asked."""

    files: tuple[Path, ...]
    layers: tuple[str, ...] = ("a",)
    timestep: int = 5
    name: str = "scaled"
    ndim: int = 2
    settings: dict[str, Any] = field(default_factory=lambda: {"sigma": 2.0})
    calls: Calls = field(default_factory=Calls, compare=False)

    @property
    def asked(self):
        return self.calls.sizes

    def draw(self, images, generator):
        return torch.randn(images[:1].shape, generator=generator)

    def to(self, device):
        return self

    def __call__(self, images, noise):
        self.asked.append(len(images))
        shift = 0 if noise is None else noise
        return [self.timestep * images + shift for _ in self.layers]


@pytest.fixture
def extractor(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"one")
    return Scaled((tmp_path / "weights.bin",))


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache", max_bytes=1 << 20)


@pytest.fixture
def images():
    return torch.rand(5, 1, 8, 6, generator=torch.Generator().manual_seed(0))


def kept(cache):
    return sorted(path.name for path in cache.folder.iterdir()) if cache.folder.exists() else []


def test_maps_are_made_once(cache, extractor, images):
    first = cache(extractor, images, chunk=2)
    assert extractor.asked == [2, 2, 1]
    extractor.asked.clear()
    second = cache(extractor, images, chunk=2)
    assert extractor.asked == []
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[0], 5 * images)
    assert len(kept(cache)) == 1


@pytest.mark.parametrize(
    "change", [{"timestep": 6}, {"layers": ("a", "b")}, {"settings": {"sigma": 3.0}}, {"name": "x"}]
)
def test_other_settings_are_other_maps(cache, extractor, images, change):
    cache(extractor, images)
    other = replace(extractor, **change)
    assert len(cache(other, images)) == len(other.layers)
    assert len(kept(cache)) == 2


def test_other_weights_are_other_maps_wherever_they_lie(cache, extractor, images, tmp_path):
    cache(extractor, images)
    (tmp_path / "moved.bin").write_bytes(b"one")
    moved = replace(extractor, files=(tmp_path / "moved.bin",), calls=Calls())
    cache(moved, images)
    assert moved.asked == []
    (tmp_path / "weights.bin").write_bytes(b"two")
    extractor.asked.clear()
    cache(extractor, images)
    assert extractor.asked == [5]


def test_other_images_and_noise_are_other_maps(cache, extractor, images):
    cache(extractor, images)
    almost = images.clone()
    almost[0, 0, 0, 0] += 1e-6
    noise = extractor.draw(images, torch.Generator().manual_seed(1))
    for other in ((almost, None), (images.reshape(5, 1, 6, 8), None), (images, noise)):
        cache(extractor, *other)
    assert len(kept(cache)) == 4
    assert torch.equal(cache(extractor, images, noise)[0], 5 * images + noise)


def test_what_was_used_last_stays(extractor, images, tmp_path):
    one = FeatureCache(tmp_path / "cache", max_bytes=1 << 20)
    one(extractor, images)
    size = next(one.folder.iterdir()).stat().st_size
    small = replace(one, max_bytes=2 * size)
    (one.folder / "model.safetensors").write_bytes(b"x" * 4 * size)  # somebody else's
    names = {0: set(kept(one))}
    for n in (1, 2):
        before = set(kept(small))
        for age, name in enumerate(sorted(before)):
            path = small.folder / name
            os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - age - 1))
        if n == 2:
            small(extractor, images)  # the oldest one is used again
        small(extractor, images + n)
        names[n] = set(kept(small)) - before
    left = set(kept(small))
    assert "model.safetensors" in left
    assert names[0] <= left
    assert names[2] <= left
    assert not names[1] & left


def test_what_is_too_large_is_not_kept(extractor, images, tmp_path):
    cache = FeatureCache(tmp_path / "cache", max_bytes=100)
    assert torch.equal(cache(extractor, images)[0], 5 * images)
    assert kept(cache) == []


def test_damaged_maps_are_made_anew(cache, extractor, images):
    cache(extractor, images)
    path = next(cache.folder.iterdir())
    path.write_bytes(path.read_bytes()[:20])
    assert torch.equal(cache(extractor, images)[0], 5 * images)
    assert path.stat().st_size > 20


def test_what_is_stopped_leaves_no_half(cache, extractor, images, monkeypatch):
    def full(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        cache(extractor, images)
    assert kept(cache) == []


def test_what_a_killed_process_left_is_removed_after_a_while(cache, extractor, images):
    cache.folder.mkdir()
    left = cache.folder / f".{'0' * 64}-1-00000000.part"
    left.write_bytes(b"half")
    cache(extractor, images)
    assert left.exists()
    os.utime(left, (0, 0))
    cache(extractor, images + 1)
    assert not left.exists()


def test_several_may_share_a_folder(cache, extractor, images):
    small = replace(cache, max_bytes=4000)
    wrong = []

    def work(start):
        for n in range(20):
            given = images + (start + n) % 5
            if not torch.equal(small(extractor, given)[0], 5 * given):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 4000


def test_an_extractor_that_does_not_say_what_decides_it_is_refused(cache, extractor, images):
    with pytest.raises(InputError, match="features:scaled: does not say which files decide"):
        cache(replace(extractor, files=None), images)


def test_an_identity_knows_what_is_plain_and_no_paths(extractor, tmp_path):
    found = identity_of(extractor)
    assert (found["layers"], found["timestep"], found["settings"]) == (["a"], 5, {"sigma": 2.0})
    assert str(tmp_path) not in str(found)


def test_features_of_a_similarity_are_kept_where_nothing_is_drawn(cache, extractor):
    image = torch.rand(1, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    plain = FeatureSimilarity(extractor, noise="none", chunk=3)
    keeping = replace(plain, cache=cache)
    assert torch.equal(keeping.precompute(image, 1)[0], plain.precompute(image, 1)[0])
    assert len(kept(cache)) == 1
    replace(keeping, noise="shared").precompute(image, 1)
    assert len(kept(cache)) == 1
