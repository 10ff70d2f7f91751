"""`regkit dicom pull` and `push` by DIMSE, with an archive of pynetdicom on this machine."""

from __future__ import annotations

import socket

import pydicom
import pytest

from regkit import read
from regkit.cli import main
from tests.io.dicom.test_judges import check_same
from tests.io.dicom.writer import write_series

net = pytest.importorskip("pynetdicom", reason="pynetdicom, of the extra dicom, is not installed")
FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
SERIES = "1.2.826.0.1.3680043.8.498.101"


class Archive:
    """Keeps what it is sent, finds by UIDs, and gives it back."""

    def __init__(self):
        self.kept, self.refuses, self.breaks = {}, False, None
        entity = net.AE("ARCHIVE")
        for each in net.AllStoragePresentationContexts:
            entity.add_supported_context(
                each.abstract_syntax, net.ALL_TRANSFER_SYNTAXES, scu_role=True, scp_role=True
            )
        for each in (FIND, GET):
            entity.add_supported_context(each)
        handlers = [
            (net.evt.EVT_C_STORE, self.store), (net.evt.EVT_C_FIND, self.find),
            (net.evt.EVT_C_GET, self.get),
        ]  # fmt: skip
        self.server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self.server.socket.getsockname()[1]

    def store(self, event):
        if self.refuses:
            return 0xA700
        data = event.dataset
        data.file_meta = event.file_meta
        self.kept[str(data.SOPInstanceUID)] = data
        return 0

    def matching(self, query):
        keys = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        wanted = {key: query.get(key) for key in keys if query.get(key)}
        return [d for d in self.kept.values() if all(d.get(k) == v for k, v in wanted.items())]

    def find(self, event):
        if self.breaks == "find":
            event.assoc.abort()
        seen = set()
        for data in self.matching(event.identifier):
            answer = pydicom.Dataset()
            for element in event.identifier:
                setattr(answer, element.keyword, data.get(element.keyword, element.value))
            if str(answer) not in seen:
                seen.add(str(answer))
                yield 0xFF00, answer

    def get(self, event):
        if self.breaks == "get":
            event.assoc.abort()
        found = self.matching(event.identifier)
        yield len(found)
        for data in found:
            yield 0xFF00, data


@pytest.fixture
def archive():
    made = Archive()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def dicom(archive):
    """Run `regkit dicom` against the archive."""

    def run(verb, *words, title="ARCHIVE", port=None):
        ends = ["--port", port or archive.port, "--aet", title]
        return main(["dicom", *map(str, (verb, "127.0.0.1", *words, *ends))])

    return run


def test_a_series_goes_to_an_archive_and_back(archive, dicom, scan, tmp_path, capsys):
    folder = write_series(tmp_path / "ct", scan, uid=SERIES)
    write_series(tmp_path / "other", scan.with_data(scan.data + 1))
    assert dicom("push", folder, tmp_path / "other") == 0
    assert len(archive.kept) == 2 * scan.shape[2]
    assert dicom("pull", SERIES, "-o", tmp_path / "back") == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'back'}\n"
    assert f"{scan.shape[2]} images" in told.err
    check_same(read(tmp_path / "back"), scan)


def test_compressed_files_are_sent_as_they_are(archive, dicom, scan, tmp_path):
    def compressed(data, _):
        data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)

    assert dicom("push", write_series(tmp_path / "ct", scan, uid=SERIES, change=compressed)) == 0
    syntaxes = {each.file_meta.TransferSyntaxUID for each in archive.kept.values()}
    assert syntaxes == {pydicom.uid.RLELossless}


def test_what_the_archive_does_not_have_or_take(archive, dicom, scan, tmp_path, capsys):
    folder = write_series(tmp_path / "ct", scan, uid=SERIES)
    assert dicom("pull", SERIES, "-o", tmp_path / "back") == 2
    assert "has no series 1.2.826" in capsys.readouterr().err
    archive.refuses = True
    assert dicom("push", folder) == 2
    assert "(status 0xa700); see its log" in capsys.readouterr().err
    assert not (tmp_path / "back").exists()


def test_a_series_that_does_not_come_whole_does_not_come(
    archive, dicom, scan, tmp_path, capsys, monkeypatch
):
    assert dicom("push", write_series(tmp_path / "ct", scan, uid=SERIES)) == 0
    found, last = archive.matching, [*archive.kept][-1]

    def forgetful(query):
        return [] if query.get("SOPInstanceUID") == last else found(query)

    monkeypatch.setattr(archive, "matching", forgetful)
    assert dicom("pull", SERIES, "-o", tmp_path / "back") == 2
    assert "gave 0 files for image" in capsys.readouterr().err
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(("verb", "said"), [("find", "does not answer C-FIND"), ("get", "gave 0")])
def test_a_connection_that_breaks_is_said_in_words(
    archive, dicom, scan, tmp_path, capsys, monkeypatch, verb, said
):
    assert dicom("push", write_series(tmp_path / "ct", scan, uid=SERIES)) == 0
    capsys.readouterr()
    monkeypatch.setattr(archive, "breaks", verb)
    assert dicom("pull", SERIES, "-o", tmp_path / "back") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "(the connection was lost, or no answer came within 60 s)" in line
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["127.0.0.1", SERIES, "--port", "4242"], "has a host, --port and --aet"),
        (["127.0.0.1", SERIES, "--aet", "A"], "has a host, --port and --aet"),
        (["http://a/b", SERIES, "--port", "4242", "--aet", "A"], "has a host, --port and --aet"),
        (["127.0.0.1", SERIES, "--port", "0", "--aet", "A"], "port 0 is none"),
        (["127.0.0.1", SERIES, "--port", "4242", "--aet", "A" * 17], "is no AE title"),
        (["127.0.0.1", "../x", "--port", "4242", "--aet", "A"], "is no UID of a series"),
    ],
)
def test_what_is_no_archive(words, said, tmp_path, capsys):
    assert main(["dicom", "pull", *words, "-o", str(tmp_path / "x")]) == 2
    assert said in capsys.readouterr().err


def test_nobody_is_asked_offline_or_where_nobody_listens(dicom, tmp_path, capsys, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert dicom("pull", SERIES, "-o", tmp_path / "x", port=port) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be reached" in line
    monkeypatch.setenv("REGKIT_OFFLINE", "1")
    assert dicom("pull", SERIES, "-o", tmp_path / "x") == 2
    assert "REGKIT_OFFLINE is set" in capsys.readouterr().err


def test_an_archive_that_lets_nobody_in(archive, dicom, tmp_path, capsys):
    archive.server.ae.require_called_aet = True
    assert dicom("pull", SERIES, "-o", tmp_path / "x", title="OTHER") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not let REGKIT in; check both AE titles" in line


def test_a_file_that_is_none_is_not_sent(archive, dicom, tmp_path, capsys):
    (tmp_path / "a.dcm").write_bytes(b"no")
    assert dicom("push", tmp_path / "a.dcm") == 2
    assert "is no DICOM file" in capsys.readouterr().err
    assert archive.kept == {}
