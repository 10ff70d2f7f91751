"""The work of a registration of scenes, from bands in memory to a map between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regkit.io.header import Header
from regkit.registration.scenes import GeoScene, register_scenes
from regkit.runs.inputs import shown_name
from regkit.runs.progress import OnProgress, Progress
from regkit.runs.register.names import stem
from regkit.runs.scenes.outcome import SceneOutcome

if TYPE_CHECKING:
    from regkit.runs.scenes.job import SceneJob


@dataclass(frozen=True, eq=False)
class SceneTask:
    """Two scenes in memory, and the header by which all bands of moving are read again."""

    job: SceneJob
    fixed: GeoScene
    moving: GeoScene
    header: Header

    @property
    def introduction(self) -> tuple[str, ...]:
        """Which scene was taken as reference and which is moved."""
        job = self.job
        given = (("fixed", self.fixed, job.fixed), ("moving", self.moving, job.moving))
        return tuple(
            f"{role:<7} {shown_name(path, full=job.full_paths)}  {scene.grid.summary}, "
            f"{len(scene.bands)} band{'s' * (len(scene.bands) > 1)}"
            for role, scene, path in given
        )

    @property
    def notices(self) -> list[str]:
        """What a user should know about the scenes."""
        if self.fixed.grid.world == self.moving.grid.world:
            return []
        return [
            f"{self.moving.name} lies in {self.moving.grid.world.crs_name}: it is reprojected and "
            "warped in one map, interpolated once"
        ]

    def execute(self, on_progress: OnProgress) -> SceneOutcome:
        """Find the map."""
        result = register_scenes(
            self.fixed,
            self.moving,
            config=self.job.config,
            report=lambda note, share: on_progress(Progress("tie points", share, note)),
        )
        job = self.job
        return SceneOutcome(
            result, self.header, job.moving, f"{stem(job.moving)}_to_{stem(job.fixed)}",
            keep_resolution=job.keep_resolution, stac=job.stac,
        )  # fmt: skip
