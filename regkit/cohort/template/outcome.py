"""What a template has become, and how it is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regkit.cohort.template.names import ITERATIONS, TEMPLATE, inverse_name, transform_name
from regkit.cohort.thumbnail import Thumbnail, thumbnail
from regkit.geometry.affines import Matrix
from regkit.io import save, write_transform
from regkit.metrics.consistency import thin_grid
from regkit.registration.config import RegisterConfig
from regkit.registration.template import GroupTemplate, TemplateChange, TemplateSettings
from regkit.registration.template_mean import log_affine, scale_member, warp_member
from regkit.registration.template_start import GroupMember
from regkit.resample import resample
from regkit.runs.writing import side_by_side
from regkit.transforms import Affine, Transform, links
from regkit.volume import Volume

if TYPE_CHECKING:
    from regkit.report import Page


@dataclass(frozen=True)
class MemberResult:
    """How one image lies on the template.

    Parameters
    ----------
    name
        What it is called in the results.
    transform
        World points of the template to world points of the image.
    correlation
        Of the image, warped, with the template, in the body of the template.
    displacement
        Mean length, in the body and in world units, of what the transform does before its affine.
    quality, reasons
        The verdict on its last registration.
    picture
        The outlines of the template on the image before and after.
    """

    name: str
    transform: Transform
    correlation: float
    displacement: float
    quality: str
    reasons: str
    picture: Thumbnail

    def as_entry(self) -> dict[str, Any]:
        """What the record says of it."""
        return {
            "name": self.name, "quality": self.quality, "reasons": self.reasons,
            "correlation": self.correlation, "displacement": self.displacement,
        }  # fmt: skip


@dataclass(frozen=True)
class TemplateOutcome:
    """A template, its images, and how it came about.

    Parameters
    ----------
    preset
        The name of the one that ``config`` began from.
    config
        How an image was registered.
    template
        What else decided the template.
    found
        The template; its transforms are in another order.
    members
        The images as they were given.
    """

    preset: str
    config: RegisterConfig
    template: TemplateSettings
    found: GroupTemplate
    members: tuple[MemberResult, ...]

    def entries(self, seconds: float) -> dict[str, Any]:
        """See :class:`regkit.runs.job.Outcome`.

        Returns
        -------
        dict
            ``preset``, ``world``, ``iterations`` (what each changed), ``members``, and ``metrics``:
            how far the group is from having no mean shape (``mean_log_affine``,
            ``mean_displacement``), beside the mean length of a displacement.
        """
        return {
            "preset": self.preset,
            "world": asdict(self.found.image.grid.world),
            "iterations": [asdict(each) for each in self.found.changes],
            "members": [each.as_entry() for each in self.members],
            "metrics": bias_of(self.found),
        }

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the template, both transforms of every image, and a table of the iterations."""
        save(self.found.image, places[TEMPLATE])
        places[ITERATIONS].write_text(changes_csv(self.found.changes), encoding="utf-8")
        files = [
            pair
            for each in self.members
            for pair in (
                (transform_name(each.name), each.transform),
                (inverse_name(each.name), each.transform.inverse()),
            )
        ]
        side_by_side(*(partial(write_transform, phi, places[name]) for name, phi in files))

    def page(self) -> Page:
        """The report."""
        from regkit.cohort.template.page import template_page

        return template_page(self)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """How many images, and what the last iteration changed."""
        last = self.found.changes[-1]
        return (
            f"done    template of {len(self.members)} images in {last.iteration} iterations; the "
            f"last changed it by {last.intensity:.1%}; {record['seconds']:.0f} s",
        )


def member_result(
    name: str,
    image: Volume,
    member: GroupMember,
    phi: Transform,
    record: Mapping[str, Any],
    found: GroupTemplate,
) -> MemberResult:
    """Look at how an image lies on a template.

    Parameters
    ----------
    name
        What it is called.
    image
        As it was read.
    member
        What is known of it.
    phi
        World points of the template to world points of the image.
    record
        What its last registration says.
    found
        The template.
    """
    grid = found.image.grid
    warped = warp_member(scale_member(image, member), phi, grid)
    inside = found.body.data[0] > 0
    both = np.stack([each.data[0][inside].numpy() for each in (found.image, warped)])
    quality = record["quality"]
    return MemberResult(
        name, phi.between(grid.world, image.grid.world), float(np.corrcoef(both)[0, 1]),
        float(_displacements(phi, found).norm(dim=-1).mean()), quality["verdict"],
        " ".join(quality["reasons"]), thumbnail(found.image, image, _as_it_was(warped, member)),
    )  # fmt: skip


def bias_of(found: GroupTemplate) -> dict[str, float]:
    """Measure how far a template is from the mean shape of its images: near 0 if it is there.

    Returns
    -------
    dict
        ``mean_log_affine``: the largest entry, but for shifts, of the mean of the logarithms;
        ``mean_shift``: that of the shifts, in world units; ``mean_displacement``: the mean length
        of the mean displacement in the body, beside that of a displacement (``displacement``).
    """
    middle = np.mean([log_affine(_affine(phi)) for phi in found.transforms], axis=0)
    each = [_displacements(phi, found) for phi in found.transforms]
    mean = sum(each[1:], each[0]) / len(each)
    return {
        "mean_log_affine": float(np.abs(middle[:-1, :-1]).max()),
        "mean_shift": float(np.abs(middle[:-1, -1]).max()),
        "mean_displacement": float(mean.norm(dim=-1).mean()),
        "displacement": float(np.mean([float(u.norm(dim=-1).mean()) for u in each])),
    }


def changes_csv(changes: Sequence[TemplateChange]) -> str:
    """Write a table with one line an iteration; times are left out, so that it repeats."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["iteration", "stage", "intensity", "moved"])
    for each in changes:
        row = [each.iteration, each.stage, f"{each.intensity:.6g}", f"{each.moved:.6g}"]
        writer.writerow(row)
    return stream.getvalue()


def _as_it_was(scaled_image: Volume, member: GroupMember) -> Volume:
    """An image that was brought to [0, 1], in its own intensities."""
    low, high = member.intensities
    return scaled_image.with_data(low + (high - low) * scaled_image.data)


def _affine(phi: Transform) -> Matrix:
    first = links(phi)[0]
    return first.matrix if isinstance(first, Affine) else Affine.identity(phi.ndim).matrix


def _displacements(phi: Transform, found: GroupTemplate) -> Any:
    """What ``phi`` does to points of the body before its affine, ``(N, d)`` in world units."""
    sparse = thin_grid(found.image.grid)
    inside = resample(found.body, sparse).data[0] > 0
    _, u = phi.on(sparse)
    return u.expand(phi.ndim, *sparse.shape).movedim(0, -1)[inside]
