"""Every command and every cell of these pages runs as it is written, on small phantoms."""

import pytest

from regkit.cli import main
from tests.docs.fences import ROOT, commands, fences

DOCS = ROOT / "docs"
WHOLE = ("install", "tour", "pictures", "choosing", "coordinates", "coming-from")
DESKS = {"satellite": "scenes", "pacs": "study"}  # what else these pages need
PAGES = [*(DOCS / f"{name}.md" for name in WHOLE), *sorted((DOCS / "how-to").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_as_it_is_written(page, desk, request):
    if page.stem in DESKS:
        request.getfixturevalue(DESKS[page.stem])
    names, ran = {}, 0
    for fence in (each for each in fences(page) if each.runs):
        if fence.language == "python":
            exec(compile(fence.text, str(page), "exec"), names)  # noqa: S102
        for words in commands(fence.text) if fence.language == "sh" else []:
            assert main(words) == 0, words
        ran += 1
    assert ran
