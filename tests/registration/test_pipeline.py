from dataclasses import replace

import numpy as np
import pytest
import torch

from regkit import Affine, Chain, DisplacementField, Grid, InputError, Labels, Volume, compose
from regkit.metrics import dice
from regkit.registration.check import check_overlap
from regkit.registration.pipeline import register
from regkit.resample import warp
from regkit.transforms import links


@pytest.fixture(scope="module")
def half(head):
    """Half of fixed along its first axis."""
    data = torch.zeros(head.grid.shape, dtype=torch.uint8)
    data[:13] = 1
    return Labels(data, head.grid, "half.nii.gz")


def test_a_bent_pair_is_aligned(head, bent, parts, bend, quick, error):
    result = register(head, bent, config=quick)
    assert error(result.transform, bend) < 0.4 * error(Affine.identity(), bend)
    assert error(compose(result.inverse, result.transform), Affine.identity()) < 0.05
    assert result.metrics["folding"] == 0
    assert result.metrics["inverse_consistency_p95"] < 0.2
    moved = warp(parts, bend.inverse(), onto=bent.grid)
    before = dice(parts, warp(moved, Affine.identity(), onto=parts.grid))
    after = dice(parts, warp(moved, result.transform, onto=parts.grid))
    assert np.mean(list(after.values())) > np.mean(list(before.values())) + 0.05


def test_the_result_holds_what_it_promises(head, bent, quick):
    result = register(head, bent, config=quick)
    assert result.fixed is head
    assert result.moving is bent
    assert result.warped.grid == head.grid
    assert result.warped.name == bent.name
    assert torch.equal(result.warped.data, warp(bent, result.transform, onto=head.grid).data)
    assert result.jacobian.grid == head.grid
    assert result.jacobian.data.min() > 0
    assert [stage.name for stage in result.stages] == [
        "init", "rigid", "affine", "field", "selection", "output",
    ]  # fmt: skip
    assert (result.config.similarity, result.config.device) == ("mse", "cpu")
    assert result.reason == "asked for"
    assert "deformable, mse" in repr(result)
    assert isinstance(result.transform, Chain)


def test_the_inverse_is_as_fine_as_the_finest_level(head, bent, quick):
    field = quick.field.model_copy(update={"factors": (2,), "iterations": (40,)})
    coarse = quick.model_copy(update={"field": field})
    fine, half = (_spacing_of_inverse(register(head, bent, config=c)) for c in (quick, coarse))
    assert half > 1.8 * fine


def _spacing_of_inverse(result):
    fields = [link for link in links(result.inverse) if isinstance(link, DisplacementField)]
    return fields[0].grid.spacing[0]


def test_auto_says_what_it_took_and_why(head, bent, quick):
    result = register(head, bent, config=quick, similarity="auto")
    assert result.config.similarity == "lncc2"
    assert result.reason.startswith("auto: same contrast")


