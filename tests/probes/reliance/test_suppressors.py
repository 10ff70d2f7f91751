"""Suppressors: exact where they only move voxels, OpenCV's values where the reference used it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.model_settings import ModelSettings
from probes.images.samples import ImageSamples, Predict
from probes.images.settings import DataSettings
from probes.reliance.config import RelianceConfig
from probes.reliance.patches import (
    derangements,
    patch_edge,
    rotations,
    shuffle_patches,
    turn_patches,
)
from probes.reliance.study import run_reliance
from probes.reliance.suppressor import SUPPRESSORS, suppressor_called, usual_suppressors
from regkit import InputError

_PATCHED = ("patch-shuffle", "patch-rotation", "seams")


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _batch(*shape: int, bands: int = 3, count: int = 2, **more: torch.Tensor) -> Batch:
    images = torch.randn(count, bands, *shape, generator=_seeded(7)) * 20 + 100
    return Batch(images, Bands.of(images), **more)


@pytest.fixture(scope="module")
def photographs() -> tuple[Batch, list[np.ndarray]]:
    """Pictures of 224 x 224, 8 bits, whose span is that of 8 bits, and one of black and white."""
    pictures = [
        (resize(image(), (224, 224), anti_aliasing=True) * 255).round().astype(np.uint8)
        for image in (data.astronaut, data.chelsea, data.coffee)
    ]
    pictures[2] = (pictures[2] > 128).astype(np.uint8) * 255
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return Batch(images, Bands.of(images, span=(0, 255))), pictures


_BLURS = [(3, 0.33), (5, 0.66), (7, 1.0), (9, 1.33), (11, 1.66), (13, 2.0), (15, 2.33)]


# Settings of the reference at 224 pixels; answers of OpenCV 5.0 on 8-bit RGB.
@pytest.mark.parametrize(
    ("name", "strength", "peer"),
    [
        ("bilateral", 50 / 765, lambda x: cv2.bilateralFilter(x, 4, 50, 75)),
        ("bilateral", 170 / 765, lambda x: cv2.bilateralFilter(x, 12, 170, 75)),
        ("bilateral", 200 / 765, lambda x: cv2.bilateralFilter(x, 14, 200, 75)),
        *(
            ("gaussian", sigma / 224, lambda x, k=(n, n), s=sigma: cv2.GaussianBlur(x, k, s))
            for n, sigma in _BLURS
        ),
        *(("median", r / 224, lambda x, r=r: cv2.medianBlur(x, 2 * r + 1)) for r in (1, 3, 5)),
        ("luminance", 1.0, lambda x: np.stack([cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)] * 3, -1)),
    ],
)
def test_opencv_gives_the_same_within_rounding(photographs, name, strength, peer):
    batch, pictures = photographs
    found = suppressor_called(name)(batch, strength, _seeded()).images
    wanted = torch.from_numpy(np.stack([peer(each) for each in pictures])).permute(0, 3, 1, 2)
    assert float((found - wanted).abs().max()) < 0.51


def test_weights_of_a_wide_gaussian_are_those_of_a_gaussian():
    images = torch.zeros(1, 1, 1, 1001)
    images[..., 500] = 1
    batch = Batch(images.expand(1, 1, 600, 1001), Bands.of(images))
    found = suppressor_called("gaussian")(batch, 40 / 600, _seeded()).images[0, 0, 300]
    places = torch.arange(1001.0) - 500
    wanted = torch.distributions.Normal(0, 40).log_prob(places).exp()
    torch.testing.assert_close(found.cumsum(0), wanted.cumsum(0), atol=2e-3, rtol=0)
    assert int((found[400:600] == 0).sum()) == 0


def test_a_study_shows_models_what_opencv_gives_for_the_span_that_it_names(
    photographs, monkeypatch
):
    _, pictures = photographs
    dim = [(60 + each // 3).astype(np.uint8) for each in pictures]  # percentiles lie far inside
    images = torch.from_numpy(np.stack(dim)).permute(0, 3, 1, 2)
    shown: list[torch.Tensor] = []

    def look(*_: object) -> Predict:
        return lambda given: shown.append(given) or torch.eye(2)[[0, 1, 0]]

    monkeypatch.setattr("probes.reliance.judges.open_model", look)
    config = RelianceConfig(
        study="Dim", data=[DataSettings(name="dim", kind="npz", path="dim.npz")],
        models=[ModelSettings(name="any", source="python=a:b")], span=(0, 255), draws=1,
        suppressors=("bilateral", "gaussian"), resamples=100,
        levels={"bilateral": (50 / 765,), "gaussian": (1 / 224,)},
    )  # fmt: skip
    samples = ImageSamples(images, np.array([0.0, 1, 0]), ["a", "b", "c"])
    run_reliance(config, [samples])
    peers = (lambda x: cv2.bilateralFilter(x, 4, 50, 75), lambda x: cv2.GaussianBlur(x, (7, 7), 1))
    assert torch.equal(shown[0], images.float())
    for found, peer in zip(shown[1:], peers, strict=True):
        wanted = torch.from_numpy(np.stack([peer(each) for each in dim])).permute(0, 3, 1, 2)
        assert float((found.round() - wanted).abs().max()) <= 1


def test_the_preset_of_the_paper_has_its_settings():
    """The six of the bilateral filter, seven of the Gaussian and five of non-local means."""
    given = {"study": "Any", "data": [{"name": "x", "kind": "npz", "path": "x.npz"}]}
    found = RelianceConfig.model_validate(given | {"preset": "paper"})
    assert found.span == (0, 255)
    assert len(found.suppressors) == 11
    levels = {name: np.array(each) for name, each in found.levels.items()}
    assert levels["bilateral"] * 765 == pytest.approx([50, 80, 110, 140, 170, 200])
    assert levels["gaussian"] * 224 == pytest.approx([sigma for _, sigma in _BLURS])
    assert levels["nonlocal-means"] * 255 == pytest.approx([5, 10, 15, 20, 25])
    other = RelianceConfig.model_validate(given | {"preset": "paper", "suppressors": ["median"]})
    assert (other.suppressors, other.span) == (("median",), (0, 255))
    with pytest.raises(ValueError, match="'paper'"):
        RelianceConfig.model_validate(given | {"preset": "papre"})


def test_a_median_between_two_sizes_is_a_mixture_of_both():
    batch = _batch(20, 20)
    small, large, between = (
        suppressor_called("median")(batch, radius / 20, _seeded()).images for radius in (1, 2, 1.25)
    )
    torch.testing.assert_close(between, 0.75 * small + 0.25 * large)
    least = suppressor_called("median")(batch, 0.5 / 20, _seeded()).images
    torch.testing.assert_close(least, (batch.images + small) / 2)


def test_images_beyond_the_span_are_named():
    with pytest.raises(InputError, match="span is 0 to 1, but the images go from 0 to 5"):
        Bands.of(torch.arange(6.0).reshape(1, 2, 3), span=(0, 1))


@pytest.mark.parametrize("shape", [(224, 224), (96, 130), (28, 28), (17, 9)])
@pytest.mark.parametrize("deviation", [3, 10, 25])
def test_nonlocal_means_are_those_of_opencv(shape, deviation):
    """Pictures, and noise of two kinds; windows grow with the images."""
    drawn = np.random.default_rng(0)
    pictures = [
        (resize(image(), shape, anti_aliasing=True) * 255).round().astype(np.uint8)
        for image in (data.astronaut, data.coffee)
    ]
    pictures.append(drawn.integers(0, 256, (*shape, 3), dtype=np.uint8))
    pictures.append(drawn.normal(128, 15, (*shape, 3)).clip(0, 255).astype(np.uint8))
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    batch = Batch(images, Bands.of(images, span=(0, 255)))
    found = suppressor_called("nonlocal-means")(batch, deviation / 255, _seeded()).images
    template, search = (2 * max(1, round(half * min(shape) / 224)) + 1 for half in (7, 10))
    peers = [cv2.fastNlMeansDenoising(each, None, deviation, template, search) for each in pictures]
    wanted = torch.from_numpy(np.stack(peers)).permute(0, 3, 1, 2)
    assert float((found - wanted).abs().max()) < 0.501
    assert float(((found + 0.5).floor() != wanted).double().mean()) < 1e-4


@pytest.mark.parametrize("shape", [(16, 16), (17, 23), (12, 13, 14)])
@pytest.mark.parametrize("move", [shuffle_patches, turn_patches])
def test_voxels_move_whole_and_none_stays_with_its_patch(shape, move):
    places = torch.arange(int(np.prod(shape))).reshape(1, 1, *shape).float()
    batch = Batch(places, Bands.of(places), labels=places.long())
    found = move(batch, 4, _seeded(3))
    assert set(found.images.flatten().tolist()) <= set(places.flatten().tolist())
    assert torch.equal(found.images.long(), found.labels)
    if all(size % 4 == 0 for size in shape):
        assert sorted(found.images.flatten().tolist()) == places.flatten().tolist()


def test_the_grids_of_the_paper_have_their_number_of_patches():
    """Also 6 and 10 along 224 pixels, which they do not divide."""
    for count in range(2, 17, 2):
        edge = patch_edge((224, 224), count)
        assert -(-224 // edge) == count
        assert -224 % edge <= 6  # what is continued by the mirror image


def test_one_thing_alone_has_no_other_place():
    with pytest.raises(InputError, match="1 thing cannot change its place"):
        derangements(1, 1, _seeded())


def test_every_patch_changes_its_place():
    edge, places = 4, torch.arange(256.0).reshape(1, 1, 16, 16)
    batch = Batch(places.repeat(50, 1, 1, 1), Bands.of(places))
    found = shuffle_patches(batch, 4, _seeded()).images
    stays = (found == places).reshape(50, 4, edge, 4, edge).all(4).all(2)
    assert not bool(stays.any())


def test_every_patch_turns_and_keeps_its_place():
    numbers = torch.arange(16).repeat_interleave(4).reshape(4, 4, 4)
    where = torch.stack([torch.cat(list(row), 1) for row in numbers.reshape(4, 4, 2, 2)])
    where = where.reshape(1, 1, 8, 8)
    values = torch.randn(1, 1, 8, 8, generator=_seeded())
    found = turn_patches(Batch(values, Bands.of(values), labels=where), 4, _seeded(1))
    assert torch.equal(found.labels, where)
    turned = (found.images != values).reshape(4, 2, 4, 2).any(3).any(1)
    assert bool(turned.all())


def test_the_turns_of_a_cube_are_the_rotation_group():
    cube = torch.arange(27).reshape(1, 1, 3, 3, 3)
    found = {
        tuple(cube.permute(0, 1, *(2 + a for a in order)).flip([2 + a for a in axes]).flatten())
        for order, axes in rotations(3)
    }
    assert len({tuple(int(v) for v in each) for each in found}) == 23


def test_derangements_are_uniform():
    drawn = derangements(9000, 4, _seeded())
    assert not bool((drawn == torch.arange(4)).any())
    counts = torch.unique(drawn, dim=0, return_counts=True)[1]
    assert len(counts) == 9
    assert float((counts / 9000 - 1 / 9).abs().max()) < 0.02


def test_seams_leave_the_inside_of_patches():
    batch = _batch(24, 24)
    found = suppressor_called("seams")(batch, 4, _seeded()).images
    inside = (found == batch.images).reshape(2, 3, 4, 6, 4, 6)[:, :, :, 1:-1, :, 1:-1]
    assert bool(inside.all())
    assert not bool((found == batch.images).all())


@pytest.mark.parametrize("name", list(SUPPRESSORS))
@pytest.mark.parametrize("shape", [(24, 30), (12, 16, 14)])
def test_a_unit_changes_nothing(name, shape):
    """The same image in another unit, with an offset: the same result in that unit."""
    batch = _batch(*shape)
    other = batch.images * 40 - 1000
    strength = 3.0 if name in _PATCHED else SUPPRESSORS[name].levels[-1]
    found = SUPPRESSORS[name](batch, strength, _seeded(5)).images
    again = SUPPRESSORS[name](Batch(other, Bands.of(other)), strength, _seeded(5)).images
    if name != "luminance":  # its weights are of 8-bit RGB
        torch.testing.assert_close((again + 1000) / 40, found, atol=2e-2, rtol=1e-3)


@pytest.mark.parametrize("name", list(SUPPRESSORS))
def test_what_has_no_data_bleeds_into_nothing(name):
    valid = torch.ones(2, 1, 24, 24, dtype=torch.bool)
    valid[:, :, :, 15:] = False
    clean = _batch(24, 24, valid=valid)
    dirty = Batch(clean.images.where(valid, torch.tensor(9e4)), clean.bands, valid)
    strength = 3.0 if name in _PATCHED else SUPPRESSORS[name].levels[-1]
    found = [SUPPRESSORS[name](each, strength, _seeded(2)) for each in (clean, dirty)]
    known = found[0].valid
    torch.testing.assert_close(
        found[0].images.where(known, torch.zeros(())), found[1].images.where(known, torch.zeros(()))
    )


@pytest.mark.parametrize("name", [n for n in SUPPRESSORS if n not in _PATCHED])
def test_nothing_is_suppressed_at_strength_zero(name):
    batch = _batch(12, 12)
    assert SUPPRESSORS[name](batch, 0, _seeded()) is batch


def test_a_common_component_has_no_colour_and_each_band_its_own_mean():
    common = torch.randn(4, 1, 20, 20, generator=_seeded())
    scale = torch.tensor([1.0, 30.0, 500.0]).reshape(1, 3, 1, 1)
    images = (common + 0.2 * torch.randn(4, 3, 20, 20, generator=_seeded(1))) * scale + 7 * scale
    batch = Batch(images, Bands.of(images))
    found = suppressor_called("grayscale")(batch, 1.0, _seeded()).images
    scores = batch.bands.standardised(found)
    torch.testing.assert_close(scores[:, :1].expand_as(scores), scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.mean((0, 2, 3)), images.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)
    spread = found.std((0, 2, 3)) / images.std((0, 2, 3))
    torch.testing.assert_close(spread, torch.ones(3), rtol=1e-3, atol=1e-3)


def test_no_band_keeps_its_place():
    images = torch.arange(5.0).reshape(1, 5, 1, 1) * 10 + torch.randn(30, 5, 6, 6)
    batch = Batch(images, Bands.of(images))
    scores = batch.bands.standardised(images)
    found = batch.bands.standardised(
        suppressor_called("band-exchange")(batch, 1.0, _seeded()).images
    )
    assert not bool(torch.isclose(found, scores, atol=1e-4).flatten(2).all(2).any())


def test_a_remap_keeps_the_order_of_intensities():
    batch = _batch(16, 16, bands=1)
    found = suppressor_called("monotone-remap")(batch, 2.0, _seeded()).images
    for before, after in zip(batch.images.flatten(1), found.flatten(1), strict=True):
        assert bool((after[before.argsort()].diff() >= -1e-3).all())


def test_a_flat_histogram_is_flat():
    batch = _batch(32, 32, bands=1)
    found = suppressor_called("flat-histogram")(batch, 1.0, _seeded()).images
    shares = ((found - batch.bands.low) / batch.bands.span).flatten(1).sort(1).values
    torch.testing.assert_close(
        shares, torch.linspace(0, 1, 1024).expand_as(shares), atol=2e-3, rtol=0
    )


def test_compositions_and_fixed_strengths():
    batch = _batch(32, 32)
    both = suppressor_called("patch-shuffle+grayscale")(batch, 2, _seeded(4)).images
    first = suppressor_called("patch-shuffle")(batch, 4.0, _seeded(4))
    assert torch.equal(both, suppressor_called("grayscale")(first, 0.4, _seeded()).images)
    fixed = suppressor_called("grayscale@0.3+patch-shuffle")(batch, 1, _seeded(4)).images
    gray = suppressor_called("grayscale")(batch, 0.3, _seeded())
    assert torch.equal(fixed, suppressor_called("patch-shuffle")(gray, 2.0, _seeded(4)).images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: suppressor_called("patchshuffle"), "did you mean 'patch-shuffle'"),
        (lambda: suppressor_called("bilateral@x"), "has no strength"),
        (
            lambda: suppressor_called("grayscale")(_batch(8, 8, bands=1), 1.0, _seeded()),
            "grayscale needs at least 2 bands; the images have 1",
        ),
        (
            lambda: suppressor_called("luminance")(_batch(8, 8, bands=4), 1.0, _seeded()),
            "luminance needs 3 bands; the images have 4",
        ),
        (
            lambda: suppressor_called("patch-shuffle")(_batch(20, 28), 16, _seeded()),
            "16 patches along the shorter side of an image of 20x28 .* give 2 to 10 patches",
        ),
        (lambda: Bands.of(torch.ones(2, 1, 4, 4)), "band 1 is 1 everywhere"),
        (
            lambda: Bands.of(torch.full((1, 1, 2), float("nan"))),
            "band 1 has values that are not finite",
        ),
        (
            lambda: Bands.of(torch.randn(1, 1, 4), torch.zeros(1, 1, 4, dtype=torch.bool)),
            "band 1 has no data anywhere",
        ),
    ],
)
def test_what_cannot_be_done_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_usual_suppressors_suit_the_bands():
    for bands in (1, 3, 13):
        for name in usual_suppressors(bands):
            suppressor_called(name)(_batch(32, 32, bands=bands), 2.0, _seeded()) if (
                name in _PATCHED
            ) else suppressor_called(name)(_batch(32, 32, bands=bands), 0.2, _seeded())
