import numpy as np
import pytest
import torch

from regkit import Affine, DisplacementField
from regkit.geometry.grid import Grid
from regkit.kernels.smoothing import gaussian
from regkit.losses import LNCC, MIND, MSE, MutualInformation
from regkit.metrics.jacobian import jacobian
from regkit.registration.config import FieldConfig, SmoothConfig
from regkit.registration.descent import bound_steps
from regkit.registration.field import refit, register_field
from regkit.registration.field_plan import bound_iterations, least_factor
from regkit.registration.smoothness import smooth_config
from regkit.resample import warp

CONFIG = FieldConfig(factors=(2, 1), iterations=(60, 40))


def _warp(pair, similarity=None, config=CONFIG, start=None, report=lambda _: None):
    similarity = similarity or MSE()
    return register_field(pair, np.eye(4), similarity, config, report, start=start)[:2]


@pytest.fixture(scope="module")
def pair(head, bent, paired):
    return paired(head, bent)


@pytest.mark.parametrize(
    ("similarity", "share"),
    [
        (MSE(), 0.35),
        (LNCC(2), 0.35),
        (LNCC(2, squared=True), 0.35),
        (MutualInformation(), 0.6),
    ],
    ids=lambda s: getattr(s, "name", ""),
)
def test_a_smooth_warp_is_found(pair, bend, error, similarity, share):
    field, stage = _warp(pair, similarity)
    assert error(field, bend) < share * error(Affine.identity(), bend)
    assert jacobian(field, pair.grid).data.min() > 0
    assert (stage.name, stage.similarity) == ("field", similarity.name)


@pytest.mark.parametrize("similarity", [LNCC(2, squared=True), MIND()], ids=lambda s: s.name)
def test_a_smooth_warp_is_found_in_texture(texture, move, bend, paired, error, similarity):
    pair = paired(texture, move(bend, image=texture))
    field, _ = _warp(pair, similarity)
    assert error(field, bend) < 0.55 * error(Affine.identity(), bend)


def test_it_rests_on_its_border(pair):
    field, _ = _warp(pair)
    assert field.grid == pair.grid
    edge = torch.ones(field.grid.shape, dtype=torch.bool)
    edge[1:-1, 1:-1, 1:-1] = False
    assert (field.u[:, edge] == 0).all()
    assert field.u.abs().max() > 1


def test_nothing_to_do_moves_next_to_nothing(head, paired, error):
    field, stage = _warp(paired(head, head))
    assert error(field, Affine.identity()) < 0.15  # a tenth of a voxel
    assert stage.levels[-1].values[-1] < 1e-3


def test_levels_stop_when_they_no_longer_improve(pair):
    loose = CONFIG.model_copy(update={"iterations": (2000, 2000), "tolerance": 0.05})
    _, stage = _warp(pair, config=loose)
    assert all(record.converged for record in stage.levels)
    assert all(10 < len(record.values) < 500 for record in stage.levels)


def test_levels_stop_at_their_bound(pair):
    short = CONFIG.model_copy(update={"iterations": (4, 0)})
    _, stage = _warp(pair, config=short)
    # the first level is done twice, smooth and free
    assert [len(record.values) for record in stage.levels] == [8, 0]
    assert not any(record.converged for record in stage.levels)


def rippled(field):
    """``field`` and what differs from voxel to voxel."""
    ripples = torch.randn(field.u.shape, generator=torch.Generator().manual_seed(2))
    return DisplacementField(field.u + gaussian(ripples, 1.0), field.grid)


@pytest.fixture(scope="module")
def two_people(texture, paired):
    """Heads whose parts lie elsewhere in detail: no smooth field takes one to the other."""
    generator = torch.Generator().manual_seed(5)
    u = gaussian(torch.randn(3, *texture.grid.shape, generator=generator), 2.2)
    rough = DisplacementField(5.0 * u / u.std(), texture.grid)
    return paired(texture, warp(texture, rough, onto=texture.grid))


