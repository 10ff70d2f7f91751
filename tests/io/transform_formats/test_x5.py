"""Fields and splines of X5: ``x5.json`` holds what nitransforms wrote and where it sends points."""

import base64
import gzip
import json

import h5py
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from regkit import DisplacementField, InputError, read_transform, write_transform
from regkit.transforms.bspline import CubicBSpline
from tests.io.transform_formats.pair import TURN, bend_on
from tests.io.transform_formats.record_x5 import AT_NODES, NODES, ORACLES, POINTS

X5 = json.loads(ORACLES.read_text())


def unpacked(name, folder):
    path = folder / "a.x5"
    path.write_bytes(gzip.decompress(base64.b64decode(X5[name]["file"])))
    return path


@pytest.mark.parametrize("name", ["displacements", "deformations", "bspline"])
def test_as_nitransforms_reads_it(name, tmp_path):
    found = read_transform(unpacked(name, tmp_path))
    assert isinstance(found, CubicBSpline if name == "bspline" else DisplacementField)
    points = POINTS if name == "bspline" else AT_NODES
    assert_allclose(found(points), X5[name]["points"], atol=1e-3)
    assert np.abs(np.array(X5[name]["points"]) - points).max() > 1


def test_as_nitransforms_reads_ours(tmp_path):
    phi = TURN @ bend_on(NODES)
    assert_allclose(phi(AT_NODES), X5["written"], atol=1e-3)
    place = write_transform(phi, tmp_path / "a.x5", fixed=NODES)
    assert_allclose(read_transform(place)(AT_NODES), X5["written"], atol=1e-3)
    again = write_transform(phi, tmp_path / "b.x5", fixed=NODES)
    assert again.read_bytes() == place.read_bytes()


def test_a_field_in_x5_keeps_every_bit(tmp_path):
    bend = bend_on(NODES)
    found = read_transform(write_transform(bend, tmp_path / "a.x5"))
    assert torch.equal(found.u, bend.u)
    assert found.grid == bend.grid
    with pytest.raises(InputError, match="or give the fixed image, on whose grid it is sampled"):
        write_transform(TURN @ bend, tmp_path / "b.x5")


def with_transform(values):
    def change(group):
        del group["Transform"]
        group["Transform"] = values

    return change


def with_attribute(key, value):
    return lambda group: group.attrs.__setitem__(key, value)


def with_mapping(values):
    def change(group):
        del group["Domain/Mapping"]
        group["Domain/Mapping"] = values

    return change


BAD = {
    "other subtype": (with_attribute("SubType", "mesh"), "of type nonlinear mesh"),
    "composite": (with_attribute("Type", "composite"), "of type composite densefield"),
    "not said": (with_attribute("Representation", ""), "does not say what"),
    "flat": (with_transform(np.zeros((8, 9, 3))), "has shape (8, 9, 3); allowed: (i, j, k, 3)"),
    "pairs": (with_transform(np.zeros((8, 9, 7, 2))), "has shape (8, 9, 7, 2)"),
    "whole": (with_transform(np.zeros((8, 9, 7, 3), int)), "holds int64; allowed: floating-point"),
    "NaN": (with_transform(np.full((8, 9, 7, 3), np.nan)), "1512 of 1512 displacements are NaN"),
    "no place": (lambda group: group.pop("Domain"), "is damaged"),
    "flat place": (with_mapping(np.eye(3)), "its mapping has shape (3, 3)"),
    "no volume": (with_mapping(np.zeros((4, 4))), "a.x5"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_fields(what, tmp_path):
    path, (change, words) = unpacked("displacements", tmp_path), BAD[what]
    with h5py.File(path, "r+") as file:
        change(file["TransformGroup/0"])
    with pytest.raises(InputError) as caught:
        read_transform(path)
    assert str(caught.value).startswith("a.x5: ")
    assert words in str(caught.value)


def test_a_cut_field(tmp_path):
    whole = unpacked("displacements", tmp_path).read_bytes()
    for size in (0, 7, 800, len(whole) // 2, len(whole) - 1):
        (tmp_path / "b.x5").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"b.x5"):
            read_transform(tmp_path / "b.x5")
