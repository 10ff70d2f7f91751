"""The site builds without a warning, its links lead somewhere, and it loads nothing from a net."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.docs.fences import ROOT

pytest.importorskip("furo", reason="Sphinx is not installed; the extra docs brings it")
pytest.importorskip("myst_nb", reason="Sphinx is not installed; the extra docs brings it")

_LINK = re.compile(r'<(\w+)[^>]*? (?:href|src)="([^"#]*)#?([^"]*)"')
_ID = re.compile(r'\bid="([^"]+)"')
_LOADED = {"img", "link", "script", "source", "iframe"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the pages, made as `make docs` makes them."""
    folder = tmp_path_factory.mktemp("site")
    words = ["-W", "--keep-going", "-q", "-j", "2", "-c", "docs"]
    places = ["-d", folder / "doctrees", ".", folder / "html"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, *places],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return (folder / "html").resolve()


@pytest.fixture(scope="module")
def pages(site):
    return {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_every_link_inside_the_site_leads_somewhere(site, pages):
    ids = {path: set(_ID.findall(text)) for path, text in pages.items()}
    broken = set()
    for path, text in pages.items():
        for _, address, anchor in _LINK.findall(text):
            if re.match(r"\w+:", address):
                continue
            there = (path.parent / address.partition("?")[0]).resolve() if address else path
            lost = anchor and there in ids and anchor not in ids[there]
            if not there.exists() or lost:
                broken.add((path.name, address, anchor))
    assert len(pages) > 100
    assert broken == set()


def test_nothing_is_loaded_from_elsewhere(site, pages):
    loaded = {
        (path.name, address)
        for path, text in pages.items()
        for tag, address, _ in _LINK.findall(text)
        if tag in _LOADED and re.match(r"(\w+:)?//", address)
    }
    styles = {
        (path.name, address)
        for path in site.rglob("*.css")
        for address in re.findall(
            r"""(?:url\(|@import )["']?((?:\w+:)?//[^"')]+)""", path.read_text()
        )
    }
    assert loaded | styles == set()


def test_every_public_module_is_described_once(pages):
    sys.path.insert(0, str(ROOT / "docs" / "_site"))
    from api_pages import public_modules

    sys.path.pop(0)
    found = Counter(
        name for text in pages.values() for name in re.findall(r'id="module-([\w.]+)"', text)
    )
    assert found == Counter(public_modules(ROOT))
    assert found.total() > 600


def test_the_sidebar_has_the_pages_of_the_index_in_its_order(site, pages):
    sidebar = pages[site / "docs" / "README.html"].partition("sidebar-tree")[2]
    places = [sidebar.find(word) for word in ("install.html", "ct-mr.html", "register.html")]
    assert -1 not in places
    assert places == sorted(places)


SHOWN = {
    "index.html": "Five-minute tours",
    "docs/pictures.html": "steps.png",
    "notebooks/09_transforms.html": "One transform, many programs",
    "search.html?q=histology": "Search finished, found",
}


@pytest.mark.parametrize("page", SHOWN)
def test_a_browser_shows_it_and_does_not_complain(site, page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine")
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    nowhere = ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}"]
    log = ["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"]
    words = [browser, *quiet, *nowhere, *log, f"{site.as_uri()}/{page}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    assert SHOWN[page] in done.stdout
