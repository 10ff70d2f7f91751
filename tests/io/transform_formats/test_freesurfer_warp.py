"""Warps of FreeSurfer: ``freesurfer.json`` holds what surfa 0.6.3 wrote in four ways, and where
it looks in moving by them; ``record_freesurfer.py`` made it.
"""

import base64
import gzip
import json
import struct

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from regkit import InputError, Volume, read_transform
from tests.io.transform_formats.pair import FIXED
from tests.io.transform_formats.record_freesurfer import NODES, ORACLES, PHI, WAYS

FREESURFER = json.loads(ORACLES.read_text())
VOLUMES = struct.pack(">2i", 10, 1)  # the tag, and that what follows is valid
MEANING = struct.pack(">iq", 13, 12)  # the tag, and the length of what follows


def content(way):
    return gzip.decompress(base64.b64decode(FREESURFER[way]))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["a.mgz", "a.mgh"])
def test_a_warp_as_surfa_reads_it(way, name, tmp_path):
    whole = content(way)
    (tmp_path / name).write_bytes(gzip.compress(whole) if name == "a.mgz" else whole)
    found = read_transform(tmp_path / name)
    at = NODES.to_world(torch.tensor(FREESURFER["index"]).double())
    assert len(at) > 500
    assert_allclose(found(at), FREESURFER["points"], atol=1e-3)
    everywhere = NODES.world_points()
    assert_allclose(found(everywhere), PHI(everywhere), atol=1e-3)


def meaning(*values):
    def change(whole):
        at = whole.index(MEANING) + len(MEANING)
        return whole[:at] + struct.pack(">2if", *values) + whole[at + 12 :]

    return change


BAD = {
    "another intent": (lambda w: struct.pack(">i", 4 << 8 | 1) + w[4:], "its intent is 4; needed"),
    "an image": (lambda w: struct.pack(">i", 1) + w[4:], "its intent is 0; needed: 3"),
    "a kind": (meaning(7, 1, 0.0), "of kind 7 with nodes every 1 voxels"),
    "a spacing": (meaning(1, 2, 0.0), "of kind 1 with nodes every 2 voxels"),
    "no meaning": (lambda w: w[: w.index(MEANING)], "does not say what its vectors are"),
    "volumes not said": (
        lambda w: w.replace(VOLUMES, struct.pack(">2i", 10, 0)),
        "does not say where moving lies; write it in RAS",
    ),
    "volumes cut": (
        lambda w: w[: w.index(VOLUMES)] + w[w.index(MEANING) :][:24] + VOLUMES + bytes(100),
        "does not say where moving lies; the file is cut",
    ),
    "cut": (lambda w: w[:5000], "a.mgh"),
    "NaN": (lambda w: w[:284] + struct.pack(">f", np.nan) + w[288:], "1 of 2970 displacements"),
    "two frames": (lambda w: w[:16] + struct.pack(">i", 2) + w[20:], "has 2 frames of float32"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_warps(what, tmp_path):
    change, words = BAD[what]
    (tmp_path / "a.mgh").write_bytes(change(content("abs_crs")))
    with pytest.raises(InputError) as caught:
        read_transform(tmp_path / "a.mgh")
    assert str(caught.value).startswith("a.mgh: ")
    assert words in str(caught.value)


def test_a_morph_is_refused_by_name(tmp_path):
    (tmp_path / "talairach.m3z").write_bytes(b"\x1f\x8b")
    with pytest.raises(InputError, match=r"talairach.m3z: .* `mri_warp_convert --inm3z"):
        read_transform(tmp_path / "talairach.m3z")


def test_an_image_is_no_warp(tmp_path):
    image = Volume(torch.zeros(FIXED.shape), FIXED)
    with pytest.raises(InputError, match=r"a.mgz: is no warp of FreeSurfer: its intent is 0"):
        read_transform(image.save(tmp_path / "a.mgz"))
