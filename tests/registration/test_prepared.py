"""An image is prepared once, and registered any number of times with the same result."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Grid, InputError, Labels, Volume
from regkit.geometry.affines import homogeneous
from regkit.registration import prepared as module
from regkit.registration import pyramid as pyramids
from regkit.registration.config import make_config
from regkit.registration.preparation import with_modalities
from regkit.registration.prepared import PreparedImage
from regkit.registration.pyramid import Pyramid
from regkit.resample import resample

STAGES = ("normal", "mean", "unit", "body", "scope", "counted", "straight")


@pytest.fixture
def computed(monkeypatch):
    """The steps that are computed, in turn."""
    found = []
    for name in ("normalise", "foreground", "unit_length"):
        step = getattr(module, name)

        def counted(*args, _step=step, _name=name):
            found.append(_name)
            return _step(*args)

        monkeypatch.setattr(module, name, counted)
    return found


@pytest.fixture
def tilted(grid, head):
    """A grid whose axes are not at right angles."""
    linear = grid.affine[:3, :3].copy()
    linear[:, 2] += 0.35 * linear[:, 1]
    start = grid.centre - linear @ ((np.array(grid.shape) - 1) / 2)
    return Volume(head.data, Grid(grid.shape, homogeneous(linear, start)), "tilted.nii")


def same(one, other):
    assert torch.equal(one.warped.data, other.warped.data)
    assert one.warped.grid == other.warped.grid
    assert torch.equal(one.jacobian.data, other.jacobian.data)
    for ours, theirs in ((one.transform, other.transform), (one.inverse, other.inverse)):
        points = one.fixed.grid.world_points()
        assert torch.equal(ours(points), theirs(points))
    assert one.metrics == other.metrics
    assert one.config == other.config
    assert one.quality == other.quality


def registered(quick, *pair, **options):
    return rk.register(*pair, config=quick, **{"transform": "rigid", **options})


def test_the_result_is_that_of_the_image_to_the_bit(head, bent, quick):
    options = {"transform": "deformable", "modality": "mr"}
    plain = registered(quick, head, bent, **options)
    fixed, moving = rk.prepare(head, modality="mr"), rk.prepare(bent, modality="mr")
    for pair in ((fixed, bent), (head, moving), (fixed, moving), (fixed, bent)):
        same(registered(quick, *pair, **options), plain)
    same(registered(quick, fixed, bent, transform="deformable"), plain)


def test_masks(head, parts, bent, quick):
    inside = bent.with_data(bent.data > 20)
    plain = registered(quick, head, bent, fixed_mask=parts, moving_mask=inside)
    fixed, moving = rk.prepare(head, mask=parts), rk.prepare(bent, mask=inside.data[0].numpy())
    same(registered(quick, fixed, moving), plain)
    same(registered(quick, fixed, moving, fixed_mask=parts), plain)


def test_labels_guide(head, parts, bent, bend, quick):
    labels = Labels(rk.warp(parts, bend.inverse(), onto=bent).data, bent.grid, "labels")
    options = {"fixed_labels": parts, "moving_labels": labels, "dice": 1, "transform": "deformable"}
    plain = registered(quick, head, bent, **options)
    same(registered(quick, rk.prepare(head), rk.prepare(bent), **options), plain)


def test_an_initial_affine_places_the_moving_image(head, move, turn, quick):
    moving = move(turn)
    plain = registered(quick, head, moving, initial=turn)
    same(registered(quick, rk.prepare(head), rk.prepare(moving), initial=turn), plain)


def test_a_sheared_image(tilted, bent, quick):
    mask = Labels((tilted.data > 5).to(torch.uint8), tilted.grid)
    plain = registered(quick, tilted, bent, fixed_mask=mask)
    fixed = rk.prepare(tilted, mask=mask)
    same(registered(quick, fixed, bent), plain)
    assert fixed.straight is not fixed
    assert fixed.straight.image.grid == tilted.grid.straightened()
    same(registered(quick, bent, fixed), registered(quick, bent, tilted, moving_mask=mask))


def test_a_plane_beside_a_slice(plane, quick):
    whole = np.eye(4)
    whole[:2, :2], whole[:2, 3] = plane.grid.affine[:2, :2], plane.grid.affine[:2, 2]
    slab = Volume(plane.data[..., None], Grid((*plane.shape, 1), whole), "slab.nii")
    mask = Labels((slab.data > 5).to(torch.uint8), slab.grid)
    moved = rk.warp(plane, Affine(homogeneous(np.eye(2), [2.0, -1.0])), onto=plane)
    plain = registered(quick, slab, moved, fixed_mask=mask)
    same(registered(quick, rk.prepare(slab, mask=mask), rk.prepare(moved)), plain)


def test_one_image_twice(texture):
    atlas = rk.prepare(texture)
    assert "nothing has to move" in rk.register(atlas, atlas, preset="fast").reason


def test_every_step_is_computed_once(head, bent, quick, computed):
    fixed = rk.prepare(head)
    assert computed == []
    registered(quick, fixed, bent)
    first = len(computed)
    registered(quick, fixed, bent)
    assert computed.count("normalise") == 3
    assert len(computed) - first == first // 2


def test_threads_share_what_is_computed(head, computed):
    image = rk.prepare(head)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: image.body, range(16)))
    assert computed == ["normalise", "unit_length", "foreground"]
    assert all(each is found[0] for each in found)


def test_threads_register_to_one_atlas(head, bent, quick):
    atlas = rk.prepare(head)
    plain = registered(quick, head, bent)
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda _: registered(quick, atlas, bent), range(2)):
            same(result, plain)


def test_pickled_with_what_was_computed(head, bent, quick, computed):
    atlas = rk.prepare(head)
    plain = registered(quick, atlas, bent)
    computed.clear()
    again = pickle.loads(pickle.dumps(atlas))  # noqa: S301
    same(registered(quick, again, bent), plain)
    assert computed.count("normalise") == 1  # that of moving


def test_an_untouched_image_is_read_by_its_preparation(head, tmp_path):
    path = head.save(tmp_path / "a.nii.gz")
    assert rk.prepare(path).image.deferred is None
    data = head.data.clone()
    data[0, 3, 4, 5] = torch.nan
    broken = head.with_data(data).save(tmp_path / "b.nii")
    with pytest.raises(InputError, match=r"^b.nii: 1 of 13440 voxels are NaN"):
        rk.prepare(broken)


def test_what_is_kept_does_not_go_to_another_modality(head):
    image = rk.prepare(head)
    for name in STAGES:
        getattr(image, name)
    other = replace(image, modality="other")
    assert not torch.equal(other.normal.data, image.normal.data)
    assert isinstance(other, PreparedImage)


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_another_modality_is_a_contradiction(head, bent, quick, side):
    image = rk.prepare(head if side == "fixed" else bent)
    pair = (image, bent) if side == "fixed" else (head, image)
    with pytest.raises(
        InputError, match=r"nii.gz: was prepared with modality 'auto', and now 'mr'"
    ):
        registered(quick, *pair, modality="mr")
    if side == "moving":
        with pytest.raises(InputError, match=r"prepare it with modality='ct', or leave the option"):
            registered(quick, *pair, moving_modality="ct")


def test_modalities_of_a_preparation_stand_for_the_options(head):
    auto, mr, ct = (PreparedImage(head, None, name) for name in ("auto", "mr", "ct"))
    plain = make_config()

    def said(fixed, moving, config=plain):
        found = with_modalities(config, fixed, moving)
        return found.modality, found.moving_modality

    assert with_modalities(plain, head, head) is plain
    assert said(mr, head) == ("mr", None)
    assert said(mr, mr) == ("mr", None)
    assert said(mr, auto) == ("mr", "auto")
    assert said(head, ct) == ("auto", "ct")
    assert said(mr, ct) == ("mr", "ct")
    assert said(mr, head, make_config(moving_modality="ct")) == ("mr", "ct")


def test_another_mask_is_a_contradiction(head, parts, bent, quick):
    with pytest.raises(InputError, match=r"^head.nii.gz: was prepared without a mask; give this"):
        registered(quick, rk.prepare(head), bent, fixed_mask=parts)
    other = parts.with_data((parts.data > 2).to(torch.uint8))
    with pytest.raises(InputError, match=r"^head.nii.gz: was prepared with another mask; give"):
        registered(quick, rk.prepare(head, mask=parts), bent, fixed_mask=other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: {"image": v.with_data(0 * v.data)}, r"^head.nii.gz: all voxels are 0"),
        (lambda v: {"image": v, "modality": "xray"}, r"^modality 'xray' is unknown; allowed: auto"),
        (lambda v: {"image": v, "mask": np.zeros(v.shape)}, r"^mask: has no voxel above 0"),
        (lambda v: {"image": v, "mask": v.window((1, 1, 1), (9, 9, 9))}, r"resample the mask"),
        (lambda v: {"image": 3}, r"^int is no image that regkit knows"),
    ],
)
def test_what_cannot_be_prepared(head, change, said):
    with pytest.raises(InputError, match=said):
        rk.prepare(**change(head))


def test_levels_are_kept_up_to_four_times_the_voxels(head):
    pyramid = Pyramid(head.data)
    fine, coarse = head.grid.with_spacing(1.6), head.grid.with_spacing(3.0)
    first = pyramid.on(head, coarse)
    assert torch.equal(first, resample(head, coarse).data)
    assert pyramid.on(head, coarse) is first
    other = head.with_data(head.data + 1)
    assert torch.equal(pyramid.on(other, coarse), resample(other, coarse).data)
    again, image = pickle.loads(pickle.dumps((pyramid, head)))  # noqa: S301
    assert again.on(image, coarse) is again.on(image, coarse)
    kept = pyramid.on(head, fine)
    for spacing in np.linspace(1.1, 1.4, 12):
        pyramid.on(head, head.grid.with_spacing(spacing))
    assert pyramid.on(head, fine) is not kept
    assert sum(each.numel() for each in pyramid._kept.values()) <= 4 * head.data.numel()
    assert pyramid.on(head, head.grid) is head.data
    pyramid.forget()
    assert not pyramid._kept


def test_levels_of_an_atlas_are_computed_once(head, bent, quick, monkeypatch):
    grids = []
    monkeypatch.setattr(
        pyramids, "resample", lambda image, grid: grids.append(grid) or resample(image, grid)
    )
    atlas, subject = rk.prepare(head), rk.prepare(bent)
    registered(quick, atlas, subject)
    assert grids
    grids.clear()
    registered(quick, atlas, subject)
    assert grids == []
