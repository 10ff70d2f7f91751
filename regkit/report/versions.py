"""Versions of what the numbers depend on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from regkit import __version__

_PACKAGES = ("torch", "numpy", "scipy", "nibabel", "simpleitk")
_EARTH = ("rasterio", "pyproj")


def versions() -> dict[str, str]:
    """Return the versions of regkit, Python and the packages that compute; nothing is imported.

    Those of scenes, which bring GDAL and PROJ, are named where they are installed.

    Examples
    --------
    >>> list(versions())[:3]
    ['regkit', 'python', 'torch']
    """
    found = {name: _version(name) for name in (*_PACKAGES, *_EARTH)}
    return {"regkit": __version__, "python": platform.python_version()} | {
        name: given or "unknown" for name, given in found.items() if given or name in _PACKAGES
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
