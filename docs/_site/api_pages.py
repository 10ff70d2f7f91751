"""The pages of the API: every public module once, described by its docstrings."""

import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("regkit", "foundation", "denoise", "probes")
# Twins of kernels have the names and arguments of the kernels beside them.
TWINS = ("regkit.kernels.cpu", "regkit.kernels.gpu")


def public_modules(root: Path) -> list[str]:
    """Names of all public modules below ``root``, packages before what they hold."""
    files = [path for name in PACKAGES for path in (root / name).rglob("*.py")]
    parts = (path.relative_to(root).with_suffix("").parts for path in files)
    names = (".".join(each[:-1] if each[-1] == "__init__" else each) for each in parts)
    return sorted(name for name in names if "._" not in name and not name.startswith(TWINS))


def write_pages(root: Path, folder: Path) -> None:
    """Write a page for each part of each package, and remove those of parts that are gone."""
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{title}.rst": _page(title, names) for title, names in _parts(root).items()}
    for path in set(folder.glob("*.rst")) - set(pages):
        path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _parts(root: Path) -> dict[str, list[str]]:
    """The modules of each page: ``regkit.io`` and all below it are one."""
    found = defaultdict(list)
    for name in public_modules(root):
        found[".".join(name.split(".")[:2])].append(name)
    return found


def _page(title: str, names: list[str]) -> str:
    blocks = [f"{title}\n{'=' * len(title)}"]
    for name in names:
        blocks += [] if name == title else [f"{name}\n{'-' * len(name)}"]
        blocks += [f".. automodule:: {name}"]
    blocks += ["\n".join(_front(title))] if title in PACKAGES else []
    return "\n\n".join(blocks) + "\n"


def _front(package: str) -> Iterator[str]:
    """The names that a package hands on, each with a link to where it is described."""
    front = importlib.import_module(package)
    for name in getattr(front, "__all__", ()):
        thing = getattr(front, name)
        yield f"- :py:obj:`{package}.{name} <{thing.__module__}.{thing.__qualname__}>`"
