"""Maps: which outputs of a layer lie as the image does."""

from __future__ import annotations

from collections.abc import Sequence


def covers(image: Sequence[int], spatial: Sequence[int]) -> bool:
    """Say whether voxels lie as those of an image do, equally far apart along all axes.

    Parameters
    ----------
    image
        The size of an image.
    spatial
        Sizes of a map that may be one of it.

    Examples
    --------
    >>> covers((224, 112), (14, 7)), covers((224, 112), (14, 384))
    (True, False)
    """
    if min(spatial) < 2 or any(n > size for n, size in zip(spatial, image, strict=True)):
        return False
    steps = [size / n for n, size in zip(spatial, image, strict=True)]
    furthest = max(steps)
    return all(
        abs(n * furthest - size) < furthest + n for n, size in zip(spatial, image, strict=True)
    )
