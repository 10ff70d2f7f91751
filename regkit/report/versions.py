"""Versions of what the numbers depend on."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from regkit import __version__

_PACKAGES = ("torch", "numpy", "scipy", "nibabel", "simpleitk")
_EARTH = ("rasterio", "pyproj")


def versions() -> dict[str, str]:
    """Return the versions of regkit, Python and the packages that compute; nothing is imported.

    Those of scenes, which bring GDAL and PROJ, are named where they are in use.

    Examples
    --------
    >>> list(versions())[:3]
    ['regkit', 'python', 'torch']
    """
    return {"regkit": __version__, "python": platform.python_version()} | {
        name: _version(name) for name in (*_PACKAGES, *filter(sys.modules.__contains__, _EARTH))
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
