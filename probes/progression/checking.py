"""What is refused before two visits are compared, and what is doubted afterwards."""

from __future__ import annotations

from probes.progression.velocity import VelocityFound
from regkit.errors import InputError
from regkit.geometry.world import check_same_world
from regkit.metrics import folding, log_jacobian_sd
from regkit.registration.quality import Quality
from regkit.report import Check
from regkit.volume import Labels, Volume

_MOST_UNEVEN = 0.12  # standard deviation of the log-Jacobian: one person stays below, two do not
_MOST_DIFFERENT = 0.15  # of the mean intensity


def check_visits(baseline: Volume, follow_up: Volume, labels: Labels | None) -> None:
    """Refuse visits and labels that cannot be used together.

    Parameters
    ----------
    baseline, follow_up
        The images.
    labels
        Of the baseline, if there are some.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    for role, image in (("baseline", baseline), ("follow-up", follow_up)):
        name = image.name or role
        if image.ndim != 3 or image.channels != 1:
            raise InputError(
                f"{name}: has {image.ndim} axes and {image.channels} channels; change is measured "
                "between 3-D images of one channel"
            )
        if isinstance(image, Labels):
            raise InputError(f"{name}: is a label map; give the images as {role}")
    check_same_world(
        baseline.grid.world, follow_up.grid.world,
        (baseline.name or "baseline", follow_up.name or "follow-up"),
    )  # fmt: skip
    if labels is not None and not labels.grid.lies_on(baseline.grid):
        raise InputError(
            f"{labels.name or 'labels'}: lies on {labels.grid!r}, the baseline on "
            f"{baseline.grid!r}; give labels on the grid of the baseline, as `regkit apply "
            "--labels` makes them"
        )


def plausibility(
    quality: Quality | None, found: VelocityFound, jacobian: Volume, body: Labels
) -> tuple[Check, ...]:
    """Judge whether two visits can be of one person, and whether the measurement went well.

    Parameters
    ----------
    quality
        Of the rigid registration; None where it was given.
    found
        The velocity, with what the images still differ by.
    jacobian
        On the grid of the baseline.
    body
        Where the baseline has its foreground.
    """
    uneven, folds = log_jacobian_sd(jacobian, body), folding(jacobian, body)
    checks = [
        Check(
            uneven <= _MOST_UNEVEN,
            f"The log-Jacobian varies by {uneven:.3f} (standard deviation); within one person it "
            f"stays below {_MOST_UNEVEN:g}, and more says that these are two people.",
        ),
        Check(
            found.difference <= _MOST_DIFFERENT,
            f"After the registration the visits differ by {found.difference:.1%} of their mean "
            f"intensity; up to {_MOST_DIFFERENT:.0%} can be noise.",
        ),
        Check(folds == 0, f"The map folds in {folds:.3%} of the foreground."),
    ]
    if quality is not None:
        said = " ".join(quality.reasons) or "nothing speaks against it."
        checks.insert(0, Check(quality.verdict == "pass", f"Rigid alignment: {said}"))
    return tuple(checks)
