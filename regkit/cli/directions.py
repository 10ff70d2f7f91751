"""The options by which a user says what values of a voxel that have a direction mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.option_group import group_of

if TYPE_CHECKING:
    from regkit.runs.turned import TurnedValues

_PANEL = "Vectors and tensors"


@dataclass(frozen=True)
class Directions:
    """What the values of a voxel mean together; each field is the option of that name."""

    tensors: Annotated[
        Literal["nifti", "fsl", "mrtrix", "dipy"] | None,
        typer.Option(
            help="IMAGE holds symmetric tensors in this program's order of six values; they are "
            "turned along.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    vectors: Annotated[
        bool,
        typer.Option(
            "--vectors",
            help="IMAGE holds vectors, which are turned along.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    axes: Annotated[
        Literal["ras", "lps", "voxel", "fsl"] | None,
        typer.Option(
            help="Axes of the components: of the world, of the voxels, or FSL's (default: fsl and "
            "ras with --tensors fsl and mrtrix).",
            rich_help_panel=_PANEL,
        ),
    ] = None
    turn: Annotated[
        Literal["principal", "rotation", "jacobian"] | None,
        typer.Option(
            help="Turn tensors by their principal direction or by the nearest rotation (finite "
            "strain), vectors by it or with stretch, as displacements (default: principal; "
            "rotation).",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def turned(self) -> TurnedValues | None:
        """What is meant; None where nothing is turned.

        Raises
        ------
        InputError
            If the options do not go together.
        """
        from regkit.runs.turned import TurnedValues

        return TurnedValues.asked_for(self.tensors, self.vectors, self.axes, self.turn)


DIRECTIONS = group_of("directions", Directions)
