import numpy as np
import pytest
import torch

from foundation.studies.generalization.shifts import SHIFTS, shift_called
from regkit import InputError, Volume

DRAWN = {"bias", "noise"}


def shifted(image, name, severity, seed=0):
    return shift_called(name).apply(image, severity, np.random.default_rng(seed))


@pytest.mark.parametrize("name", SHIFTS)
def test_a_graver_shift_changes_more(head, name):
    apart = [(shifted(head, name, s).data - head.data).abs().mean() for s in (1, 3, 5)]
    assert 0 < apart[0] < apart[1] < apart[2]


@pytest.mark.parametrize("name", SHIFTS)
def test_grid_and_draws_are_kept(head, name):
    first, second, other = (shifted(head, name, 2, seed) for seed in (0, 0, 1))
    assert first.grid == head.grid
    assert torch.equal(first.data, second.data)
    assert torch.equal(first.data, other.data) == (name not in DRAWN)
    assert bool(first.data.isfinite().all())


@pytest.mark.parametrize("name", ["gamma", "inversion", "blur", "resolution"])
def test_what_is_shifted_in_the_world_does_not_depend_on_how_it_is_stored(head, name):
    stored = shifted(head.reoriented("PSL"), name, 3).reoriented(head.grid.orientation)
    assert torch.allclose(stored.data, shifted(head, name, 3).data, atol=1e-3)


def test_a_blur_is_in_millimetres(head):
    in_metres = Volume(head.data, head.grid.in_unit("m"))
    found = shifted(in_metres, "blur", 4)
    assert torch.allclose(found.data, shifted(head, "blur", 4).data)
    assert found.grid.world.unit == "m"


def test_inversion_turns_the_order_of_tissues_around(head):
    inside = head.data > 20
    found = shifted(head, "inversion", 5)
    order = torch.corrcoef(torch.stack([head.data[inside], found.data[inside]]))
    assert order[0, 1] < -0.7  # the brightest hundredth is cut off, and so no longer in order


def test_unknown_shifts_and_severities_are_refused(head):
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        shift_called("gama")
    with pytest.raises(InputError, match="severity 6; allowed: 1 to 5"):
        shifted(head, "gamma", 6)
