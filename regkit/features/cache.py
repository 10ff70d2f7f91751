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

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from regkit.features.extractor import Extractor
from regkit.features.identity import identity_of, image_identity

_SUFFIX = ".safetensors"
_OURS = re.compile(r"[0-9a-f]{64}\.safetensors")
_UNFINISHED = re.compile(r"\.[0-9a-f]{64}-\d+-[0-9a-f]{8}\.part")
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
        path = self.folder / (_key(extractor, images, noise) + _SUFFIX)
        found = _read(path)
        if found is None:
            found = extract(extractor, images, noise, chunk=chunk)
            self._keep(found, path)
        return [each.to(images.device) for each in found]

    def _keep(self, maps: Sequence[Tensor], path: Path) -> None:
        if sum(each.numel() * each.element_size() for each in maps) > self.max_bytes:
            return
        named = {str(n): each.cpu().contiguous() for n, each in enumerate(maps)}
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(safetensors.torch.save(named), path)
        self._shrink()

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


def _key(extractor: Extractor, images: Tensor, noise: Tensor | None) -> str:
    drawn = None if noise is None else image_identity(noise)
    parts = [identity_of(extractor), image_identity(images), drawn]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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
