"""The site: Markdown of the whole checkout, notebooks as they are, and the API from docstrings.

The source folder is the checkout, so that a link between two pages is the same on a forge and here.
``docs/README.md`` is the index: its headings and links are the contents of the sidebar, in order.
"""

import builtins
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
# Types of others, which have no page here: looking for each of them takes half of the build.
OUTSIDE = set(dir(builtins)) | {"Any", "Callable", "Iterator", "Path", "Sequence", "Tensor"}
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_site")]

from api_pages import write_pages  # noqa: E402 found by the line above
from index_contents import contents  # noqa: E402 likewise

project = "regkit"
author = "the regkit authors"
copyright = "the regkit authors, Apache-2.0"
html_title = "regkit"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/README"
include_patterns = [
    "*.md",
    "docs/**",
    "notebooks/*.ipynb",
    "benchmarks/*.md",
    "findings/README.md",
    "denoise/**/README.md",
    "foundation/**/README.md",
    "regkit/networks/weights/shipped/README.md",
]
exclude_patterns = ["docs/_build", ".*", "**/.*", "demo", "dist", "build", "**/__pycache__"]
suppress_warnings = ["toc.not_included"]  # tests/test_docs.py holds that the index links every page
highlight_language = "none"

myst_heading_anchors = 4
nb_execution_mode = "off"  # the notebooks are run by the tests, and kept without outputs

autodoc_default_options = {"members": True, "ignore-module-all": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_use_type_comments = False
autodoc_type_aliases = {name: name for name in ("Matrix", "NDArray")}
napoleon_attr_annotations = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 88
toc_object_entries = False  # a sidebar of ten thousand names takes a minute to write

html_theme = "furo"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "redirect.html"}
templates_path = ["_site/templates"]
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which a browser forbids where they are files


def setup(app: Sphinx) -> None:
    """Write the pages of the API before anything is read, and the contents into the index."""
    app.connect("builder-inited", lambda _: write_pages(ROOT, ROOT / "docs" / "api"))
    app.connect("source-read", _with_contents)
    app.connect("doctree-read", _without_links_to_outside)
    app.connect("autodoc-process-signature", _with_plain_aliases)


def _with_contents(_: Sphinx, page: str, source: list[str]) -> None:
    if page == root_doc:
        source[0] += contents(source[0])


def _without_links_to_outside(_: Sphinx, doctree: nodes.document) -> None:
    for link in list(doctree.findall(pending_xref)):
        if link.get("reftarget", "").rpartition(".")[2] in OUTSIDE:
            link.replace_self(link.children)


def _with_plain_aliases(
    _: Sphinx, what: str, name: str, thing: object, options: object, *signature: str | None
) -> tuple[str | None, ...]:
    """Sphinx 9 writes an alias inside of another type as the call that marks it."""
    return tuple(
        part and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", part) for part in signature
    )