def test_rigid_means_rigid(head, move, turn, error, quick):
    result = register(head, move(turn), config=quick, transform="rigid")
    linear = result.transform.matrix[:3, :3]
    np.testing.assert_allclose(linear @ linear.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(linear) == pytest.approx(1)
    assert error(result.transform, turn) < 0.15
    assert [stage.name for stage in result.stages] == ["init", "rigid", "rigid", "output"]
    assert result.metrics["inverse_consistency_p95"] < 1e-6


def test_affine_means_affine(head, move, stretch, error, quick):
    result = register(head, move(stretch), config=quick, transform="affine")
    assert isinstance(result.transform, Affine)
    assert error(result.transform, stretch) < 0.2
    det = np.linalg.det(stretch.matrix[:3, :3])
    assert result.jacobian.data.mean() == pytest.approx(det, rel=0.05)


@pytest.mark.parametrize("transform", ["rigid", "affine", "deformable"])
def test_progress_is_told_stage_by_stage(head, bent, quick, transform):
    told = []
    result = register(head, bent, config=quick, transform=transform, progress=told.append)
    order = list(dict.fromkeys(event.stage for event in told))
    ran = dict.fromkeys(stage.name for stage in result.stages)
    assert order == [name for name in ran if name not in ("selection", "output")]
    assert sum(e.stage == "field" for e in told) == sum(
        len(level.values)
        for stage in result.stages
        if stage.name == "field"
        for level in stage.levels
    )


def test_the_presets_and_options_reach_the_engines(head, bent):
    from regkit.registration.config import make_config

    fast = make_config("fast", init="header", similarity="mse", field={"iterations": [3, 3]})
    result = register(
        head, bent, preset="fast", init="header", similarity="mse", field={"iterations": [3, 3]}
    )
    field = next(stage for stage in result.stages if stage.name == "field")
    assert [len(level.values) for level in field.levels] == [3 + 3, 3]  # smooth and free first
    assert result.config.field == fast.field
    assert register(head, bent, config=fast).transform.links[0].matrix.tolist() == (
        result.transform.links[0].matrix.tolist()
    )


def test_types_of_images_are_kept(head, bent, quick):
    whole = bent.with_data((10 * bent.data).round().to(torch.int16))
    result = register(head, whole, config=quick, transform="rigid")
    assert result.warped.data.dtype is torch.int16


def test_ct_is_filled_with_air(head, bent, quick):
    air = bent.with_data((15 * bent.data - 1000).to(torch.int16))
    fixed = head.with_data((15 * head.data - 1000).to(torch.int16))
    wide = fixed.window((-25, 0, 0), (60, 28, 20), fill=-1000)
    result = register(wide, air, config=quick, transform="rigid")
    assert result.warped.data[0, 0].eq(-1000).all()
    assert result.warped.data.max() > -500


def test_moving_may_be_of_another_modality(head, bent, quick):
    air = bent.with_data((15 * bent.data - 1000).to(torch.int16))
    wide = head.window((-25, 0, 0), (60, 28, 20))
    mixed = {"modality": "mr", "moving_modality": "ct", "similarity": "mi"}
    result = register(wide, air, config=quick, transform="rigid", **mixed)
    assert result.warped.data[0, 0].eq(-1000).all()


def test_images_below_zero_are_filled_with_their_minimum(head, bent, quick):
    low = bent.with_data(bent.data - 300)
    wide = head.window((-25, 0, 0), (60, 28, 20))
    result = register(wide, low, config=quick, transform="rigid", modality="other")
    assert float(result.warped.data[0, 0].max()) == pytest.approx(-300, abs=1)


class TestMasks:
    """Where each image counts."""

    def test_what_the_fixed_mask_hides_does_not_move_it(self, head, bent, half, quick):
        noise = torch.rand(head.data.shape, generator=torch.Generator().manual_seed(3))
        hidden = head.with_data(torch.where(half.data > 0, head.data, 60 * noise))
        keep = {"config": quick, "transform": "rigid", "similarity": "mi"}
        clean = register(head, bent, fixed_mask=half, **keep)
        spoilt = register(hidden, bent, fixed_mask=half, **keep)
        bare = register(hidden, bent, **keep)
        points = head.grid.world_points()[half.data[0] > 0]
        apart = (clean.transform(points) - spoilt.transform(points)).norm(dim=-1).mean()
        free = (clean.transform(points) - bare.transform(points)).norm(dim=-1).mean()
        assert apart < 0.5
        assert apart < 0.6 * free

    def test_what_the_moving_mask_hides_does_not_move_it(self, head, move, turn, error, quick):
        moving = move(turn)
        tube = torch.zeros_like(moving.data, dtype=torch.bool)
        tube[0, :7, :, 10:] = True
        hidden = torch.zeros_like(tube)
        hidden[0, :11, :, 6:] = True  # a mask that is drawn with room for the smoothing
        spoilt = moving.with_data(torch.where(tube, 50, moving.data))
        mask = Labels((~hidden).to(torch.uint8), moving.grid)
        bare = register(head, spoilt, config=quick, transform="rigid")
        masked = register(head, spoilt, config=quick, transform="rigid", moving_mask=mask)
        assert error(masked.transform, turn) < 0.3
        assert error(masked.transform, turn) < 0.5 * error(bare.transform, turn)

    def test_metrics_count_inside_the_mask(self, head, bent, half, quick):
        result = register(head, bent, config=quick, fixed_mask=half)
        inside = result.jacobian.data[half.data > 0]
        spread = float(inside.log().std(correction=0))
        assert result.metrics["log_jacobian_sd"] == pytest.approx(spread, rel=0.02)

    @pytest.mark.parametrize("which", ["fixed_mask", "moving_mask"])
    def test_an_empty_mask_is_refused(self, head, bent, which):
        image = head if which == "fixed_mask" else bent
        empty = Labels(torch.zeros(image.grid.shape, dtype=torch.uint8), image.grid, "m.nii")
        with pytest.raises(InputError, match=r"^m\.nii: has no voxel above 0"):
            register(head, bent, **{which: empty})

    def test_a_mask_of_the_other_image_is_refused(self, head, bent, half):
        with pytest.raises(InputError, match="resample the mask onto the image"):
            register(head, bent, moving_mask=half)


class TestInitial:
    """What the engines start from."""

    def test_an_affine_replaces_the_search(self, head, move, turn, error, quick):
        result = register(head, move(turn), config=quick, transform="rigid", initial=turn)
        assert error(result.transform, turn) < 0.15
        assert "init" not in [stage.name for stage in result.stages]

    def test_a_displacement_goes_to_the_field_engine(self, head, bent, bend, error, quick):
        rough = DisplacementField(0.5 * bend.u, bend.grid)
        result = register(head, bent, config=quick, initial=rough)
        assert [stage.name for stage in result.stages] == ["field", "output"]
        assert error(result.transform, bend) < 0.8 * error(rough, bend)

    def test_a_chain_gives_both(self, head, move, turn, bend, error, quick):
        truth = compose(turn, bend)
        rough = compose(turn, DisplacementField(0.5 * bend.u, bend.grid))
        result = register(head, move(truth), config=quick, initial=rough)
        assert [stage.name for stage in result.stages] == ["field", "output"]
        np.testing.assert_array_equal(result.transform.links[0].matrix, turn.matrix)
        assert error(result.transform, truth) < 0.8 * error(rough, truth)

    @pytest.mark.parametrize("transform", ["rigid", "affine"])
    def test_a_displacement_cannot_become_a_matrix(self, head, bent, bend, transform):
        with pytest.raises(InputError, match=f"which transform='{transform}' cannot refine; use"):
            register(head, bent, transform=transform, initial=bend)

    def test_another_dimension_is_refused(self, head, bent):
        with pytest.raises(InputError, match="the initial transform is 2-D and the images 3-D"):
            register(head, bent, initial=Affine.identity(2))


class TestRefusals:
    """What cannot be registered."""

    def test_bad_images(self, head, bent, plane):
        with pytest.raises(InputError, match="must have the same dimension"):
            register(head, plane)
        with pytest.raises(InputError, match="no contrast"):
            register(head, bent.with_data(torch.zeros_like(bent.data)))

    def test_bad_options(self, head, bent, quick):
        with pytest.raises(InputError, match="option smoothing: "):
            register(head, bent, smoothing=3)
        with pytest.raises(InputError, match="option transform: "):
            register(head, bent, config=quick, transform="spline")

    def test_a_device_that_is_not_there(self, head, bent, monkeypatch):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
        with pytest.raises(InputError, match="device 'cuda:3' is not available"):
            register(head, bent, device="cuda:3")


def test_images_that_do_not_overlap_are_refused(head, bent, quick):
    far = Volume(bent.data, Grid(bent.grid.shape, _shifted(bent.grid.affine, 500.0)), "far.nii.gz")
    with pytest.raises(InputError, match=r"far\.nii\.gz do not overlap.*init='centers'"):
        register(head, far, config=quick, init="header")


def test_a_small_mask_that_overlaps_in_part_is_not_refused(head, paired):
    """Of few voxels all are looked at: the first one lies outside moving."""
    mask = head.with_data(torch.zeros_like(head.data))
    mask.data[:, 9:11, 12:15, 8:11] = 1
    half = head.window((10, 0, 0), (14, 28, 20))
    pair = replace(paired(head, half), region=Labels(mask.data.to(torch.uint8), head.grid))
    check_overlap(pair, np.eye(4))


def test_a_preset_beside_a_config_is_refused(head, bent, quick):
    with pytest.raises(InputError, match="preset and config were both given"):
        register(head, bent, config=quick, preset="fast")


def _shifted(affine, by):
    moved = affine.copy()
    moved[0, 3] += by
    return moved
