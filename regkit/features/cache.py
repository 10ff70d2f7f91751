"""FeatureCache: keep feature maps on disk, so that they are made once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from regkit.features.extractor import Extractor
from regkit.features.identity import identity_of, image_identity

_SUFFIX = ".safetensors"
_OURS = re.compile(r"[0-9a-f]{64}\.safetensors")
_UNFINISHED = re.compile(r"\.[0-9a-f]{64}-\d+-[0-9a-f]{8}\.part")
_SMALL = 4096  # of these the folder holds so many; one in 16 makes it shrink
_LONG = 3600  # seconds, after which nobody goes on writing one


@dataclass(frozen=True)
class FeatureCache:
    """A folder of feature maps, each known by the image and the extractor that they were made of.

    An image is known by its values, an extractor by :func:`regkit.features.identity_of`. Maps
    appear whole or not at all, so that several processes may share the folder. Where it grows
    beyond ``max_bytes``, what was not used for the longest time is deleted.

    Parameters
    ----------
    folder
        Made where it is missing. No other files in it are touched.
    max_bytes
        How much the folder may hold; maps that are larger than this are made and not kept.

    Examples
    --------
    >>> import tempfile
    >>> class Twice:
    ...     name, ndim, settings, files = "twice", 2, {}, ()
    ...     to = lambda self, device: self
    ...     def __call__(self, images, noise):
    ...         return [2 * images]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = FeatureCache(Path(folder), max_bytes=1 << 20)
    ...     first = cache(Twice(), torch.ones(1, 1, 2, 2))
    ...     cache(Twice(), torch.ones(1, 1, 2, 2))[0].equal(first[0])
    True
    """

    folder: Path
    max_bytes: int

    def __call__(
        self, extractor: Extractor, images: Tensor, noise: Tensor | None = None, *, chunk: int = 16
    ) -> list[Tensor]:
        """Return the maps of ``images``, made now or read from the cache.

        Parameters
        ----------
        extractor
            It has to say which ``files`` decide its maps.
        images
            ``(N, 1, *spatial)`` in [0, 1]; all that is different about two of them is looked at.
        noise
            As :meth:`regkit.features.Extractor.draw` gives it; part of what maps are known by.
        chunk
            How many images are in the network at a time.

        Returns
        -------
        list of Tensor
            ``(N, C, *smaller)`` one a layer, on the device of ``images``, without gradients.

        Raises
        ------
        InputError
            If the extractor does not say which files decide its maps.
        OSError
            If the folder may not be written, or the disk is full.
        """
        known_by = _known_by(extractor, images, noise)
        found = self.find(known_by)
        if found is None:
            found = extract(extractor, images, noise, chunk=chunk)
            self.keep(found, known_by)
        return [each.to(images.device) for each in found]

    def find(self, known_by: Any) -> list[Tensor] | None:
        """Return what is kept under ``known_by``, values of JSON; None where there is nothing."""
        return _read(self._path(known_by))

    def keep(self, tensors: Sequence[Tensor], known_by: Any) -> None:
        """Keep tensors of any shapes, such as pooled maps, under ``known_by``, values of JSON.

        Parameters
        ----------
        tensors
            What is kept, unless it is larger than the whole folder may be.
        known_by
            All that decides them; what is equal to it finds them again.

        Raises
        ------
        OSError
            If the folder may not be written, or the disk is full.
        """
        size = sum(each.numel() * each.element_size() for each in tensors)
        if size > self.max_bytes:
            return
        named = {str(n): each.cpu().contiguous() for n, each in enumerate(tensors)}
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(known_by)
        _write(safetensors.torch.save(named), path)
        # Among thousands of small files every look at all of them would take longer than the work.
        if size * _SMALL > self.max_bytes or path.name.startswith("0"):
            self._shrink()

    def _path(self, known_by: Any) -> Path:
        text = json.dumps(known_by, sort_keys=True)
        return self.folder / (hashlib.sha256(text.encode()).hexdigest() + _SUFFIX)

    def _shrink(self) -> None:
        """Delete what was not used for the longest time, until the rest fits."""
        entries = sorted(_entries(self.folder), reverse=True)
        total = 0
        for _, size, path in entries:
            total += size
            if total > self.max_bytes:
                path.unlink(missing_ok=True)


@torch.no_grad()
def extract(
    extractor: Extractor, images: Tensor, noise: Tensor | None = None, *, chunk: int = 16
) -> list[Tensor]:
    """Run ``extractor`` on images a few at a time, and return one tensor of maps a layer.

    Parameters
    ----------
    extractor
        It is moved to where the images are.
    images
        ``(N, 1, *spatial)`` in [0, 1].
    noise
        As :meth:`Extractor.draw` gives it, the same for every chunk; None for an extractor that
        takes none.
    chunk
        Images that are in the network at a time: memory.

    Returns
    -------
    list of Tensor
        ``(N, C, *smaller)``, one a layer.
    """
    extractor.to(images.device)
    parts = [extractor(some, noise) for some in torch.split(images.contiguous(), chunk)]
    return [torch.cat(maps) for maps in zip(*parts, strict=True)]


def _known_by(extractor: Extractor, images: Tensor, noise: Tensor | None) -> list[Any]:
    drawn = None if noise is None else image_identity(noise)
    return [identity_of(extractor), image_identity(images), drawn]


def _read(path: Path) -> list[Tensor] | None:
    """Read the maps; None if they are not there, or damaged."""
    try:
        found = safetensors.torch.load(path.read_bytes())
        os.utime(path)  # used now
    except FileNotFoundError:
        return None
    except SafetensorError:
        path.unlink(missing_ok=True)
        return None
    return [found[str(n)] for n in range(len(found))]


def _write(content: bytes, path: Path) -> None:
    part = path.with_name(f".{path.stem}-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _entries(folder: Path) -> list[tuple[int, int, Path]]:
    """List when each file was used last, its size and its path; another process may delete some."""
    found = []
    for path in folder.iterdir():
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        if _OURS.fullmatch(path.name):
            found.append((state.st_mtime_ns, state.st_size, path))
        elif _UNFINISHED.fullmatch(path.name) and state.st_mtime < time.time() - _LONG:
            path.unlink(missing_ok=True)  # of a process that was killed
    return found
