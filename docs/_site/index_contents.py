"""The sidebar of the site, from the headings and links of ``docs/README.md``."""

import re

_HEADING = re.compile(r"(?m)^## (.+)$")
# The core first; a page that an earlier line has is not listed again.
API = ["api/regkit", "api/regkit.*", "api/*"]
_PAGE = re.compile(r"\]\(([^)#:\s]+)\.(?:md|ipynb)\)")


def contents(index: str) -> str:
    """Hidden tables of contents, one for each heading of ``index``, and one of the API.

    Parameters
    ----------
    index
        The text of ``docs/README.md``. A page that is linked twice counts where it is first.
    """
    _, *parts = _HEADING.split(index)
    seen: set[str] = {"../README"}
    blocks = []
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        pages = [page for page in dict.fromkeys(_PAGE.findall(text)) if page not in seen]
        seen.update(pages)
        blocks += [_toctree(title, pages)] if pages else []
    return "\n".join(["", *blocks, _toctree("API", API)])


def _toctree(caption: str, pages: list[str]) -> str:
    options = ":hidden:\n:titlesonly:\n:glob:\n:caption: " + caption
    return "\n".join(["```{toctree}", options, "", *pages, "```", ""])
