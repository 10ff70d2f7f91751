from dataclasses import replace

import numpy as np
import pytest

from regkit import Affine, InputError, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.losses import MutualInformation
from regkit.registration.initialization import _refined, candidates, find_start
from regkit.registration.linear_loss import linear_level
from regkit.registration.pipeline import register


def _far(grid, shift, degrees):
    linear = rotation(list(np.deg2rad(degrees)))
    return Affine(homogeneous(np.eye(3), shift) @ about(grid.centre, linear))


def _stored_at(volume, matrix):
    """The same voxels with a header that puts them elsewhere."""
    from regkit import Grid

    return Volume(volume.data, Grid(volume.grid.shape, matrix @ volume.grid.affine), volume.name)


@pytest.fixture(scope="module")
def same(head, moving_grid, move):
    return move(Affine.identity())


def test_a_good_header_is_kept(head, same, paired):
    matrix, stage = find_start(paired(head, same), "auto")
    assert stage.note == "header"
    assert (stage.name, stage.similarity) == ("init", "mi")
    assert np.linalg.norm(matrix[:3, 3]) < 3


@pytest.mark.parametrize("init", ["header", "centers", "moments"])
def test_a_named_start_is_taken(head, same, paired, init):
    pair = paired(head, same)
    matrix, stage = find_start(pair, init)
    np.testing.assert_array_equal(matrix, candidates(pair)[init])
    assert stage.note == init


def test_candidates_put_their_points_on_each_other(head, same, grid, moving_grid, paired, error):
    shift = homogeneous(np.eye(3), [300.0, -200.0, 100.0])
    pair = paired(head, _stored_at(same, shift))
    found = candidates(pair)
    np.testing.assert_array_equal(found["header"], np.eye(4))
    apart = shift[:3, 3] + moving_grid.centre - grid.centre
    np.testing.assert_allclose(found["centers"][:3, 3], apart, atol=1e-9)
    assert error(Affine(found["moments"]), Affine(shift)) < 1.0


def test_moments_are_those_of_the_body_in_ct(head, same, paired, error):
    """SimpleITK 2.5.7 weighs the air: findings/simpleitk_moments_of_ct.sh."""
    shift = homogeneous(np.eye(3), [24.0, 0.0, 0.0])
    ct = [v.with_data(12 * v.data - 1000) for v in (head, _stored_at(same, shift))]
    assert error(Affine(candidates(paired(*ct))["moments"]), Affine(shift)) < 1.0


@pytest.mark.parametrize(
    ("shift", "degrees"),
    [((400, -300, 200), (0, 0, 0)), ((2, 1, 0), (0, 0, 60)), ((90, 0, -80), (40, 30, 0))],
    ids=["no overlap", "60 degrees", "both"],
)
def test_the_search_finds_what_is_far(head, same, grid, paired, error, shift, degrees):
    truth = _far(grid, shift, degrees)
    matrix, stage = find_start(paired(head, _stored_at(same, truth.matrix)), "auto")
    assert error(Affine(matrix), truth) < 4
    assert stage.note.split(",")[0] in ("header", "centers", "moments")


def test_the_pipeline_recovers_from_a_wrong_header(head, same, grid, error, quick):
    truth = _far(grid, (60.0, -300.0, 200.0), (35, -30, 40))
    moving = _stored_at(same, truth.matrix)
    result = register(head, moving, config=quick, init="auto", transform="rigid")
    assert error(result.transform, truth) < 0.2


def test_an_unknown_start_is_refused(head, same):
    with pytest.raises(InputError, match="option init"):
        register(head, same, init="centroid")


def test_a_body_of_another_size_is_found(head, paired, error):
    """Half as large again: a child's brain and an adult's, or voxels of another size."""
    size = Affine(np.diag([1.5, 1.5, 1.5, 1.0]))
    pair = paired(head, _stored_at(head, size.matrix))
    matrix, stage = find_start(pair, "auto", sized=True)
    assert stage.note.startswith("moments and size")
    assert error(Affine(matrix), size) < 2.0
    assert not find_start(pair, "auto")[1].note.startswith("moments and size")


def test_a_part_of_a_body_keeps_its_size(texture, paired):
    """A slab is smaller since it ends, which its outermost voxels tell."""
    slab = texture.window((0, 0, 7), (24, 28, 5))
    assert "moments and size" not in candidates(paired(texture, slab), sized=True)


def test_a_guess_near_an_end_that_is_known_goes_there(head, same, paired):
    pair, similarity = paired(head, same), MutualInformation()
    at = linear_level(pair, 3.0, similarity)
    (end,) = _refined(at, np.eye(4), "header", similarity, [], planar=False)
    assert end.note == "header"
    near = homogeneous(np.eye(3), [4.0, -3.0, 2.0])
    assert _refined(at, near, "moments", similarity, [end], planar=False) == []
    elsewhere = replace(end, matrix=homogeneous(np.eye(3), [300.0, 0.0, 0.0]))
    (other,) = _refined(at, near, "moments", similarity, [elsewhere], planar=False)
    assert other.loss == pytest.approx(end.loss, rel=0.01)
