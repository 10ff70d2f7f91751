"""Plug-ins: the entry points of a group by name, and what they are for without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path


def plug_ins(group: str, own: Iterable[EntryPoint] = ()) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name, in the order of their names.

    Parameters
    ----------
    group
        Such as ``regkit.jobs``.
    own
        Those that are there even where regkit is not installed; no other package replaces them.

    Examples
    --------
    >>> list(plug_ins("no.such.group", [EntryPoint("one", "regkit.cli.app:main", "any")]))
    ['one']
    """
    found = {entry.name: entry for entry in (*entry_points(group=group), *own)}
    return dict(sorted(found.items()))


def summary(entry: EntryPoint) -> str:
    """What the first sentence of a plug-in says of it, or which package it is from.

    Its module is not imported, so that a list of plug-ins costs none of what they need.

    Examples
    --------
    >>> summary(EntryPoint("main", "regkit.cli.app:main", "any"))
    'Run the command line.'
    >>> summary(EntryPoint("gone", "nowhere:gone", "any"))
    'From the package nowhere.'
    """
    path = _source(entry.module)
    found = "" if path is None else _said(path, entry.attr)
    package = entry.dist.name if entry.dist else entry.module.partition(".")[0]
    return found or f"From the package {package}."


def _source(module: str) -> Path | None:
    """The file of a module; looking for its top package alone runs nothing."""
    package, *inner = module.split(".")
    spec = find_spec(package)
    if spec is None:
        return None
    places = [Path(place, *inner) for place in spec.submodule_search_locations or ()]
    files = [file for at in places for file in (at.with_suffix(".py"), at / "__init__.py")]
    files += [Path(spec.origin)] if spec.origin and not inner else []
    return next((file for file in files if file.is_file()), None)


def _said(path: Path, name: str) -> str:
    """The first paragraph of a docstring, or of the ``help`` that a variable is made with."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        text = None
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            text = ast.get_docstring(node)
        elif isinstance(node, ast.Assign) and _is_called(node, name):
            text = _help(node.value)
        if text:
            return " ".join(text.partition("\n\n")[0].replace("``", "").split())
    return ""


def _is_called(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _help(value: ast.expr) -> str | None:
    keywords = value.keywords if isinstance(value, ast.Call) else []
    words = [each.value for each in keywords if each.arg == "help"]
    return next(
        (w.value for w in words if isinstance(w, ast.Constant) and isinstance(w.value, str)), None
    )
