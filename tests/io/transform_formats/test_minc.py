"""Grids of MINC, against libminc: ``minc.json`` holds files that rawtominc wrote, and where
transformtags sends a thousand points by them; ``record_minc.py`` made it.
"""

import base64
import gzip
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from regkit import InputError, read, read_transform, write_transform
from regkit.transforms.cubic_field import CubicField
from tests.io.transform_formats.record_minc import ORACLES, POINTS, led_back, texts

MINC = json.loads(ORACLES.read_text())
KINDS = ["1", "2", "short"]


def xfm(folder, key, kind="1"):
    """An .xfm with the grid of a kind beside it."""
    packed = base64.b64decode(MINC[f"grid {kind}"])
    (folder / "grid.mnc").write_bytes(gzip.decompress(packed))
    (folder / f"{key}.xfm").write_text(texts()[key])
    return folder / f"{key}.xfm"


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_as_libminc_reads_it(kind, tmp_path):
    """To the rim of the grid, in the outermost cells too; ``back`` is its inverse, inverted."""
    found = read_transform(xfm(tmp_path, "back", kind))
    assert isinstance(found, CubicField)
    assert_allclose(found(POINTS), MINC["forth"], atol=1e-3)
    assert np.abs(np.array(MINC["forth"]) - POINTS).max() > 2


@pytest.mark.parametrize("key", ["linear", "forth", "both"])
def test_an_xfm_leads_from_moving_to_fixed(key, tmp_path):
    """What libminc moves forth is led back, as exactly as a linear field can; libminc: 0.03 mm."""
    back = read_transform(xfm(tmp_path, key))(np.array(MINC[key]))
    inner = led_back(key, MINC[key])
    assert inner.sum() > 100
    assert_allclose(back[inner], POINTS[inner], atol=1e-3 if key == "linear" else 0.02)


def test_a_grid_becomes_a_file_of_itk(tmp_path):
    place = write_transform(read_transform(xfm(tmp_path, "back")), tmp_path / "a.h5")
    inner = led_back("forth", MINC["forth"])
    assert_allclose(read_transform(place)(POINTS)[inner], np.array(MINC["forth"])[inner], atol=0.01)


def test_a_grid_is_no_image(tmp_path):
    for kind in KINDS:
        xfm(tmp_path, "back", kind)
        with pytest.raises(InputError, match=r"grid.mnc: holds vectors, not an image; .* \.xfm"):
            read(tmp_path / "grid.mnc")


BAD = {
    "Grid_Transform;\nDisplacement_Volume = grid.mnc": "its transform does not end with ';'",
    "Grid_Transform;\nDisplacement_Volume = /etc/other.mnc;": "its grid is in 'other.mnc', which",
    "Grid_Transform;\nInvert_Flag = Maybe;\nDisplacement_Volume = grid.mnc;": "Maybe; allowed: T",
    "Thin_Plate_Spline_Transform;\nNumber_Dimensions = 3;": "holds a Thin_Plate_Spline_Transform",
    "Grid_Transform": "does not end with ';' what kind",
}


@pytest.mark.parametrize("rest", BAD)
def test_bad_xfm(rest, tmp_path):
    path = xfm(tmp_path, "back")
    path.write_text(f"MNI Transform File\nTransform_Type = {rest}\n")
    with pytest.raises(InputError, match=rf"back.xfm: .*{BAD[rest]}"):
        read_transform(path)


def test_bad_grids(tmp_path):
    path = xfm(tmp_path, "back")
    whole = (tmp_path / "grid.mnc").read_bytes()
    for size in (0, 3, 500, len(whole) // 2, len(whole) - 1000):
        (tmp_path / "grid.mnc").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"grid.mnc: "):
            read_transform(path)
    (tmp_path / "grid.mnc").write_bytes(whole[:28] + bytes([whole[28] ^ 1]) + whole[29:])
    with pytest.raises(InputError, match=r"grid.mnc: "):  # a name of 2**24 letters and more
        read_transform(path)
    (tmp_path / "grid.mnc").write_bytes(whole.replace(b"vector_dimension", b"another_dimensio"))
    with pytest.raises(InputError, match=r"grid.mnc: .*(14|KeyError|another)"):
        read_transform(path)
