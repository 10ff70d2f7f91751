"""`regkit dicom pull` and `push` against Orthanc, and against servers that answer badly."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from regkit.cli import main
from tests.io.dicom.writer import write_series

ROOT = Path(__file__).parents[3]
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SERIES = "1.2.826.0.1.3680043.8.498.101"
STUDY = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
IMAGE = {"00080018": {"vr": "UI", "Value": ["1.2.3.4"]}}


def own_network(*words):
    """Words in a network of their own, whose only address is the loopback: Orthanc binds to all."""
    script = 'ip link set lo up && exec "$@"'
    return ["unshare", "--net", "sh", "-c", script, "sh", *map(str, words)]


def test_a_series_goes_to_a_pacs_and_back(tmp_path):
    if not shutil.which("Orthanc") or not PLUGIN.is_file():
        pytest.skip("Orthanc and its DICOMweb plugin are not installed (apt: orthanc-dicomweb)")
    if not shutil.which("unshare") or subprocess.run(own_network("true"), check=False).returncode:
        pytest.skip("a network of its own takes root and iproute2")
    words = own_network(sys.executable, "-m", "tests.io.dicom.orthanc_story", tmp_path)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the story is told\n")


@pytest.fixture
def server():
    """A server that answers as it is told: path to (status, type, body)."""
    answers, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, self.headers.get("Authorization")))
            name = next((each for each in answers if self.path.startswith(f"/{each}")), None)
            status, kind, body = answers.get(name, (404, "text/plain", b""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", answers, asked
        running.shutdown()


def told(capsys, *words):
    assert main(["dicom", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    return error


def as_json(*items):
    return 200, "application/dicom+json", json.dumps(items).encode()


JUNK = (200, 'multipart/related; type="application/dicom"; boundary=x', b"--x\r\n\r\nno\r\n--x--")
BAD = [
    ({}, "answers 404"),
    ({"series": as_json()}, "has no series"),
    ({"series": (200, "text/html", b"<p>hello")}, "answers with no JSON"),
    ({"series": as_json(1)}, "answers with no data sets"),
    ({"series": as_json({"0020000D": {"Value": ["../../x"]}})}, "is no UID of a study"),
    ({"series": (302, "text/plain", b"http://127.0.0.1:1/elsewhere")}, "answers 302"),
    ({"series": as_json(STUDY), "studies": as_json()}, "holds no image"),
    (
        {"series": as_json(STUDY), "studies": as_json({"00080018": {"Value": ["1/../2"]}})},
        "is no UID of a image",
    ),
    (
        {
            "series": as_json(STUDY),
            f"studies/1.2.3/series/{SERIES}/instances/": JUNK,
            "studies": as_json(IMAGE),
        },
        "answers with no DICOM file",
    ),
]


@pytest.mark.parametrize(("given", "said"), BAD, ids=[said for _, said in BAD])
def test_a_server_that_answers_badly(given, said, server, tmp_path, capsys):
    url, answers, _ = server
    answers |= given
    assert said in told(capsys, "pull", url, SERIES, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_server_that_takes_nothing(server, scan, tmp_path, capsys):
    url, answers, asked = server
    folder = write_series(tmp_path / "a", scan)
    answers["studies"] = as_json({"00081198": {"vr": "SQ", "Value": [{}]}})
    assert "does not take IM" in told(capsys, "push", url, folder)
    assert len(asked) == 1
    answers["studies"] = (409, "text/plain", b"")
    assert "answers 409" in told(capsys, "push", url, folder)


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"--"])
def test_an_image_comes_as_it_is(end, server, tmp_path):
    url, answers, _ = server
    content = bytes(128) + b"DICM" + b"\r\n--other\r\n\r\n" + bytes(range(256)) + end
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--\r\n"
    answers["series"] = as_json(STUDY)
    answers[f"studies/1.2.3/series/{SERIES}/instances/"] = (*JUNK[:2], body)
    answers["studies"] = as_json(IMAGE)
    assert main(["dicom", "pull", url, SERIES, "-o", str(tmp_path / "out"), "-q"]) == 0
    assert (tmp_path / "out" / "image_00001.dcm").read_bytes() == content


def test_what_is_no_dicom_is_not_sent(server, tmp_path, capsys):
    url, _, asked = server
    (tmp_path / "a.txt").write_text("none")
    assert "a.txt: is no DICOM file" in told(capsys, "push", url, tmp_path / "a.txt")
    assert "holds no DICOM file, or is not there" in told(capsys, "push", url, tmp_path)
    assert "holds no DICOM file, or is not there" in told(capsys, "push", url, tmp_path / "b")
    assert asked == []


def test_a_server_that_takes_everything(server, scan, tmp_path):
    url, answers, asked = server
    answers["studies"] = as_json({"00081198": {"vr": "SQ", "Value": []}, "00081199": {"vr": "SQ"}})
    assert main(["dicom", "push", url, str(write_series(tmp_path / "a", scan)), "-q"]) == 0
    assert len(asked) == 9


@pytest.mark.parametrize("url", ["ftp://x/y", "file:///etc/passwd", "pacs", "http://me:word@x/y"])
def test_what_is_no_address(url, tmp_path, capsys):
    error = told(capsys, "pull", url, SERIES, "-o", tmp_path / "out")
    assert "is no address of a DICOMweb server" in error
    assert "or an archive with --port and --aet" in error


def test_passwords(server, tmp_path, capsys, monkeypatch):
    url, _, asked = server
    words = ("pull", url, SERIES, "-o", tmp_path / "out", "--user", "me")
    assert "REGKIT_DICOMWEB_PASSWORD is not set" in told(capsys, *words)
    monkeypatch.setenv("REGKIT_DICOMWEB_PASSWORD", "word")
    assert "answers 404" in told(capsys, *words)
    assert asked[-1][2] == "Basic bWU6d29yZA=="
    far = ("pull", "http://pacs.example/dicom-web", *words[2:])
    assert "a password goes over https alone" in told(capsys, *far)


def test_offline_and_a_uid_that_is_none(server, tmp_path, capsys, monkeypatch):
    url, _, asked = server
    assert "is no UID of a series" in told(capsys, "pull", url, "1.2/..", "-o", tmp_path / "out")
    monkeypatch.setenv("REGKIT_OFFLINE", "1")
    words = ("pull", url, SERIES, "-o", tmp_path / "out")
    assert "REGKIT_OFFLINE is set" in told(capsys, *words)
    assert asked == []
