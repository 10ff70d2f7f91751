import numpy as np
import pytest
import torch

import regkit as rk
from regkit.geometry import Grid, World
from regkit.io import read_transform, write_transform
from regkit.transforms import compose

ONE, OTHER = World.projected("EPSG:32632"), World.projected("EPSG:32633")


@pytest.fixture
def way():
    grid = Grid((7, 5), [[90, 20, 690000], [30, -80, 5310000], [0, 0, 1]], ONE)
    u = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    outer = rk.Affine([[0.99, 0.08, -8e5], [-0.08, 0.99, 7e4], [0, 0, 1]], None, OTHER)
    return compose(outer, rk.DisplacementField(u, grid, 0.0, ONE, None))


def test_points_of_a_map_are_written_as_they_are(way, tmp_path):
    before = [link.u.clone() for link in way.links if isinstance(link, rk.DisplacementField)]
    path = write_transform(way, tmp_path / "a.h5")
    found = read_transform(path)
    point = np.array([[690120.0, 5309950.0]])
    assert (found.fixed_world, found.moving_world) == (ONE, OTHER)
    assert np.allclose(found(point), way(point), atol=1e-6)
    assert torch.equal(before[0], way.links[1].u)
    sitk = pytest.importorskip("SimpleITK")
    itk = sitk.ReadTransform(str(path)).TransformPoint(point[0].tolist())
    assert np.allclose(itk, way(point)[0], atol=1e-4)


def test_only_hdf5_says_in_which_worlds_it_lies(tmp_path):
    phi = rk.Affine(np.eye(3), ONE, OTHER)
    with pytest.raises(rk.InputError, match="lies in EPSG:32632"):
        write_transform(phi, tmp_path / "a.tfm")
