"""Numbers that say how good a registration is. All lengths are in world units."""

from regkit.metrics.consistency import inverse_consistency
from regkit.metrics.jacobian import deformation_metrics, folding, jacobian, log_jacobian_sd
from regkit.metrics.landmarks import landmark_error
from regkit.metrics.overlap import DiceSummary, dice, summarise_dice
from regkit.metrics.summary import summarise
from regkit.metrics.surface import SurfaceDistance, surface_distances
from regkit.metrics.surface_overlap import surface_dice

__all__ = [
    "DiceSummary",
    "SurfaceDistance",
    "deformation_metrics",
    "dice",
    "folding",
    "inverse_consistency",
    "jacobian",
    "landmark_error",
    "log_jacobian_sd",
    "summarise",
    "summarise_dice",
    "surface_dice",
    "surface_distances",
]
