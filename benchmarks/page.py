"""Tables inside a markdown page, between markers, so that a run renews what it measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).with_name("README.md")


def renewed(page: str, blocks: Mapping[str, str]) -> str:
    """``page`` with the text between ``<!-- NAME -->`` and ``<!-- /NAME -->`` replaced.

    Raises
    ------
    KeyError
        If the page has no such pair of markers.

    Examples
    --------
    >>> renewed("a <!-- x --> old <!-- /x --> b", {"x": "new"}).splitlines()
    ['a <!-- x -->', 'new', '<!-- /x --> b']
    """
    for name, text in blocks.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        between = re.compile(re.escape(start) + ".*?" + re.escape(end), flags=re.DOTALL)
        if not between.search(page):
            raise KeyError(f"no markers for {name!r}")
        # Not `sub`: a replacement string would take backslashes for groups.
        before, after = between.split(page, maxsplit=1)
        page = f"{before}{start}\n{text}\n{end}{after}"
    return page


def write(blocks: Mapping[str, str], page: Path = PAGE) -> None:
    """Renew ``page`` on disk."""
    page.write_text(renewed(page.read_text(), blocks))
