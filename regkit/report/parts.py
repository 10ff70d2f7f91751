"""What the sections of a report are made of: text, pictures and tables, all of them escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from isal import igzip
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from regkit.geometry.grid import Grid
    from regkit.report.photo import Photo
    from regkit.report.picture import Picture
    from regkit.report.volumes import Layer

Cells = Sequence[str]


@dataclass(frozen=True)
class Section:
    """A part of a report under a title of its own.

    Parameters
    ----------
    title
        Plain text.
    parts
        What is shown, from top to bottom. A string becomes a paragraph of plain text; what the
        functions of this module return is HTML already.

    Examples
    --------
    >>> Section("Noise", ["It was white.", pairs([("sigma", "8")])]).title
    'Noise'
    """

    title: str
    parts: Sequence[str]


def hint(text: str) -> Markup:
    """Make a paragraph in a softer colour, which says how to read what follows."""
    return _part("hint", text)


def legend(keys: Sequence[tuple[str, str]]) -> Markup:
    """Explain what colours mean: ``keys`` are pairs of a colour of CSS and its meaning."""
    return _part("legend", keys)


def figure(picture: Picture, title: str = "", text: str = "") -> Markup:
    """Put a picture above its caption.

    Parameters
    ----------
    picture
        An SVG with its alternative text.
    title
        The bold beginning of the caption.
    text
        The rest of the caption, in plain text; HTML in it is escaped.

    Examples
    --------
    >>> from regkit.report.picture import Picture
    >>> "<figcaption><strong>A &amp; B</strong>" in figure(Picture("<svg/>", "two"), "A & B")
    True
    """
    return _part("figure", picture, title, text)


def gallery(figures: Sequence[Markup]) -> Markup:
    """Put small figures side by side, as many as there is room for."""
    return _part("gallery", figures)


def blend(below: Picture, above: Picture, names: tuple[str, str]) -> Markup:
    """Lay two pictures of one size on each other, with a slider and a button to alternate them.

    Parameters
    ----------
    below, above
        What the two ends of the slider show; both are printed.
    names
        What they are called.
    """
    return _part("blend", below, above, names)


def viewer(
    layers: Sequence[Layer],
    grid: Grid,
    start: tuple[float, float, float],
    frames: Sequence[int] = (),
) -> Markup:
    """Show volumes in three linked planes, two at a time; at most one on a page.

    Where a browser cannot show it, a line says so: pictures must say the same beside it.

    Parameters
    ----------
    layers
        At least two; the first two are shown at the beginning, the second above the first.
    grid
        That of all of them; positions are told in its world.
    start
        Where the crosshair begins, as shares 0..1 of ``grid`` along its axes.
    frames
        The numbers of the frames that layers of a series have, from 0; the first is shown.
    """
    return _part("viewer", layers, grid, start, frames, _niivue())


def small_picture(photo: Photo) -> Markup:
    """Put a small picture into a cell of a table."""
    return _part("small_picture", photo)


def link(text: str, address: str) -> Markup:
    """Link to a file beside the page; ``address`` is relative to it.

    Examples
    --------
    >>> link("A & B", "a/report.html").strip()
    Markup('<a href="a/report.html">A &amp; B</a>')
    """
    return _part("link", text, address)


def table(columns: Cells, rows: Sequence[Cells], *, numbers: Collection[str] = ()) -> Markup:
    """Make a table whose first column names the rows, and which a reader can sort by any column.

    Parameters
    ----------
    columns
        Their titles.
    rows
        One text, :func:`link` or :func:`small_picture` a column.
    numbers
        The columns whose texts are aligned at their right.
    """
    return _part("table", columns, rows, [name in numbers for name in columns])


def pairs(rows: Sequence[tuple[str, str]]) -> Markup:
    """Make a table of names and values.

    Examples
    --------
    >>> "<td>a&lt;b</td>" in pairs([("file", "a<b")])
    True
    """
    return _part("pairs", rows)


def details(summary: str, part: Markup) -> Markup:
    """Fold a part away until somebody asks for it; print shows it."""
    return _part("details", summary, part)


@cache
def templates() -> Environment:
    """Return the templates of the kit; they escape whatever is put into them."""
    return Environment(
        loader=PackageLoader("regkit.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _niivue() -> str:
    """The program that draws volumes, compressed, as text."""
    program = files("regkit.report").joinpath("niivue", "niivue.umd.js").read_bytes()
    return b64encode(igzip.compress(program, compresslevel=3, mtime=0)).decode()


def _part(name: str, *arguments: object) -> Markup:
    macro = getattr(templates().get_template("parts.html.j2").module, name)
    return Markup(macro(*arguments))  # noqa: S704  a macro has escaped its arguments
