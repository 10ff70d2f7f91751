"""Scenes on the earth: two of them aligned by tie points, across resolutions, bands and CRS."""

from regkit.registration.scenes.config import SceneConfig
from regkit.registration.scenes.result import SceneResult, register_scenes
from regkit.registration.scenes.scene import GeoScene

__all__ = ["GeoScene", "SceneConfig", "SceneResult", "register_scenes"]
