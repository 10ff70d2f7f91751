import numpy as np
import pytest
import torch

from regkit import Affine, DisplacementField, Grid, InputError, VelocityField, Volume, World, warp
from regkit.geometry.affines import homogeneous
from regkit.geometry.world import check_same_world
from regkit.registration.check import check_pair
from regkit.resample import resample, straighten
from regkit.transforms import compose

MICRO, METRES, PIXELS = World("um"), World("m"), World.pixels()
UTM = World.projected("EPSG:32632")


def elsewhere(volume, world):
    return Volume(volume.data, Grid(volume.shape, volume.affine, world), volume.name)


def test_a_grid_lies_among_people_if_nothing_is_said(grid):
    assert grid.world == World("mm", "RAS+", None)


@pytest.mark.parametrize("spelling", ["um", "µm", "μm", "micron"])
def test_units_have_one_spelling(spelling):
    assert World(spelling) == MICRO


def test_a_world_must_have_a_unit_and_axes():
    allowed = "mm, µm, m, ft, us-ft, pixel"
    with pytest.raises(InputError, match=f"unit 'inch' is unknown; allowed: {allowed}"):
        World("inch")
    with pytest.raises(InputError, match="the axes of a world have no name"):
        World(axes="")


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (World(), "Grid(4x5, 2x3 mm, RA)"),
        (MICRO, "Grid(4x5, 2x3 µm, RA)"),
        (PIXELS, "Grid(4x5, 2x3 pixel)"),
        (UTM, "Grid(4x5, 2x3 m, EPSG:32632)"),
    ],
)
def test_repr_names_the_unit(world, said):
    grid = Grid((4, 5), np.diag([2.0, 3.0, 1.0]), world)
    assert repr(grid) == said
    assert said[5:-1] in repr(Volume(np.zeros((4, 5)), grid))
    assert said[5:-1] in repr(DisplacementField(torch.zeros(2, 4, 5), grid))


@pytest.mark.parametrize(
    "change",
    [
        lambda g: g.window((1, 2, 3), (4, 4, 4)),
        lambda g: g.with_spacing(2.5),
        lambda g: g.with_shape((5, 6, 7)),
        lambda g: g.reoriented("LPS"),
        lambda g: g.rows(slice(2, 4)),
        lambda g: Grid(g.shape, g.affine @ _shear(), g.world).straightened(),
        lambda g: resample(Volume(np.ones(g.shape), g), g.with_spacing(3)).grid,
        lambda g: straighten(Volume(np.ones(g.shape), g)).grid,
    ],
)
def test_every_grid_made_of_one_keeps_its_world(grid, change):
    assert change(Grid(grid.shape, grid.affine, UTM)).world == UTM


def _shear():
    shear = np.eye(4)
    shear[0, 1] = 0.3
    return shear


def test_grids_of_two_worlds_differ(grid):
    other = Grid(grid.shape, grid.affine, MICRO)
    assert other != grid
    assert other == Grid(grid.shape, grid.affine, MICRO)


@pytest.mark.parametrize(("unit", "scale"), [("um", 1e3), ("m", 1e-3), ("mm", 1.0)])
def test_lengths_are_converted(head, unit, scale):
    other = head.in_unit(unit)
    np.testing.assert_allclose(other.affine[:3], scale * head.affine[:3], rtol=1e-12)
    assert other.grid.world == World(unit)
    np.testing.assert_allclose(other.in_unit("mm").affine, head.affine, rtol=1e-12)


@pytest.mark.parametrize(("world", "unit"), [(PIXELS, "mm"), (World(), "pixel")])
def test_pixels_have_no_length(world, unit):
    with pytest.raises(InputError, match="pixel is no length"):
        Grid((2, 2), np.eye(3), world).in_unit(unit)


def test_a_grid_in_metres_of_a_mouse_is_no_singular_one():
    assert Grid((4, 4, 4), np.diag([1e-6, 1e-6, 1e-6, 1.0]), METRES).spacing == (1e-6,) * 3


def test_what_lies_in_two_worlds_is_refused_with_both_named(head):
    small = elsewhere(head, MICRO)
    for call in (
        lambda: check_pair(head, small),
        lambda: warp(small, Affine.identity(), onto=head.grid),
        lambda: resample(small, head.grid),
    ):
        with pytest.raises(InputError, match=r"lies in RAS\+ .m .* in RAS\+ .m; .*in_unit\('"):
            call()
    with pytest.raises(InputError, match=r"a lies in pixel and b in EPSG:32632, EN\+ m; .* Give"):
        check_same_world(PIXELS, UTM, ("a", "b"))


def test_a_transform_that_knows_its_worlds_goes_between_them(head):
    to_micro = Affine(np.diag([1e3, 1e3, 1e3, 1.0]), World(), MICRO)
    small = head.in_unit("um")
    out = warp(small, to_micro, onto=head.grid)
    torch.testing.assert_close(out.data, head.data, atol=1e-3, rtol=0)
    assert out.grid.world == World()
    with pytest.raises(InputError, match="what the transform gives"):
        warp(head, to_micro, onto=head.grid)
    with pytest.raises(InputError, match="what the transform takes"):
        warp(small, to_micro, onto=small.grid)
    back = to_micro.inverse()
    assert (back.fixed_world, back.moving_world) == (MICRO, World())


def test_transforms_meet_in_one_world(bend):
    to_micro = Affine(np.diag([1e3, 1e3, 1e3, 1.0]), World(), MICRO)
    known = bend.between(World(), World())
    chain = to_micro @ known
    assert (chain.fixed_world, chain.moving_world) == (World(), MICRO)
    both = (to_micro @ Affine.identity(), to_micro.inverse() @ to_micro)
    assert [(a.fixed_world, a.moving_world) for a in both] == [
        (None, MICRO),
        (World(), World()),
    ]
    with pytest.raises(InputError, match=r"what the outer transform takes lies in RAS\+ mm"):
        compose(known, to_micro)
    assert chain.between(None, None).moving_world is None
    assert repr(chain).count("\n") == 0
    assert len(repr(chain)) < 150


@pytest.mark.parametrize("kind", [DisplacementField, VelocityField])
def test_fields_carry_worlds_and_swap_them_in_the_inverse(kind):
    grid = Grid((4, 4), np.eye(3))
    field = kind(torch.zeros(2, 4, 4), grid).between(UTM, PIXELS)
    back = field.inverse()
    assert (back.fixed_world, back.moving_world) == (PIXELS, UTM)


def test_bare_transforms_fit_any_world(head):
    small = elsewhere(head, PIXELS)
    shift = Affine(homogeneous(np.eye(3), [1, 2, 3]))
    assert warp(small, shift, onto=small.grid).grid.world == PIXELS
