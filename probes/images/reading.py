"""Reading a data set of any layout, checked as a whole."""

from __future__ import annotations

from dataclasses import replace

from probes.images.files import evenly, read_bigearthnet, read_folders, read_image_table
from probes.images.npz import read_npz
from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from regkit.errors import InputError


def read_samples(settings: DataSettings, several: bool) -> ImageSamples:
    """Read a data set.

    Parameters
    ----------
    settings
        Where it is.
    several
        Whether an image has several labels.

    Returns
    -------
    ImageSamples
        Images ``(N, C, *spatial)``.

    Raises
    ------
    InputError
        If it cannot be read, has no such band, or has no data anywhere.
    """
    if settings.kind == "npz":
        found = _limited(read_npz(settings, several), settings.limit)
    elif settings.kind == "folders":
        found = read_folders(settings)
    elif settings.kind == "table":
        found = read_image_table(settings, several)
    else:
        return _valid(read_bigearthnet(settings), settings)
    return _valid(_chosen(found, settings), settings)


def _limited(samples: ImageSamples, limit: int | None) -> ImageSamples:
    if limit is None or samples.truth is None:
        return samples
    truth = samples.truth
    keep = evenly(truth if truth.ndim == 1 else truth.argmax(1), limit)
    names = [samples.names[n] for n in keep]
    return replace(samples, images=samples.images[keep], truth=truth[keep], names=names)


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
    """Mark where a pixel has no data in any band; images without any are refused by name."""
    if settings.missing is None:
        return samples
    valid = (samples.images != settings.missing).any(1, keepdim=True)
    empty = (~valid.flatten(1).any(1)).nonzero().flatten().tolist()
    if empty:
        raise InputError(
            f"{settings.name}: {samples.names[empty[0]]} is {settings.missing:g} everywhere; leave "
            f"out the {len(empty)} images without data"
        )
    return replace(samples, valid=valid)
