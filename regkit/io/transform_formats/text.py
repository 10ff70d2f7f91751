"""Small text files of numbers: read whole, checked, written with every digit, read again."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.io.names import display_name
from regkit.io.streams import open_stream
from regkit.io.transform_format import ImagePair, Writers
from regkit.io.voxels import read_back_error
from regkit.transforms import Affine, Transform

_MAX_TEXT = 1 << 20
_START = 4096
# A kilometre in millimetres, a thousand times over: what lies beyond is damage.
_LARGEST = 1e9
_ROW_OF_FOUR = re.compile(r"^\s*" + r"\s+".join([r"[-+]?[\d.]+(?:[eE][-+]?\d+)?"] * 4) + r"\s*$")


def read_small_text(path: Path) -> str:
    """Read a text file of at most 1 MiB.

    Raises
    ------
    InputError
        If it is larger, cannot be read, or is not text.
    """
    name = display_name(path)
    if path.stat().st_size > _MAX_TEXT:
        raise InputError(f"{name}: is larger than {_MAX_TEXT} bytes, which no matrix in text is")
    with open_stream(path, name, compressed=False) as file:
        content = file.read()
    if b"\0" in content:
        raise InputError(f"{name}: is not text; check which program wrote it")
    return content.decode("utf-8", errors="replace")


def first_text(path: Path) -> str:
    """Return the beginning of a file as text, whatever it is."""
    with open_stream(path, display_name(path), compressed=False) as file:
        return file.read(_START).decode("latin-1")


def parse_numbers(text: str, count: int, name: str, what: str) -> Matrix:
    """Return the numbers in a text, exactly ``count`` of them, as ``(count,)``.

    Parameters
    ----------
    text
        Numbers with blanks between them.
    count
        How many there must be.
    name, what
        The file and the thing, for messages.

    Raises
    ------
    InputError
        If there are more or fewer, or a word is no number.
    """
    words = text.split()
    try:
        values = np.array([float(word) for word in words[: count + 1]])
    except ValueError as error:
        raise InputError(f"{name}: {what} holds a word that is no number ({error})") from error
    if len(words) != count:
        raise InputError(
            f"{name}: {what} needs {count} numbers, found {len(words)}; the file is cut or damaged"
        )
    return values


def parse_affine(text: str, rows: int, name: str, what: str) -> Matrix:
    """Return the affine in a text of three or four rows, as :func:`usable_matrix` makes it.

    Parameters
    ----------
    text
        Rows of four numbers.
    rows
        3 where the last row, 0 0 0 1, is left out; otherwise 4.
    name, what
        The file and the thing, for messages.

    Returns
    -------
    Matrix
        ``(4, 4)``.

    Raises
    ------
    InputError
        If it holds something else.
    """
    whole = np.eye(4)
    whole[:rows] = parse_numbers(text, 4 * rows, name, what).reshape(rows, 4)
    return usable_matrix(whole, name, what)


def usable_matrix(matrix: Matrix, name: str, what: str = "its matrix") -> Matrix:
    """Return a matrix ``(4, 4)`` that is an invertible affine of a sane size.

    Parameters
    ----------
    matrix
        ``(4, 4)``.
    name, what
        The file and the thing, for messages.

    Raises
    ------
    InputError
        If it is not.
    """
    if not np.abs(matrix).max() < _LARGEST:
        raise InputError(f"{name}: {what} has values that are not finite or beyond 1e9")
    try:
        return Affine(matrix).matrix
    except InputError as error:
        raise InputError(f"{name}: {what}: {error}") from error


def is_bare_matrix(path: Path) -> bool:
    """Tell whether a file begins with four rows of four numbers and nothing else."""
    rows = [row for row in first_text(path).splitlines() if row.strip()]
    return len(rows) == 4 and all(map(_ROW_OF_FOUR.match, rows))


def matrix_rows(matrix: Matrix) -> str:
    """Write the rows of a matrix ``(m, n)`` a line each, with every digit."""
    return "".join(" ".join(f"{value:.17g}" for value in row) + "\n" for row in matrix)


def text_writers(
    text: str, transform: Affine, read: Callable[[Path, ImagePair], Transform], pair: ImagePair
) -> Writers:
    """Prepare to write an affine, fixed to moving, as a text that its own reader understands.

    Parameters
    ----------
    text
        The whole file.
    transform
        What a reader must find in it.
    read, pair
        That reader, and the images that it is given.

    Returns
    -------
    write, verify
        The first writes the text to a path, the second checks what lies there.
    """
    return (
        lambda path: path.write_text(text, encoding="utf-8"),
        partial(check_read_back, transform, read, pair),
    )


def check_read_back(
    transform: Affine, read: Callable[[Path, ImagePair], Transform], pair: ImagePair, path: Path
) -> None:
    """Compare what a file holds with the affine, fixed to moving, that was written into it.

    Parameters
    ----------
    transform
        What was written.
    read, pair
        The reader of the format, and the images that it is given.
    path
        The file.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    found = read(path, pair)
    if not isinstance(found, Affine) or not np.allclose(
        found.matrix, transform.matrix, rtol=1e-7, atol=1e-6
    ):
        raise read_back_error(path)
