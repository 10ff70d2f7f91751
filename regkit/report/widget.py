"""A result in a notebook as three linked planes, by ipyniivue where that is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps

from regkit.geometry.grid import Grid
from regkit.registration.result import Result
from regkit.report.display import display_range
from regkit.report.registration.layers import image_layers, jacobian_layers
from regkit.report.small_copies import has_volume, small_grid
from regkit.report.volumes import Layer

if TYPE_CHECKING:
    from types import ModuleType

_HEIGHT = 360  # pixels
_LINE = 2  # pixels of the crosshair where the planes fill that height
_LAYERS = 4
_SIGNED = "regkit signed"
_COLOURS = {"image": "gray", "signed": _SIGNED}


def result_widget(result: Result, table: str) -> Any | None:
    """Make a widget: fixed, above it what one chooses with a slider to fade it, and the metrics.

    Warped, moving as its header places it, and the logarithm of the Jacobian can be chosen; the
    buttons let what was chosen flicker.

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
    grid = small_grid(result.fixed.grid, _LAYERS)
    ranges = display_range(result.fixed), display_range(result.moving)
    layers = [*image_layers(result, grid, ranges), jacobian_layers(result.jacobian, grid)[0]]
    volumes = {layer.name: _volume(niivue, layer) for layer in layers}
    planes = _planes(niivue, grid)
    planes.load_volumes(list(volumes.values()))
    _, *above = volumes
    controls = _controls(widgets, {name: volumes[name] for name in above})
    return widgets.VBox([planes, controls, widgets.HTML(table)])


def _planes(niivue: ModuleType, grid: Grid) -> Any:
    """Three planes with one crosshair, in which right is on the left, as in the pictures."""
    lengths = [n * step for n, step in zip(grid.shape, grid.spacing, strict=True)]
    planes = niivue.NiiVue(
        height=_HEIGHT,
        crosshair_color=(1.0, 0.75, 0.0, 1.0),
        crosshair_width=_LINE * max(lengths) / _HEIGHT / min(grid.spacing),  # in voxels
        is_radiological_convention=True,
        is_orientation_text_visible=grid.world.anatomical,
        show_all_orientation_markers=grid.world.anatomical,
        multiplanar_layout=niivue.MultiplanarType.ROW,
        multiplanar_show_render=niivue.ShowRender.NEVER,
        sagittal_nose_left=True,
        log_level="error",
    )
    planes.add_colormap(_SIGNED, _signed_colours())
    return planes


def _signed_colours() -> dict[str, list[int]]:
    """From blue over white to red, as in the pictures; code 0 has no data and is not drawn."""
    red, green, blue, _ = colormaps["RdBu_r"](np.linspace(0, 1, 5), bytes=True).T.tolist()
    return {
        "I": [0, 1, 64, 128, 192, 255],
        "R": [0, *red],
        "G": [0, *green],
        "B": [0, *blue],
        "A": [0, 255, 255, 255, 255, 255],
    }


def _controls(widgets: ModuleType, above: dict[str, Any]) -> Any:
    """What lies above fixed, how opaque it is, and buttons that let it flicker."""
    chosen = widgets.Dropdown(options=list(above), description="Above it")
    opacity = widgets.FloatSlider(1.0, min=0.0, max=1.0, description="Opacity")
    flicker = widgets.Play(value=1, min=0, max=1, interval=700, repeat=True)

    def show(_: Any = None) -> None:
        for name, volume in above.items():
            volume.opacity = opacity.value if name == chosen.value else 0.0

    show()
    chosen.observe(show, "value")
    opacity.observe(show, "value")
    widgets.jslink((flicker, "value"), (opacity, "value"))
    return widgets.HBox([chosen, opacity, flicker])


def _volume(niivue: ModuleType, layer: Layer) -> Any:
    """The layer with its whole range, or NiiVue would choose one, and hide the darkest voxels."""
    low, high = layer.limits
    return niivue.Volume(
        data=layer.nifti,
        name=f"{layer.name}.nii.gz",
        colormap=_COLOURS[layer.kind],
        cal_min=low,
        cal_max=high,
    )
