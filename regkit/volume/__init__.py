"""What regkit works on: images, label maps and points, each knowing where it is."""

from regkit.volume.points import Points
from regkit.volume.volume import Labels, Volume

__all__ = ["Labels", "Points", "Volume"]
