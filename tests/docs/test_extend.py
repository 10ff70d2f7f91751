"""The examples of `docs/extend` are whole: installed as they stand, they do what the page says."""

import sys
import tomllib

import pytest

from regkit.cli import main
from regkit.io.formats import table
from tests.docs.fences import ROOT, commands, fences, files

PAGES = sorted(set((ROOT / "docs" / "extend").glob("*.md")) - {ROOT / "docs/extend/README.md"})


def _install(page, folder):
    """Put the package of a page on ``folder`` as pip would, with its entry points."""
    project = next(tomllib.loads(each.text) for each in fences(page) if each.language == "toml")
    for name, text in files(page).items():
        (folder / name).write_text(text)
    said = project["project"]
    info = folder / f"{said['name'].replace('-', '_')}-{said['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {said['name']}\nVersion: {said['version']}\n")
    groups = said["entry-points"].items()
    lines = [
        f"[{group}]\n{name} = {value}" for group, names in groups for name, value in names.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def packages(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    table._added.cache_clear()
    yield folder
    table._added.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("regkit_"):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_an_example_does_what_its_page_says(page, packages, desk):
    _install(page, packages)
    modules = files(page).values()
    for fence in fences(page):
        if fence.language == "sh":
            for words in commands(fence.text):
                assert main(words) == 0, words
        elif fence.language == "python" and fence.text not in modules:
            exec(compile(fence.text, str(page), "exec"), {})  # noqa: S102
