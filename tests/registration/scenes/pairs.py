"""Scenes of a known motion: a texture that is known between its pixels, seen twice."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

import regkit as rk
from benchmarks.spline_truth import spline_at, spline_of
from regkit.geometry import Grid, World
from regkit.registration.scenes import GeoScene

UTM = World.projected("EPSG:32632")


def grid(columns=220, rows=190, *, world=UTM, pixel=10.0, corner=(690000.0, 5310000.0)):
    affine = [[pixel, 0, corner[0]], [0, -pixel, corner[1]], [0, 0, 1]]
    return Grid((columns, rows), np.array(affine), world)


class Ground:
    """Texture on 10 m of a place, sampled anywhere in its CRS."""

    def __init__(self, seed=0, size=320):
        rng = np.random.default_rng(seed)
        layers = [s * gaussian_filter(rng.normal(size=(size, size)), s) for s in (1.2, 3, 9)]
        values = np.sum(layers, 0)
        self.values = (100 + 40 * values / values.std()).astype(np.float32)
        self.spline = spline_of(self.values[None])
        self.grid = grid(size, size, corner=(689500.0, 5310500.0))

    def seen(self, onto, way=lambda x: x, name="scene"):
        """What a sensor with the grid ``onto`` sees, whose point ``x`` shows the ground at ``way``.

        Pixels larger than 10 m are means of what lies in them.
        """
        fine = max(1, round(onto.spacing[0] / 10))
        points = onto.with_shape([n * fine for n in onto.shape]).world_points()
        index = self.grid.to_index(way(points)).numpy()
        values = torch.from_numpy(spline_at(self.spline, index))
        (n, m), f = onto.shape, fine
        mean = values.reshape(1, n, f, m, f).mean((2, 4))
        return rk.Volume(mean, onto, name)


def scene(volume, *names):
    return GeoScene.of(volume, names)


def errors(result, truth, margin=12):
    """How far the map of a result is off ``truth``, which takes and gives points, in pixels."""
    inner = result.grid.window([margin] * 2, [n - 2 * margin for n in result.grid.shape])
    points = inner.world_points()
    off = (result.transform(points) - truth(points)).norm(dim=-1)
    return (off / result.grid.spacing[0]).numpy()
