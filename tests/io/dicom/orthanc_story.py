"""A day with a PACS: run in a network of its own, in which Orthanc is all there is.

``python -m tests.io.dicom.orthanc_story FOLDER``; see test_dicomweb.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pydicom

from regkit import read
from regkit.cli import main
from tests.io.dicom.conftest import AXIAL, VIEWS, phantom
from tests.io.dicom.test_judges import check_same
from tests.io.dicom.writer import write_series

PORT = 8942
URL = f"http://127.0.0.1:{PORT}/dicom-web"
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
DIMSE = ("--port", PORT + 1, "--aet", "ORTHANC")
OTHER = "1.2.826.0.1.3680043.8.498.103"
CT, MR = "1.2.826.0.1.3680043.8.498.101", "1.2.826.0.1.3680043.8.498.102"


@contextmanager
def orthanc(folder):
    """A server with an empty store, stopped at the end."""
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"), "HttpPort": PORT, "DicomPort": PORT + 1,
        "AuthenticationEnabled": False, "Plugins": [PLUGIN], "DicomWeb": {"Enable": True},
        "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    words = ["Orthanc", str(folder / "orthanc.json")]
    with (folder / "log").open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as run:
        try:
            wait()
            yield
        finally:
            run.terminate()
            run.wait(30)


def wait():
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{URL}/studies", timeout=5)  # noqa: S310
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("Orthanc does not answer")


def regkit(*words):
    assert main([*map(str, words)]) == 0, words


def story(folder):
    scan = phantom(VIEWS["oblique"], shape=(24, 20, 12))
    ct = write_series(folder / "ct", scan, uid=CT, number=2)
    other = phantom(AXIAL, shape=(26, 21, 13), origin=(22.0, -12, 1))
    mr = write_series(folder / "mr", other, uid=MR, number=5, FrameOfReferenceUID="1.2.3.4")
    (folder / "few.yaml").write_text("linear: {spacings: [4.0], iterations: 5}\n")
    with orthanc(folder):
        regkit("dicom", "push", URL, ct, mr)
        for uid, name, truth in ((CT, "fixed", scan), (MR, "moving", other)):
            regkit("dicom", "pull", URL, uid, "-o", folder / name)
            check_same(read(folder / name), truth)
        given = (folder / "fixed", folder / "moving")
        settings = ("--transform", "rigid", "--config", folder / "few.yaml", "-q")
        regkit("register", *given, "-o", folder / "run", *settings)
        regkit("dicom", "export", folder / "run", *given, "-o", folder / "out", "-q")
        regkit("dicom", "push", URL, folder / "out")
        series = pydicom.dcmread(folder / "out" / "warped_0001.dcm").SeriesInstanceUID
        regkit("dicom", "pull", URL, series, "-o", folder / "back")
        regkit("dicom", "pull", "127.0.0.1", series, *DIMSE, "-o", folder / "by_dimse")
        check_same(read(folder / "by_dimse"), read(folder / "back"))
        again = write_series(folder / "again", other, uid=OTHER, number=6)
        regkit("dicom", "push", "127.0.0.1", again, folder / "out", *DIMSE)
        regkit("dicom", "pull", URL, OTHER, "-o", folder / "other")
        check_same(read(folder / "other"), other)
        assert main(["dicom", "pull", URL, "1.2.3", "-o", str(folder / "none")]) == 2
        assert not (folder / "none").exists()
    back, warped = read(folder / "back"), read(folder / "run" / "warped.nii.gz")
    check_same(back, warped)


if __name__ == "__main__":
    story(Path(sys.argv[1]))
    sys.stdout.write("the story is told\n")
