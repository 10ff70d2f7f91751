"""Files of the layout of the released ones, and all that can be wrong with them."""

import http.server
import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from regkit import InputError
from regkit.cli import main
from regkit.networks.gradicon import gradicon
from regkit.networks.weights import checkpoint, known, store
from regkit.networks.weights.known import PublishedWeights


@pytest.fixture(scope="session")
def published(tmp_path_factory, network):
    """A file like the released ones, but of the small 2-D network."""
    path = tmp_path_factory.mktemp("published") / "Step_2_final.trch"
    torch.save(network(2).state_dict(), path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "weights"))
    monkeypatch.delenv(store.OFFLINE, raising=False)
    return tmp_path / "weights"


class _Server(http.server.BaseHTTPRequestHandler):
    """One file, in ranges if asked; ``cuts`` says how much each of the next answers may hold."""

    content, cuts, asked, tag = b"", [], [], '"one"'

    def do_GET(self):
        span = self.headers.get("Range") if self.headers.get("If-Range") == self.tag else None
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        type(self).asked.append(start)
        if self.path != "/weights":
            self.send_error(404)
            return
        if start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("ETag", self.tag)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        end = start + self.cuts.pop(0) if self.cuts else None
        self.wfile.write(self.content[start:end])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def served(published):
    """Weights behind a server of this machine."""
    handler = type("Handler", (_Server,), {"content": published.read_bytes(), "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/weights"
    yield PublishedWeights("multigradicon", url, "Apache-2.0", "a test"), handler
    server.shutdown()
    thread.join()
    server.server_close()


def _quiet(*_):
    pass


def _state(name="multigradicon"):
    return store.load_weights(name).state_dict()


def test_fetched_weights_are_those_that_were_published(served, network, folder):
    source, handler = served
    path = store.fetch(source, _quiet)
    assert path == folder / "multigradicon.safetensors"
    assert store.installed_weights() == ["multigradicon"]
    assert all(torch.equal(v, network(2).state_dict()[k]) for k, v in _state().items())
    store.fetch(source, _quiet)
    assert handler.asked == [0]  # the second time it is here
    left = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
    assert left == {"multigradicon.safetensors", "multigradicon.json"}


def test_two_that_fetch_at_once_fetch_once(served):
    source, handler = served
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(lambda _: store.fetch(source, _quiet), range(3)))
    assert len(set(paths)) == 1
    assert handler.asked == [0]


def test_a_broken_download_goes_on_where_it_stopped(served):
    source, handler = served
    handler.cuts = [1000, 2000]
    seen = []
    store.fetch(source, lambda here, whole: seen.append((here, whole)))
    assert handler.asked == [0, 1000, 3000]
    assert seen[-1] == (len(handler.content), len(handler.content))
    assert _state()


def test_what_has_come_stays_for_the_next_attempt(served, folder):
    source, handler = served
    handler.cuts = [1000] * 4
    with pytest.raises(InputError, match=r"broke 4 times, after 0.0 MB in all; run the same"):
        store.fetch(source, _quiet)
    assert (folder / "multigradicon.download").stat().st_size == 4000
    store.fetch(source, _quiet)
    assert handler.asked[-1] == 4000


def test_another_version_is_fetched_from_its_start(served, folder):
    source, handler = served
    folder.mkdir()
    (folder / "multigradicon.download").write_bytes(b"x" * 500)
    (folder / "multigradicon.download.tag").write_text('"none"')
    store.fetch(source, _quiet)
    assert handler.asked == [0]


def test_a_beginning_longer_than_the_whole_is_dropped(served, folder):
    source, handler = served
    folder.mkdir()
    (folder / "multigradicon.download").write_bytes(b"x" * (len(handler.content) + 1))
    (folder / "multigradicon.download.tag").write_text(handler.tag)
    store.fetch(source, _quiet)
    assert _state()


def test_only_what_was_published_is_taken(served):
    source, _ = served
    wrong = PublishedWeights(source.name, source.url, "", "", sha256="0" * 64)
    with pytest.raises(InputError, match=r"download: is not the published one: SHA-256 .*delete"):
        store.fetch(wrong, _quiet)


def test_weights_that_changed_at_their_source_are_not_taken(served, folder, network):
    source, handler = served
    path = store.fetch(source, _quiet)
    path.unlink()
    handler.content = handler.content[:-1] + b"!"
    with pytest.raises(InputError, match="is not the one that was installed first"):
        store.fetch(source, _quiet)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.org/w", "https only"),
        ("http://127.0.0.1:9/w", r"cannot be reached \("),
    ],
)
def test_a_source_that_cannot_be_used_is_named(url, says):
    with pytest.raises(InputError, match=f"{url}: .*{says}"):
        store.fetch(PublishedWeights("multigradicon", url, "", ""), _quiet)


def test_a_server_without_the_file_is_quoted(served):
    source, _ = served
    with pytest.raises(InputError, match="elsewhere: the server answers 404"):
        store.fetch(
            PublishedWeights(source.name, source.url.replace("weights", "elsewhere"), "", ""),
            _quiet,
        )


