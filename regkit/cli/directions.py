"""The options by which a user says what values of a voxel that have a direction mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.option_group import group_of
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.runs.turned import Turned

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

    def turned(self) -> Turned | None:
        """What is meant; None where nothing is turned.

        Raises
        ------
        InputError
            If the options do not go together.
        """
        if self.tensors and self.vectors:
            raise InputError("--tensors and --vectors both say what IMAGE holds; give one of them")
        if not (self.tensors or self.vectors):
            if self.axes or self.turn:
                raise InputError("--axes and --turn are of --tensors or --vectors; give one")
            return None
        from regkit.io.components import Components
        from regkit.runs.turned import Turned

        kind: Literal["tensors", "vectors"] = "tensors" if self.tensors else "vectors"
        return Turned(Components.of(kind, axes=self.axes, order=self.tensors), self.turn)


DIRECTIONS = group_of("directions", Directions)