class TestOneAnatomyOrTwo:
    @pytest.mark.parametrize("started", [False, True], ids=["from nothing", "from a start"])
    def test_what_a_smooth_field_explains_stays_smooth(
        self, head, bend, move, paired, error, started
    ):
        grain = torch.randn(head.data.shape, generator=torch.Generator().manual_seed(1))
        noisy = head.with_data(head.data + 6 * grain)
        pair, start = paired(noisy, move(bend, image=head)), rippled(bend) if started else None
        field, stage = _warp(pair, LNCC(2, squared=True), start=start)
        never = CONFIG.model_copy(update={"smooth": SmoothConfig(one_anatomy_share=2)})
        free, other = _warp(pair, LNCC(2, squared=True), never, start=start)
        assert stage.note.startswith("smooth: one anatomy")
        assert other.note == ""
        assert error(field, bend) < 0.85 * error(free, bend)

    def test_what_a_start_gained_does_not_count_as_smooth(self, two_people):
        free = CONFIG.model_copy(update={"smooth": SmoothConfig(one_anatomy_share=2)})
        start = _warp(two_people, LNCC(2, squared=True), free)[0]
        _, stage = _warp(two_people, LNCC(2, squared=True), start=start)
        assert stage.note == ""

    def test_what_it_does_not_explain_is_free(self, two_people):
        _, stage = _warp(two_people, LNCC(2, squared=True))
        assert stage.note == ""

    def test_a_smooth_step_is_narrower_than_the_image(self):
        config = FieldConfig()
        assert smooth_config(config, (200, 200, 200), 2).update_sigma == config.smooth.update_sigma
        assert smooth_config(config, (64, 48, 1), 2).update_sigma == 4
        assert smooth_config(config, (8, 8, 8), 2).update_sigma == config.update_sigma


def test_large_voxels_shorten_steps_and_smoothing():
    config = FieldConfig(max_step=4.0)
    assert bound_steps(config, 4.0) == config
    coarse = bound_steps(config, 16.0)
    assert (coarse.step, coarse.update_sigma) == (config.step / 4, config.update_sigma / 4)
    assert coarse.field_sigma == config.field_sigma


def test_small_levels_may_take_more_iterations():
    config = FieldConfig(iterations=(100, 50, 6), min_work=36_000_000)
    assert bound_iterations(6, 6_000_000, config) == 6
    assert bound_iterations(6, 900_000, config) == 40
    assert bound_iterations(6, 1000, config) == 100
    assert bound_iterations(0, 1000, config) == 0
    assert bound_iterations(6, 1000, FieldConfig()) == 6


def test_every_iteration_is_told(pair):
    told = []
    _, stage = _warp(pair, report=told.append)
    assert [e.value for e in told] == [v for record in stage.levels for v in record.values]
    assert (told[0].level, told[-1].level, told[-1].levels) == (1, 2, 2)
    assert told[-1].iteration == len(stage.levels[-1].values)


def test_what_it_is_given_is_refined(pair, bend, error):
    rough = DisplacementField(0.5 * bend.u, bend.grid)
    still = CONFIG.model_copy(update={"iterations": (0, 0)})
    same, _ = _warp(pair, config=still, start=rough)
    assert error(same, rough) < 0.15
    field, stage = _warp(pair, start=rough)
    _, cold = _warp(pair)
    assert error(field, bend) < error(rough, bend)
    assert stage.levels[0].values[0] < cold.levels[0].values[0]


@pytest.mark.parametrize("size", [10, 40])
def test_it_does_not_fold_even_for_noise(head, paired, size):
    generator = torch.Generator().manual_seed(size)
    noise = head.with_data(head.data + size * torch.rand(head.data.shape, generator=generator))
    wild = CONFIG.model_copy(update={"iterations": (150, 150), "tolerance": 1e-6})
    field, _ = _warp(paired(head, noise), LNCC(1), wild)
    assert jacobian(field, field.grid).data.min() > 0
    field.inverse()


def test_a_mask_limits_what_is_compared(head, bent, paired, parts):
    mask = parts.with_data((parts.data == 5).to(torch.uint8))
    masked = paired(head, bent, fixed_mask=mask)
    free = paired(head, bent)
    assert np.prod(masked.grid.shape) < np.prod(free.grid.shape)
    _, stage = _warp(masked)
    assert stage.levels[-1].values[-1] < 0.1 * stage.levels[0].values[0]


def test_a_field_is_refitted_to_another_grid(grid):
    coarse = grid.with_spacing(3.0)
    index = torch.stack(torch.meshgrid(*(torch.arange(n) for n in coarse.shape), indexing="ij"))
    u = 0.1 * index.float()  # linear, so that interpolation is exact
    fine = refit(u, coarse, grid)
    factor = np.array(coarse.spacing) / np.array(grid.spacing)
    inner = (slice(4, -4),) * 3
    for axis in range(3):
        world = coarse.to_index(grid.world_points())[..., axis].float()
        expected = 0.1 * world * factor[axis]
        torch.testing.assert_close(fine[axis][inner], expected[inner], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "factor"),
    [((64, 77, 90), 1), ((102, 66, 133), 2), ((160, 192, 224), 2), ((400, 400, 400), 4)],
)
def test_the_field_of_many_voxels_is_coarser_than_the_images(shape, factor):
    assert least_factor(Grid(shape, np.eye(4)), 4_000_000) == factor
