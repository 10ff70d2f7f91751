"""A result in a notebook as three linked planes, by ipyniivue where that is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from regkit.registration.result import Result
from regkit.report.display import display_range
from regkit.report.registration.layers import FIXED, WARPED
from regkit.report.volumes import Layer, has_volume, image_layer, small_grid

if TYPE_CHECKING:
    from types import ModuleType

_HEIGHT = 360  # pixels


def result_widget(result: Result, table: str) -> Any | None:
    """Make a widget: fixed, warped above it with a slider to fade it, and the metrics.

    Parameters
    ----------
    result
        A 3-D registration.
    table
        HTML that is shown below the planes.

    Returns
    -------
    ipywidgets.VBox or None
        None where ipyniivue is not installed, or the images are flat.
    """
    if find_spec("ipyniivue") is None or not has_volume(result.fixed.grid):
        return None
    niivue, widgets = import_module("ipyniivue"), import_module("ipywidgets")
    anatomical = result.fixed.grid.world.anatomical
    planes = niivue.NiiVue(
        height=_HEIGHT,
        is_radiological_convention=True,
        is_orientation_text_visible=anatomical,
        show_all_orientation_markers=anatomical,
        multiplanar_layout=niivue.MultiplanarType.ROW,
        multiplanar_show_render=niivue.ShowRender.NEVER,
        sagittal_nose_left=True,
        log_level="error",
    )
    below, above = (_volume(niivue, layer) for layer in _images(result))
    planes.load_volumes([below, above])
    slider = widgets.FloatSlider(1.0, min=0.0, max=1.0, description=WARPED)
    widgets.jslink((slider, "value"), (above, "opacity"))
    return widgets.VBox([planes, slider, widgets.HTML(table)])


def _images(result: Result) -> list[Layer]:
    grid = small_grid(result.fixed.grid, 2)
    return [
        image_layer(FIXED, result.fixed, grid, display_range(result.fixed)),
        image_layer(WARPED, result.warped, grid, display_range(result.moving)),
    ]


def _volume(niivue: ModuleType, layer: Layer) -> Any:
    """The layer with its whole range, or NiiVue would choose one, and hide the darkest voxels."""
    low, high = layer.limits
    return niivue.Volume(
        data=layer.nifti, name=f"{layer.name}.nii.gz", colormap="gray", cal_min=low, cal_max=high
    )
