import numpy as np
import pytest
import torch

import regkit as rk
from regkit.geometry import Grid, World
from regkit.transforms.flatten import flatten_within
from regkit.transforms.reprojection import Reprojection

pyproj = pytest.importorskip("pyproj")
ONE, OTHER = World.projected("EPSG:32632"), World.projected("EPSG:32633")


def test_it_is_that_of_proj_and_goes_back():
    points = np.array([[790000.0, 5300000.0], [780000.0, 5310000.0]])
    found = Reprojection(ONE, OTHER)(points)
    proj = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:32633", always_xy=True)
    assert np.allclose(found, np.stack(proj.transform(*points.T), -1))
    assert np.allclose(Reprojection(ONE, OTHER).inverse()(found), points, atol=1e-6)


def test_flat_it_is_as_exact_as_was_asked():
    phi = Reprojection(ONE, OTHER)
    grid = Grid((900, 700), [[8, 3, 790000], [3, -8, 5300000], [0, 0, 1]], ONE)
    points = grid.world_points(slice(0, 900, 13))
    flat = flatten_within(phi, grid, tolerance=0.01)
    assert float((flat(points) - phi(points)).norm(dim=-1).max()) < 0.02
    matrix, u = flat.on(grid)
    assert float(u.abs().max()) < 100  # metres: what is far is in the matrix
    assert torch.isfinite(torch.from_numpy(matrix)).all()


def test_worlds_without_a_crs_and_places_that_are_nowhere():
    with pytest.raises(rk.InputError, match="has no CRS"):
        Reprojection(World(), OTHER)
    with pytest.raises(rk.InputError, match="PROJ does not know"):
        Reprojection(World.projected("nonsense"), OTHER)
    with pytest.raises(rk.InputError, match="has no place"):
        Reprojection(World("degree", "EN+", "EPSG:4326"), OTHER)(np.array([[np.nan, 95.0]]))
