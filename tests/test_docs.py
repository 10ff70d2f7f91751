"""The README and the pages of ``docs/``: their length, links, options, words and examples."""

import re
import shlex
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer

from regkit.cli.app import COMMANDS_GROUP, build

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
MADE = {DOCS / "api", DOCS / "_build"}  # by `make docs`
PAGES = [README, *sorted(page for page in DOCS.rglob("*.md") if not MADE & set(page.parents))]
LINKING = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PACKAGES = ("regkit", "foundation", "denoise", "probes")
CODE = [p for name in PACKAGES for p in (ROOT / name).rglob("*.py")]

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(<!-- needs files[^>]*-->\n)?```(\w*)\n(.*?)```", re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
# Options of other programs that the pages name.
_FOREIGN = {"--fout", "--nproc-per-node", "--no-python"}
_PROGRAMS = (
    "pip", "python", "make", "antsA", "antsR", "applywarp", "fnirt", "unigradicon-", "..."
)  # fmt: skip
# A command that a page adds: tests/docs/test_extend.py runs it.
_ADDED = re.compile(r'(?s)entry-points\."regkit\.commands"\]\n(\w+) =')


def _name(page):
    return page.relative_to(ROOT).as_posix()


def _text(path):
    return path.read_text(encoding="utf-8")


def _anchors(path):
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.*)$", _text(path))
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in headings}


def _options(command):
    given = [(*each.opts, *each.secondary_opts) for each in command.params]  # --no-labels too
    return {option for options in given for option in options} | {"--help", "-h"}


def _commands():
    """Every command, ``denoise`` and ``weights fetch`` alike, with the options it takes."""
    found = dict(_flat("", typer.main.get_command(build())))
    for entry in entry_points(group=COMMANDS_GROUP):
        found |= dict(_flat(entry.name, _guest(entry.load())))
    return found


def _guest(loaded):
    app = loaded if isinstance(loaded, typer.Typer) else typer.Typer()
    if app is not loaded:
        app.command()(loaded)
    return typer.main.get_command(app)


def _flat(name, command):
    yield name, _options(command)
    for word, inner in getattr(command, "commands", {}).items():
        yield from _flat(f"{name} {word}".strip(), inner)


def _called(line):
    """The words after ``regkit`` in a line that calls it, up to its comment."""
    call = re.search(r"(?:^|\s)regkit ([a-z].*)", line)
    return shlex.split(call[1], comments=True) if call else []


def _invocations(path):
    """Lines of code that call regkit, from fences and from code between backticks."""
    text = _text(path)
    fenced = [line for _, _, body in _FENCE.findall(text) for line in body.splitlines()]
    spans = _SPAN.findall(_FENCE.sub("", text))
    lines = [line for line in fenced if re.match(r"(regkit|torchrun) ", line)]
    return [*lines, *(span for span in spans if span.startswith("regkit "))]


@pytest.fixture(scope="module")
def commands():
    return _commands()


def test_the_readme_is_short():
    assert len(_text(README).splitlines()) <= 120


@pytest.mark.parametrize("page", LINKING, ids=_name)
def test_every_relative_link_resolves(page):
    broken = []
    for target in _LINK.findall(_text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def test_the_index_links_every_page():
    linked = {(DOCS / target).resolve() for target in _LINK.findall(_text(DOCS / "README.md"))}
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    assert {*PAGES, *notebooks} - {README, DOCS / "README.md"} <= linked


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_and_its_options_exist(page, commands):
    unknown, added = [], _ADDED.findall(_text(page))
    for line in _invocations(page):
        words = _called(line)
        if not words or words[0] in ("COMMAND", *added):
            continue
        name = " ".join(words[:2]) if " ".join(words[:2]) in commands else words[0]
        used = set(_OPTION.findall(" ".join(words)))
        unknown += sorted(used - commands.get(name, set())) if name in commands else [line]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_option_between_backticks_exists(page, commands):
    known = set().union(*commands.values()) | _FOREIGN
    spans = _SPAN.findall(_FENCE.sub("", _text(page)))
    ours = [span for span in spans if not span.startswith(_PROGRAMS)]
    used = {option for span in ours for option in re.findall(r"(?<![\w-])--[a-z-]+", span)}
    assert used - known == set()


def _terms():
    rows = re.findall(r"(?m)^\| ([^|]+?) \|", _text(DOCS / "glossary.md"))
    return sorted({term for row in rows for term in row.split(", ")} - {"term", "---"})


def test_every_term_of_the_glossary_is_used():
    pages = [page for page in PAGES if page.name != "glossary.md"]
    written = " ".join(_text(path) for path in [*pages, *CODE]).casefold()
    written = re.sub(r"[\s-]+", " ", written)
    assert [term for term in _terms() if re.sub("-", " ", term.casefold()) not in written] == []


def test_the_python_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    ran = 0
    for needs_files, language, body in _FENCE.findall(_text(DOCS / "python.md")):
        if language == "python" and not needs_files:
            exec(compile(body, "docs/python.md", "exec"), names)  # noqa: S102
            ran += 1
    assert ran >= 5
