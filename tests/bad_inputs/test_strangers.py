"""Files from strangers are data: nothing in them is run, followed, or fetched."""

import builtins
import json
import socket

import h5py
import nibabel as nib
import numpy as np
import pytest

from regkit import read
from regkit.cli import main
from tests.bad_inputs.companions import Case, bare_pickle, linked, pickled, text
from tests.bad_inputs.images import CASES
from tests.bad_inputs.processes import short

DETACHED = [case for case in CASES if case.number == 50]


@pytest.fixture
def canary(place, monkeypatch):
    """Files that may not be touched, around where the cases put theirs."""
    monkeypatch.chdir(place.inputs)
    (place.inputs.parent / "canary.raw").write_bytes(bytes(range(256)) * 2)
    with h5py.File(place.inputs.parent / "canary.h5", "w") as file:
        file["secret"] = np.zeros(12)
    return place.inputs / "canary"


@pytest.fixture
def opened(monkeypatch):
    """Names of all that Python opens."""
    import io
    import pathlib

    names, real = [], io.open

    def noted(file, *args, **kwargs):
        names.append(str(file))
        return real(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", noted)
    monkeypatch.setattr(pathlib.io, "open", noted)
    return names


@pytest.mark.parametrize("make", [pickled, bare_pickle])
@pytest.mark.parametrize("slot", ["weights import", "model"])
def test_no_pickle_is_run(place, canary, make, slot, capsys):
    assert main(place.words(slot, make(place))) == 2
    assert not canary.exists()
    assert len(capsys.readouterr().err.splitlines()) == (1 if slot != "model" else 4)


@pytest.mark.parametrize(
    "line",
    [
        "seed: !!python/object/apply:pathlib.Path.touch [canary]",
        "seed: !!python/object/new:os.system [touch canary]",
        "seed: !!python/name:os.system",
    ],
)
def test_no_tag_of_yaml_is_obeyed(place, canary, line, capsys):
    assert main(place.words("config", text("s.yaml", line)(place))) == 2
    assert not canary.exists()


@pytest.mark.parametrize("slot", ["init", "apply transform", "points transform"])
def test_no_link_of_hdf5_is_followed(place, canary, slot, monkeypatch):
    path = linked(place)
    touched = h5py.File(place.inputs.parent / "canary.h5").close()
    monkeypatch.setattr("SimpleITK.ReadTransform", lambda *_: pytest.fail("it was read"))
    assert touched is None
    assert main(place.words(slot, path)) == 2


@pytest.mark.parametrize("case", DETACHED, ids=lambda case: case.what)
def test_no_detached_header_leads_elsewhere(place, canary, opened, case: Case):
    path = case.make(place)
    opened.clear()
    assert main(["info", str(path)]) == 2
    assert not [name for name in opened if "canary" in name or "hostname" in name]


def test_no_path_is_made_of_what_a_file_says_about_itself(place, tmp_path):
    image = nib.load(place.moving)
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[field] = b"../../canary"[: image.header[field].dtype.itemsize]
    nib.save(image, place.inputs / "m.nii")
    words = short(place, "--quiet")
    words[2] = place.inputs / "m.nii"
    assert main([*map(str, words)]) == 0
    assert not list(place.out.parent.rglob("*canary*"))
    assert "canary" not in "".join(
        (place.out / name).read_text() for name in ("run.json", "report.html")
    )


def test_a_report_is_text_whatever_files_are_called(place):
    name = "<script>alert(1)<!--&.nii"
    words = short(place, "--quiet")
    words[2] = place.moving.rename(place.inputs / name)
    assert main([*map(str, words)]) == 0
    html = (place.out / "report.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;!--&amp;.nii" in html


def test_base_names_only(place, capsys):
    assert main([*map(str, short(place))]) == 0
    told = capsys.readouterr()
    for where in (told.err, *((place.out / n).read_text() for n in ("run.json", "report.html"))):
        assert str(place.fixed.parent) not in where
    record = json.loads((place.out / "run.json").read_text())
    assert [entry["file"] for entry in record["inputs"]] == ["fixed.nii", "moving.nii"]


def test_full_paths_where_they_are_asked_for(place, capsys):
    words = [*map(str, short(place, "--full-paths"))]
    assert main(words) == 0
    told, where = capsys.readouterr().err, str(place.fixed)
    record = json.loads((place.out / "run.json").read_text())
    assert told.splitlines()[0].startswith(f"fixed   {where} ")
    assert record["inputs"][0] == {**record["inputs"][0], "file": "fixed.nii", "path": where}
    assert where in (place.out / "report.html").read_text()
    assert main([*words, "--resume"]) == 0
    again = place.inputs / "again"
    assert main(["rerun", str(place.out / "run.json"), "-q", "-o", str(again)]) == 0
    assert json.loads((again / "run.json").read_text())["inputs"] == record["inputs"]


def test_a_path_in_a_record_is_never_followed(place, capsys):
    """It is for people: the file is looked for by its base name."""
    assert main([*map(str, short(place, "--full-paths"))]) == 0
    path = place.out / "run.json"
    record = json.loads(path.read_text())
    place.fixed.rename(place.inputs / "elsewhere.nii")
    record["inputs"][0]["path"] = str(place.inputs / "elsewhere.nii")
    path.write_text(json.dumps(record))
    assert main(["rerun", str(path)]) == 2
    assert "fixed.nii: the fixed of this run is not here" in capsys.readouterr().err


def test_no_default_command_opens_a_socket(place, monkeypatch, capsys):
    def refuse(*_args, **_kwargs):
        pytest.fail("a socket was opened")

    monkeypatch.delenv("REGKIT_OFFLINE")
    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    phi = place.out / "transform.h5"
    x = place.out / "x.nii"
    assert main([*map(str, short(place, "--quiet", "--model", "auto"))]) == 0
    for words in (
        ["apply", place.moving, phi, "--onto", place.fixed, "-o", x],
        ["points", place.table, phi],
        ["info", place.fixed],
        ["rerun", place.out / "run.json", "-q"],
        ["weights", "list"],
        ["doctor"],
        ["--version"],
    ):
        assert main([*map(str, words)]) == 0, words
    assert read(x).grid.shape == (16, 18, 20)
