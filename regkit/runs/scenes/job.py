"""SceneJob: what the registration of two scenes is going to do, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.errors import InputError
from regkit.io import ReadOptions, read_header
from regkit.io.header import Header
from regkit.io.options import AS_STORED
from regkit.io.settings import read_settings
from regkit.io.sizes import product
from regkit.registration.scenes import GeoScene, SceneConfig
from regkit.registration.scenes.placed import check_metric
from regkit.registration.scenes.pyramid import KEPT
from regkit.runs.bands import band_when_touched
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.outputs import RECORD, Folder
from regkit.runs.register.names import stem
from regkit.runs.scenes.acquisition import acquisition_time
from regkit.runs.scenes.chosen import check_chosen, chosen_bands
from regkit.runs.scenes.clouds import without_clouds
from regkit.runs.scenes.names import (
    DISPLACEMENT,
    INVERSE,
    POINTS,
    REPORT,
    SHIFTED,
    STAC,
    TRANSFORM,
    WARPED,
)
from regkit.runs.scenes.stac import check_stac
from regkit.runs.scenes.task import SceneTask
from regkit.settings import validate

_START = 300 << 20
# Values as they are read and as splines, features and their splines, of both scenes; FFTs apart.
_PER_PIXEL = 24
_MOST = 1 << 30  # bytes beyond which scenes are worked on in parts


@dataclass(frozen=True)
class SceneJob:
    """One scene registered to another: what `regkit register` runs for two of them.

    Parameters
    ----------
    fixed, moving
        GeoTIFF files: the reference, and the scene.
    folder
        Where the results go.
    config
        All settings.
    masks
        What hides the ground: names of bands, and files.
    keep_resolution
        Write the scene in pixels of its own size instead of those of the reference.
    shift_only
        Write a copy of the scene with another geotransform; resample nothing.
    stac
        When the scene was taken, or ``auto`` for the time in its tags: write a STAC item; None for
        no item.
    overwrite
        Replace results that are there.
    reading
        How the scenes are read.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "scene"

    fixed: Path
    moving: Path
    folder: Path
    config: SceneConfig
    masks: tuple[str, ...] = ()
    keep_resolution: bool = False
    shift_only: bool = False
    stac: str | None = None
    overwrite: bool = False
    reading: ReadOptions = AS_STORED
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """One folder, the record last."""
        image = SHIFTED if self.shift_only else WARPED
        item = (STAC,) if self.stac else ()
        names = (image, TRANSFORM, INVERSE, DISPLACEMENT, POINTS, *item, REPORT, RECORD)
        return Folder(self.folder, names, self.overwrite)

    def inputs(self) -> tuple[InputFile, ...]:
        """Both scenes, and masks that are files."""
        given = [("fixed", self.fixed), ("moving", self.moving)]
        given += [("mask", Path(each)) for each in self.masks if Path(each).is_file()]
        return tuple(InputFile(role, path, self.full_paths) for role, path in given)

    def settings(self) -> dict[str, Any]:
        """The settings as they were given, and how files are read."""
        asked = {
            "config": self.config.model_dump(mode="json"),
            "masks": [each for each in self.masks if not Path(each).is_file()],
            "keep_resolution": self.keep_resolution,
            "shift_only": self.shift_only,
        }
        if self.stac:
            asked["stac"] = self.stac
        return {"asked": asked, "reading": asdict(self.reading)}

    def plan(self) -> dict[str, Any]:
        """The settings."""
        return dict(self.settings()["asked"])

    def check(self) -> None:
        """Refuse options that exclude each other.

        Raises
        ------
        InputError
            If there are such.
        """
        if self.keep_resolution and self.shift_only:
            raise InputError(
                "--keep-resolution and --shift-only exclude each other: a shift resamples nothing"
            )

    def look(self) -> SceneSurvey:
        """Read the headers of both scenes."""
        fixed, moving = (read_header(path, self.reading) for path in (self.fixed, self.moving))
        check_metric(fixed.grid, fixed.name)
        if moving.grid.world.crs is None:
            raise InputError(f"{moving.name}: has no CRS; a scene is a GeoTIFF with one")
        check_chosen(fixed, moving, self.reading)
        if self.stac:
            check_stac(fixed.grid, fixed.name)
            acquisition_time(self.stac, moving.source.tags, moving.name)
        return SceneSurvey(self, fixed, moving)


@dataclass(frozen=True)
class SceneSurvey:
    """The headers of two scenes."""

    job: SceneJob
    fixed: Header
    moving: Header

    def needs(self) -> Needs:
        """Memory and disk, by the headers alone."""
        pixels = sum(
            len(chosen_bands(each, self.job.reading)) * product(each.grid.shape)
            for each in (self.fixed, self.moving)
        )
        written = self.moving.channels * product(self.fixed.grid.shape)
        return Needs(
            _START + min(_PER_PIXEL * pixels, _MOST),
            written // 4,
            " and ".join(f"{i.name} ({'x'.join(map(str, i.grid.shape))})"
                         for i in (self.fixed, self.moving)),
            "choose fewer bands with --channels, or give a part of the scenes",
        )  # fmt: skip

    def open(self) -> SceneTask:
        """Give the bands that may be compared; those of small scenes are read."""
        scenes = (self._scene(self.fixed), self._scene(self.moving))
        for mask in self.job.masks:
            scenes = without_clouds(mask, scenes, (self.fixed, self.moving))
        return SceneTask(self.job, *scenes, self.moving)

    def _scene(self, header: Header) -> GeoScene:
        numbers = chosen_bands(header, self.job.reading)
        bands = tuple(band_when_touched(header, number) for number in numbers)
        if len(bands) * product(header.grid.shape) <= KEPT:
            bands = tuple(each.load() for each in bands)
        names = header.channel_names or ("",) * header.channels
        return GeoScene(bands, tuple(names[n] for n in numbers), header.name)


def make_scene_job(
    fixed: Path,
    moving: Path,
    folder: Path | None,
    *,
    file: Path | None,
    options: Mapping[str, Any],
    **others: Any,
) -> SceneJob:
    """Settle the settings and the folder of a registration of scenes, reading no pixel.

    Parameters
    ----------
    fixed, moving
        The reference, and the scene.
    folder
        Where the outputs go; one named after both files in the current folder if None.
    file
        A YAML file of settings, or None.
    options
        Single settings by name, which come last; those that are None are not set.
    others
        Further fields of :class:`SceneJob`.

    Raises
    ------
    InputError
        If a setting is not one of scenes.
    """
    given = {name: value for name, value in options.items() if value is not None}
    settings = {**(read_settings(file) if file else {}), **given}
    config = validate(SceneConfig, settings, "scenes: option")
    place = folder or Path(f"{stem(moving)}_to_{stem(fixed)}")
    return SceneJob(fixed, moving, place, config, **others)