@pytest.mark.parametrize("how", ["option", "variable"])
def test_offline_tells_where_to_put_the_file(how, monkeypatch, capsys, folder):
    words = ["weights", "fetch", "unigradicon"]
    if how == "variable":
        monkeypatch.setenv(store.OFFLINE, "1")
    assert main(words + ["--offline"] * (how == "option")) == 2
    said = capsys.readouterr().err
    assert known.KNOWN["unigradicon"].url in said
    assert "regkit weights import unigradicon FILE" in said
    assert str(folder) in said
    assert said.count("\n") == 1


def test_the_commands_know_an_imported_file(published, folder, capsys):
    assert main(["weights", "import", "multigradicon", str(published)]) == 0
    path = capsys.readouterr().out.strip()
    assert path == str(folder / "multigradicon.safetensors")
    assert main(["weights", "path", "multigradicon"]) == 0
    assert capsys.readouterr().out.strip() == path
    assert main(["weights", "verify", "multigradicon"]) == 0
    assert "made from Step_2_final.trch" in capsys.readouterr().out
    assert main(["weights", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["weights"]
    assert {row["name"]: row["installed"] for row in rows} == {
        "unigradicon": False,
        "multigradicon": True,
        "small": True,
    }
    assert main(["weights", "list"]) == 0
    assert "multigradicon  installed" in capsys.readouterr().out


def test_the_command_fetches_and_tells_the_licence(served, monkeypatch, capsys):
    source, _ = served
    monkeypatch.setitem(known.KNOWN, source.name, source)
    assert main(["weights", "fetch", source.name]) == 0
    said = capsys.readouterr().err
    assert "licence: Apache-2.0" in said
    assert store.read_weights_record(source.name).source_sha256 in said


def test_a_name_of_ones_own(published):
    store.import_file("knees", published)
    assert store.installed_weights() == ["knees"]
    assert store.verify("knees").licence == "not stated"


def _install(published):
    return store.import_file("multigradicon", published)


def test_missing_weights_say_how_to_get_them():
    with pytest.raises(InputError, match=r"'multigradicon' are not installed; .*fetch .*import"):
        store.load_weights("multigradicon")
    with pytest.raises(InputError, match=r"'knees' are not published .*import knees FILE"):
        known.known_weights("knees")
    with pytest.raises(InputError, match=r"cannot be called '../knees'"):
        store.load_weights("../knees")
    with pytest.raises(InputError, match="there is no such file; give the weights"):
        store.import_file("knees", store.folder() / "nowhere.trch")


def test_tampered_weights_are_refused(published):
    path = _install(published)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"multigradicon.safetensors: is not what was installed"):
        store.load_weights("multigradicon")


def test_weights_without_a_record_are_refused(published):
    _install(published).with_suffix(".json").write_text("{}")
    with pytest.raises(InputError, match="the record of these weights is missing or damaged"):
        store.load_weights("multigradicon")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("ending", [".trch", ".safetensors"])
def test_truncated_files_are_refused(published, tmp_path, share, ending):
    whole = published
    if ending == ".safetensors":
        whole = tmp_path / "whole.safetensors"
        checkpoint.write_checkpoint(checkpoint.read_checkpoint(published), whole)
    content = whole.read_bytes()
    cut = tmp_path / f"cut{ending}"
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=f"^cut{ending}: cannot be read as weights: it is cut"):
        store.import_file("multigradicon", cut)
    assert store.installed_weights() == []


class _Code:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_never_run(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.trch"
    if zipped:
        torch.save({"a": _Code()}, path)
    else:
        path.write_bytes(pickle.dumps({"a": _Code()}, protocol=2))
    with pytest.raises(InputError, match=r"^evil.trch: (holds more than tensors|cannot be read)"):
        store.import_file("multigradicon", path)
    assert not (tmp_path / "ran").exists()


def _without(state):
    return {k: v for k, v in state.items() if not k.endswith("netPsi.net.lastConv.bias")}


def _reshaped(state):
    return {**state, "netPsi.net.lastConv.bias": torch.zeros(5)}


def _added(state):
    return {**state, "head.weight": torch.zeros(5)}


def _infinite(state):
    return {**state, "netPsi.net.lastConv.bias": torch.full((2,), torch.inf)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: {"fc.weight": torch.zeros(3)}, "has 0 networks of the GradICON kind"),
        (lambda _: [torch.zeros(3)], "holds list, not names and tensors"),
        (lambda _: {"epoch": 3}, "holds dict, not names and tensors"),
        (_without, "lastConv.bias is missing"),
        (_reshaped, r"lastConv.bias has shape \(5,\), not \(2,\)"),
        (_added, "head.weight is not of this network"),
        (_infinite, "lastConv.bias has values that are not finite"),
    ],
)
def test_foreign_files_are_refused(network, tmp_path, change, says):
    path = tmp_path / "foreign.pt"
    torch.save(change(network(2).state_dict()), path)
    with pytest.raises(InputError, match=f"^foreign.pt: .*{says}"):
        store.import_file("multigradicon", path)


def test_weights_of_the_first_stage_load_too(tmp_path):
    path = tmp_path / "step1.pt"
    first = gradicon(2, last_step=False)
    torch.save(first.state_dict(), path)
    store.import_file("first", path)
    assert list(_state("first")) == list(first.state_dict())
