"""What the two images of a result are called, and the planes on which they are shown."""

from __future__ import annotations

from regkit.registration.result import Result
from regkit.report.scene import Scene
from regkit.report.values import base_name


def names_of(result: Result) -> tuple[str, str]:
    """Return the base names of fixed and moving."""
    return base_name(result.fixed.name) or "fixed", base_name(result.moving.name) or "moving"


def planes_of(scene: Scene) -> str:
    """Name the planes, for words that stand for a picture."""
    return ", ".join(plane.name for plane in scene.planes)
