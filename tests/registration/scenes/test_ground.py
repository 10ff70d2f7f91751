"""Metres and north on the ground, beside what PROJ says of its projections."""

import numpy as np
import pytest

from regkit.geometry import World
from regkit.geometry.grid import Grid
from regkit.registration.scenes.ground import ground_of
from regkit.registration.scenes.result import metres_a_pixel

pyproj = pytest.importorskip("pyproj")


def grid(crs, east, north, pixel=10.0):
    """Rotated, of pixels that are not square."""
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    affine = np.eye(3)
    affine[:2, :2], affine[:2, 2] = turn @ np.diag([pixel, -2 * pixel]), (east, north)
    return Grid((400, 300), affine, World.projected(crs))


@pytest.mark.parametrize(("crs", "east", "north"), [
    ("EPSG:3857", 1_200_000, 8_400_000), ("EPSG:3857", -7e6, -4e6),
    ("EPSG:3413", 900_000, 300_000), ("EPSG:3031", -1_000_000, 600_000),
])  # fmt: skip
def test_a_projection_that_stretches_or_turns(crs, east, north):
    there = grid(crs, east, north)
    place = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(*there.centre)
    said = pyproj.Proj(crs).get_factors(*place)
    found = ground_of(there)
    assert found.metres == pytest.approx(said.areal_scale**-0.5, rel=0.01)
    apart = (found.north - said.meridian_convergence + 180) % 360 - 180
    assert apart == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("world", "corner", "metres"), [
    (World.projected("EPSG:32632"), (600_000, 5_000_000), 1.0),
    (World("us-ft", "EN+", "EPSG:2229"), (6_480_000, 1_840_000), 1200 / 3937),
])  # fmt: skip
def test_pixels_of_ten_metres_stay_of_ten(world, corner, metres):
    there = grid("EPSG:32632", *corner)
    there = Grid(there.shape, there.affine, world)
    assert metres_a_pixel(there) == pytest.approx(metres * np.sqrt(200), rel=1e-9)


def test_north_is_turned_clockwise_east_of_the_middle_of_greenland():
    """At 45 degrees west the north of EPSG:3413 is true; the pole lies to the left further east."""
    assert ground_of(grid("EPSG:3413", 600_000, -2_200_000)).north == pytest.approx(15.3, abs=0.6)
