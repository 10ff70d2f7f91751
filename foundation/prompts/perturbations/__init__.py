"""How prompts go wrong, by magnitudes in the world that are measured afterwards."""

from foundation.prompts.perturbations.boundary import boundary_noise
from foundation.prompts.perturbations.box_errors import jitter_box, wrong_slice
from foundation.prompts.perturbations.dilation import dilate, erode, shell
from foundation.prompts.perturbations.motion import rotate, shift
from foundation.prompts.perturbations.partial_mask import cut_by_plane
from foundation.prompts.perturbations.perturbation import Perturbation, PerturbedPrompts
from foundation.prompts.perturbations.point_errors import mislabel_points, misplace_points
from foundation.prompts.perturbations.registry import PERTURBATIONS, perturbation_called

__all__ = [
    "PERTURBATIONS",
    "Perturbation",
    "PerturbedPrompts",
    "boundary_noise",
    "cut_by_plane",
    "dilate",
    "erode",
    "jitter_box",
    "mislabel_points",
    "misplace_points",
    "perturbation_called",
    "rotate",
    "shell",
    "shift",
    "wrong_slice",
]
