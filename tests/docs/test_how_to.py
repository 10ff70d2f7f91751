"""Every command of the how-to pages runs as it is written, on small phantoms."""

import pytest

from regkit.cli import main
from tests.docs.fences import ROOT, commands, fences

PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_how_to_runs(page, desk, request):
    if page.stem == "satellite":
        request.getfixturevalue("scenes")
    ran = 0
    for fence in fences(page):
        for words in commands(fence.text) if fence.runs and fence.language == "sh" else []:
            assert main(words) == 0, words
            ran += 1
    assert ran
