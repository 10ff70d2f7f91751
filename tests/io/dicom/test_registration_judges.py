"""Registration objects against pydicomrt, SimpleITK and plastimatch, between oblique series.

``registration.json`` holds objects that pydicomrt 0.9.1 and plastimatch 1.9.4 wrote, and where
SimpleITK sends a thousand points by what pydicomrt reads of those and of regkit's own;
``record_registration.py`` made it.
"""

import base64
import gzip
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from regkit import Affine, read_transform
from tests.io.dicom.record_registration import ORACLES, POINTS, RIGID, bend

ORACLE = json.loads(ORACLES.read_text())


@pytest.mark.parametrize("name", ["rigid", "bend", "plastimatch"])
def test_objects_of_other_programs(name, tmp_path):
    (tmp_path / "a.dcm").write_bytes(gzip.decompress(base64.b64decode(ORACLE[name]["file"])))
    found = read_transform(tmp_path / "a.dcm")
    assert isinstance(found, Affine) == (name != "bend")
    assert_allclose(found(POINTS), ORACLE[name]["points"], atol=1e-3)
    assert np.abs(np.array(ORACLE[name]["points"]) - POINTS).max() > 1


@pytest.mark.parametrize(("name", "phi"), [("rigid", RIGID), ("bend", bend())])
def test_what_pydicomrt_makes_of_our_objects(name, phi):
    assert_allclose(phi(POINTS), ORACLE[f"{name} of regkit"], atol=1e-3)
