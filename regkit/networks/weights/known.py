"""Weights that others have published, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regkit.errors import InputError

_RELEASES = "https://github.com/uncbiag/uniGradICON/releases/download"
_LICENCE = (
    "Apache-2.0 (the licence of the uniGradICON repository; none is stated for the weights alone)"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class PublishedWeights:
    """A file of published weights: where it comes from and what it must be.

    ``sha256`` is that of the published file. Where it is empty, nobody has told: the first fetch
    records what it got, and every later one must be the same.
    """

    name: str
    url: str
    licence: str
    about: str
    sha256: str = ""


KNOWN = {
    known.name: known
    for known in (
        PublishedWeights(
            "unigradicon",
            f"{_RELEASES}/unigradicon_weights/Step_2_final.trch",
            _LICENCE,
            "one modality at a time: CT or MR, any organ (Tian et al., MICCAI 2024)",
        ),
        PublishedWeights(
            "multigradicon",
            f"{_RELEASES}/multigradicon_weights/Step_2_final.trch",
            _LICENCE,
            "between modalities too (Demir et al., WBIR 2024)",
        ),
    )
}

SHIPPED = {
    known.name: known
    for known in (
        PublishedWeights(
            "small",
            "",
            "Apache-2.0",
            "comes with regkit: brains in MR, of one contrast or two, in a second",
        ),
    )
}


def known_weights(name: str) -> PublishedWeights:
    """Return the published weights called ``name``.

    Raises
    ------
    InputError
        If there are none, or they come with regkit.

    Examples
    --------
    >>> known_weights("multigradicon").licence[:10]
    'Apache-2.0'
    """
    if name in SHIPPED:
        raise InputError(f"weights {name!r} come with regkit; there is nothing to fetch")
    if name not in KNOWN:
        raise InputError(
            f"weights {name!r} are not published anywhere that regkit knows; known: "
            f"{', '.join(KNOWN)}. For a file of your own: regkit weights import {name} FILE"
        )
    return KNOWN[name]


def checked_name(name: str) -> str:
    """Return ``name``, if it can name a file of weights that is to be installed.

    Raises
    ------
    InputError
        If it cannot, or weights that come with regkit have it.
    """
    if name in SHIPPED:
        raise InputError(f"weights {name!r} come with regkit; choose another name for yours")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"weights cannot be called {name!r}; use letters, digits, dots, hyphens and underscores"
        )
    return name
