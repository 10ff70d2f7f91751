"""Reading a data set of any layout, checked as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from probes.images.bigearthnet import read_bigearthnet
from probes.images.folders import read_folders
from probes.images.npz import read_npz
from probes.images.objects import read_objects
from probes.images.samples import ImageSamples, leave_out_empty
from probes.images.settings import DataSettings, TruthKind
from probes.images.sizes import resize_samples
from probes.images.stacks import evenly_by_class
from probes.images.tables import read_image_table
from regkit.errors import InputError


def read_samples(settings: DataSettings, truth: TruthKind) -> ImageSamples:
    """Read a data set.

    Parameters
    ----------
    settings
        Where it is.
    truth
        What is known of each image.

    Returns
    -------
    ImageSamples
        Images ``(N, C, *spatial)``, with ``truth``, or with ``labels`` where these are maps.

    Raises
    ------
    InputError
        If it cannot be read, has no such truth or band, no image with data, or images without
        structures.
    """
    if truth == "map" and settings.kind in ("folders", "bigearthnet"):
        raise InputError(
            f"{settings.name}: {settings.kind} have no label maps; use npz, table or python"
        )
    found = _seen(_read(settings, truth), settings)
    if found.labels is not None:
        seen = found.labels if found.valid is None else found.labels.where(found.valid, 0)
        _refuse(settings, found, ~(seen > 0).flatten(1).any(1), "has no structure")
    return found


def _read(settings: DataSettings, truth: TruthKind) -> ImageSamples:
    """Files are brought to one size one by one; arrays and objects once they are read."""
    if settings.kind == "bigearthnet":
        return read_bigearthnet(settings)
    if settings.kind == "folders":
        return read_folders(settings)
    if settings.kind == "table":
        return read_image_table(settings, truth)
    if settings.kind == "npz":
        found = _limited(read_npz(settings, truth), settings.limit)
    else:
        found = read_objects(settings, truth)
    found = _valid(_chosen(found, settings), settings)
    return found if settings.size is None else resize_samples(found, settings.size)


def _seen(samples: ImageSamples, settings: DataSettings) -> ImageSamples:
    try:
        return leave_out_empty(samples)
    except InputError as error:
        raise InputError(f"{settings.name}: {error}") from None


def _limited(samples: ImageSamples, limit: int | None) -> ImageSamples:
    classes = np.zeros(len(samples)) if samples.truth is None else samples.truth
    keep = evenly_by_class(classes if classes.ndim == 1 else classes.argmax(1), limit)
    return samples.at(keep)


def _chosen(samples: ImageSamples, settings: DataSettings) -> ImageSamples:
    """The bands that were asked for, by their numbers from 1."""
    if settings.bands is None:
        return samples
    count = samples.images.shape[1]
    for band in settings.bands:
        if not isinstance(band, int) or not 1 <= band <= count:
            raise InputError(f"{settings.name}: has no band {band!r}; its bands are 1 to {count}")
    return replace(samples, images=samples.images[:, [int(b) - 1 for b in settings.bands]])


def _valid(samples: ImageSamples, settings: DataSettings) -> ImageSamples:
    """Mark where a pixel has no data: the value that stands for none in all bands, NaN in any."""
    if settings.missing is None:
        return samples
    if settings.missing == "nan":
        known = samples.images.isfinite().all(1, keepdim=True)
        return replace(samples, images=samples.images.where(known, 0), valid=known)
    return replace(samples, valid=(samples.images != settings.missing).any(1, keepdim=True))


def _refuse(settings: DataSettings, samples: ImageSamples, which: Tensor, what: str) -> None:
    """Refuse images that nothing can be said of, by the name of the first."""
    places = which.nonzero().flatten().tolist()
    if places:
        raise InputError(
            f"{settings.name}: {samples.names[places[0]]} {what}; leave out the {len(places)} "
            "images of this kind"
        )
