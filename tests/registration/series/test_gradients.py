"""Gradient tables: a fibre in a head that turns, in images of either handedness."""

import numpy as np
import pytest

from regkit.geometry.affines import homogeneous, rotation
from regkit.registration.series.gradients import rotated_gradients

OBLIQUE = rotation([0.3, -0.2, 0.5])


def affine(signs, spacing=(2.0, 1.5, 3.0)):
    return homogeneous(OBLIQUE @ np.diag(np.array(signs) * spacing), [3.0, -8.0, 1.0])


def as_fsl(world, grid):
    """A direction in the world along the axes that FSL counts in: x against a positive det."""
    axes = grid[:3, :3] / np.linalg.norm(grid[:3, :3], axis=0)
    along = np.linalg.solve(axes, world)
    return along * ([-1, 1, 1] if np.linalg.det(grid[:3, :3]) > 0 else [1, 1, 1])


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, 1, -1)])
def test_signals_of_a_fibre_fit_the_turned_table(signs):
    random, grid = np.random.default_rng(2), affine(signs)
    fibre = np.array([0.6, 0.0, 0.8])
    world = random.normal(size=(20, 3))
    world /= np.linalg.norm(world, axis=1, keepdims=True)
    angles = random.uniform(-0.4, 0.4, (20, 3))
    turns = [homogeneous(rotation(list(each)), [5.0, 0, 1]) for each in angles]
    # What the scanner measures: its directions stay, the fibre turns with the head.
    pairs = zip(world, turns, strict=True)
    signal = [np.exp(-2 * (way @ (turn[:3, :3] @ fibre)) ** 2) for way, turn in pairs]
    table = np.array([as_fsl(g, grid) for g in world])
    turned = rotated_gradients(table, turns, grid)
    seen = np.array([as_fsl(fibre, grid)])
    assert np.allclose(np.exp(-2 * (turned @ seen[0]) ** 2), signal)
    assert not np.allclose(np.exp(-2 * (table @ seen[0]) ** 2), signal, atol=0.05)


def test_x_is_reversed_where_the_determinant_is_positive():
    """Of an image stored RAS, FSL's (1, 0, 0) points to the left; stored LAS, too."""
    quarter = homogeneous(rotation([0, 0, np.pi / 2]), np.zeros(3))  # left goes to back
    x = np.array([[1.0, 0.0, 0.0]])
    for grid in (np.eye(4), np.diag([-1.0, 1.0, 1.0, 1.0])):
        # Turned back, left goes to front: +y in both.
        assert np.allclose(rotated_gradients(x, [quarter], grid), [[0, 1, 0]])


def test_no_gradient_stays_none_and_no_motion_changes_nothing():
    table = np.array([[0.0, 0.0, 0.0], [0.0, 0.6, -0.8]])
    assert np.allclose(rotated_gradients(table, [np.eye(4)] * 2, affine((-1, 1, 1))), table)


def test_of_an_affine_the_rotation_counts():
    turn = homogeneous(rotation([0.1, 0.2, 0.3]), np.zeros(3))
    stretched = turn @ np.diag([1.3, 1.3, 1.3, 1.0])
    table, grid = np.array([[0.0, 0.6, -0.8]]), affine((-1, 1, 1))
    assert np.allclose(
        rotated_gradients(table, [stretched], grid), rotated_gradients(table, [turn], grid)
    )
