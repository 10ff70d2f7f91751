import numpy as np
import pytest

from regkit import Affine
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.losses import LNCC, MIND, MSE, MutualInformation
from regkit.registration.check import as_mask
from regkit.registration.config import LinearConfig
from regkit.registration.linear import register_linear
from regkit.registration.linear_loss import evaluate, linear_level, value_and_gradient

CONFIG = LinearConfig(iterations=80)
SPACINGS = (5.0, 2.5, 1.4)


def _align(pair, kind, similarity, start=None, report=lambda _: None):
    start = np.eye(4) if start is None else start
    return register_linear(pair, [start], kind, similarity, CONFIG, report, spacings=SPACINGS)


@pytest.fixture(scope="module")
def turned(head, move, turn, paired):
    return paired(head, move(turn))


@pytest.mark.parametrize(
    "similarity", [MSE(), LNCC(2), MutualInformation(), MIND()], ids=lambda s: s.name
)
def test_a_rigid_motion_is_found(texture, move, turn, paired, error, similarity):
    pair = paired(texture, move(turn, image=texture))
    start = turn.matrix @ about(texture.grid.centre, rotation([0.05, 0.04, -0.06]))
    start = start @ homogeneous(np.eye(3), [1.0, -1.0, 0.5])
    matrix, stage = _align(pair, "rigid", similarity, start)
    assert error(Affine(start), turn) > 1.2
    assert error(Affine(matrix), turn) < 0.4
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)
    assert (stage.name, stage.similarity, len(stage.levels)) == ("rigid", similarity.name, 3)


@pytest.mark.parametrize("similarity", [MSE(), MutualInformation()], ids=lambda s: s.name)
def test_it_starts_from_far(turned, turn, error, similarity):
    matrix, _ = _align(turned, "rigid", similarity)
    assert error(Affine.identity(), turn) > 4
    assert error(Affine(matrix), turn) < 0.2


def test_an_affine_motion_is_found(head, move, stretch, paired, error):
    pair = paired(head, move(stretch))
    rigid, _ = _align(pair, "rigid", MSE())
    matrix, stage = _align(pair, "affine", MSE(), rigid)
    assert error(Affine(rigid), stretch) > 0.4
    assert error(Affine(matrix), stretch) < 0.15
    assert stage.name == "affine"


def test_every_level_improves_and_says_so(turned):
    told = []
    _, stage = _align(turned, "rigid", MSE(), report=told.append)
    for record in stage.levels:
        assert record.values[-1] <= record.values[0]
        assert all(b <= a + 1e-9 for a, b in zip(record.values, record.values[1:], strict=False))
    assert [len(record.values) for record in stage.levels] == [
        sum(event.level == number for event in told) for number in (1, 2, 3)
    ]
    assert {event.stage for event in told} == {"rigid"}
    assert told[-1].levels == 3
    assert told[-1].value == stage.levels[-1].values[-1]


@pytest.mark.parametrize("similarity", [MSE(), MutualInformation()], ids=lambda s: s.name)
def test_the_gradient_is_the_slope(head, parts, move, turn, paired, similarity):
    # Inside a mask, since that of a mean leaves out what enters and leaves at the border.
    mask = None if similarity.informs else as_mask(parts, head)
    turned = paired(head, move(turn), fixed_mask=mask)
    at = linear_level(turned, 2.0, similarity)
    start = turn.matrix @ homogeneous(np.eye(3), [0.6, -0.5, 0.4])
    _, gradient = value_and_gradient(at, start, similarity)
    for way in (
        homogeneous(np.eye(3), [0.03, -0.02, 0.01]),
        about(turned.fixed.grid.centre, np.eye(3) + 0.002 * np.arange(9).reshape(3, 3)),
    ):
        step = start @ way - start
        ends = [evaluate(at, start + sign * step, similarity) for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / 2
        assert (gradient * step[:3]).sum() == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("similarity", [MSE(), MutualInformation()], ids=lambda s: s.name)
def test_no_overlap_costs_more_than_any(turned, similarity):
    at = linear_level(turned, 4.0, similarity)
    far = homogeneous(np.eye(3), [500.0, 0.0, 0.0])
    value, gradient = value_and_gradient(at, far, similarity)
    assert value == evaluate(at, far, similarity) > evaluate(at, np.eye(4), similarity)
    assert (gradient == 0).all()
