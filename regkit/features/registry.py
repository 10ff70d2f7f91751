"""Find feature backbones by name, from regkit's guests and other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from regkit.errors import InputError
from regkit.features.extractor import Extractor
from regkit.plugins import plug_ins, summary

FEATURES_GROUP = "regkit.features"
_OF_FOLDERS = {".safetensors", ".json"}
Opener = Callable[[Path | None, Sequence[str] | None, int | None], Extractor]
"""What an entry point of the group names: path, layers and timestep to an extractor.

Each is None where the user left it out; a path is what follows ``=`` in ``NAME=PATH``.
"""


def backbones() -> list[str]:
    """List the names that ``features:NAME`` can have here."""
    return list(plug_ins(FEATURES_GROUP))


def backbone_summaries() -> dict[str, str]:
    """What each backbone is, by its name; none of them is imported."""
    return {name: summary(entry) for name, entry in plug_ins(FEATURES_GROUP).items()}


def open_extractor(
    name: str, layers: Sequence[str] | None = None, timestep: int | None = None
) -> Extractor:
    """Open the extractor ``NAME`` or ``NAME=PATH``.

    Parameters
    ----------
    name
        As the user writes it.
    layers, timestep
        Where the network is listened to; None: as the backbone is best used.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be opened.
    """
    kind, _, path = name.partition("=")
    found = plug_ins(FEATURES_GROUP)
    if kind not in found:
        raise InputError(
            f"similarity features:{kind}: no such backbone; allowed: {', '.join(found)}"
        )
    opener: Opener = found[kind].load()
    return opener(Path(path) if path else None, layers, timestep)


def files_of(name: str) -> list[Path]:
    """List the files of the backbone ``NAME=PATH``.

    Of a folder, those that hold weights or say how they are used. What regkit and other packages
    carry is told by their versions.

    Examples
    --------
    >>> files_of("mind")
    []
    """
    word = name.partition("=")[2]
    if not word:
        return []
    path = Path(word)
    return weights_in(path) if path.is_dir() else [path] if path.is_file() else []


def weights_in(folder: Path) -> list[Path]:
    """List the files in ``folder`` and below that hold weights or say how they are used."""
    return sorted(each for each in folder.rglob("*") if each.suffix in _OF_FOLDERS)
