"""Memory and disk that a run takes, compared with what is free before it starts."""

from __future__ import annotations

import sys
from pathlib import Path

from regkit.cli.headers import Headers
from regkit.cli.plan import Plan
from regkit.errors import ResourceError
from regkit.io.atomic import free_space, no_space
from regkit.io.header import Header, product, size_text
from regkit.networks.inference import suited
from regkit.networks.models import resolve, weights_file
from regkit.networks.weights.checkpoint import trained
from regkit.registration.backbones import backbone_files
from regkit.registration.config import RegisterConfig
from regkit.registration.devices import resolve_device
from regkit.registration.network import SHAPE

# Fitted to the resident peaks of whole runs on one thread, beyond the 200 MB of the imports. Pairs
# of 160x192x224 and 256x256x256 voxels in int16 took 958 and 1434 MB by default, 898 and 1448 by
# `fast`; the first one 3602 and 1052 by MIND.
_START = 350 << 20
_PER_VOXEL_READ = 25
_PER_VOXEL_WORKED = 8
_PER_VOXEL_MIND = 400
# Of the working grid in the two transforms, three float32 each; the box is about half the image.
_PER_VOXEL_WRITTEN = 12
_REPORT = 1 << 20
# Of a network, fitted to whole runs on the CPU at 64, 96, 128 and 175 voxels an axis: copies of
# its weights (with gradients, Adam's two moments and the best so far where it is tuned), and bytes
# a voxel of its own grid.
_COPIES, _COPIES_TUNED = 2, 7
_PER_VOXEL_NETWORK = {"bf16": 120, "fp32": 250}
_PER_VOXEL_TUNED = {True: 1300, False: 2300}  # by whether it calculates twice to save memory
# Of features, fitted to whole runs by small-diffusion: diffusers itself and what does not grow, and
# bytes of a pixel that is in the network. Of larger networks only the weights are known before.
_FEATURES = 575 << 20
_PER_PIXEL_FEATURES = 1650


def check_room(plan: Plan, headers: Headers) -> None:
    """Refuse a run that would not fit, by the headers of its images alone.

    Raises
    ------
    ResourceError
        With what is needed and what is free.
    """
    pair = [headers.fixed, headers.moving]
    sizes = [each.kept * product(each.grid.straightened().shape) for each in pair]
    network = network_memory(plan.config, pair[0].grid.ndim)
    features = feature_memory(plan.config, pair[0].grid.straightened().shape)
    memory = features + needed_memory(sizes[0], sizes[1], plan.config, network=network)
    refuse_memory(memory, pair, what_helps(plan.config))
    needed = needed_space(sizes[0], plan.config)
    if free_space(plan.folder) < needed:
        raise no_space(plan.folder, needed)


def needed_memory(fixed: int, moving: int, config: RegisterConfig, *, network: int = 0) -> int:
    """Bytes that registering images of so many voxels takes at its peak, beyond the program.

    ``network`` is what :func:`network_memory` says. A GPU's own memory is not in it.

    Examples
    --------
    >>> from regkit.registration.config import make_config
    >>> round(needed_memory(160 * 192 * 224, 160 * 192 * 224, make_config()) / 1e6)
    766
    """
    out = _START + _PER_VOXEL_READ * (fixed + moving)
    if config.device.startswith("cuda") or config.transform != "deformable":
        return out
    each = _PER_VOXEL_MIND if config.similarity == "mind" else _PER_VOXEL_WORKED
    return out + max(each * _worked(fixed, config), network)


def network_memory(config: RegisterConfig, ndim: int) -> int:
    """Bytes that the network of ``config`` takes at its peak, its weights not loaded; 0 if none.

    Raises
    ------
    InputError
        If its weights are not here.
    """
    name = resolve(config.model)[0] if config.model and config.transform == "deformable" else None
    if name is None:
        return 0
    path, device = weights_file(name), resolve_device(config.device)
    size, tuned = path.stat().st_size, config.refine == "weights"
    if device.type == "cuda":
        return _COPIES * size
    auto = config.network.precision == "auto"
    each = _PER_VOXEL_NETWORK[suited(device) if auto else config.network.precision]
    if tuned:
        each = _PER_VOXEL_TUNED[config.tuning.save_memory]
    voxels: int = (config.network.shape or trained(path).shape or SHAPE) ** ndim
    return (_COPIES_TUNED if tuned else _COPIES) * size + each * voxels


def feature_memory(config: RegisterConfig, shape: tuple[int, ...]) -> int:
    """Bytes that features of a fixed image of ``shape`` take at least; 0 without features.

    Examples
    --------
    >>> from regkit.registration.config import make_config
    >>> round(feature_memory(make_config(similarity="features:x"), (192, 192, 160)) / 1e9, 1)
    1.6
    """
    if "features:" not in config.similarity or config.transform != "deformable":
        return 0
    weights = sum(path.stat().st_size for path in backbone_files(config.similarity))
    if config.device.startswith("cuda"):
        return _FEATURES + weights
    slices = min(config.features.chunk, min(shape) if len(shape) > 2 else 1)
    pixels = product(sorted(shape)[-2:]) // min(config.field.factors) ** 2
    return _FEATURES + weights + _PER_PIXEL_FEATURES * slices * pixels


def what_helps(config: RegisterConfig) -> str:
    """What makes this run smaller, the most effective first."""
    out = []
    if config.model and config.refine == "weights":
        out.append("--refine field")
    if config.model:
        out.append("a smaller `network: {shape: ...}` in --config")
    if "features:" in config.similarity:
        out.append("a smaller `features: {chunk: ...}` in --config")
    if config.similarity == "mind":
        out += ["--preset fast", "a --fixed-mask around what counts"]
    return "use " + " or ".join([*out, "images with larger voxels"])


def needed_space(fixed: int, config: RegisterConfig) -> int:
    """Bytes that the results take at least, mostly those of the two transforms."""
    written = _worked(fixed, config) if config.transform == "deformable" else 0
    return _REPORT + _PER_VOXEL_WRITTEN * written


def refuse_memory(needed: int, images: list[Header], helps: str) -> None:
    """Refuse what needs more memory than there is, and say what ``helps``.

    Raises
    ------
    ResourceError
        With both numbers and what helps.
    """
    free = available_memory()
    if free is None or needed <= free:
        return
    shown = " and ".join(f"{i.name} ({'x'.join(map(str, i.grid.shape))})" for i in images)
    raise ResourceError(
        f"{shown}: about {size_text(needed)} of memory are needed, {size_text(free)} are free; "
        f"{helps}"
    )


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say.

    The least of what the machine has, what its container allows, and what the shell allows.
    """
    found = [each for each in (_machine(), _container(), _limit()) if each is not None]
    return min(found) if found else None


def _worked(fixed: int, config: RegisterConfig) -> int:
    return min(fixed, config.field.max_voxels) // min(config.field.factors) ** 3


def _machine() -> int | None:
    lines = (_text("/proc/meminfo") or "").splitlines()
    return next((int(x.split()[1]) << 10 for x in lines if x.startswith("MemAvailable")), None)


def _container() -> int | None:
    """What a control group leaves, in which files that are cached do not count as taken."""
    most, taken = _text("/sys/fs/cgroup/memory.max"), _text("/sys/fs/cgroup/memory.current")
    stat = (_text("/sys/fs/cgroup/memory.stat") or "").split()
    if most is None or taken is None or not most.strip().isdigit():
        return None
    cached = int(stat[stat.index("inactive_file") + 1]) if "inactive_file" in stat else 0
    return max(0, int(most) - int(taken) + cached)


def _limit() -> int | None:
    """What `ulimit -v` leaves."""
    pages = _text("/proc/self/statm")
    if sys.platform == "win32" or pages is None:
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(pages.split()[0]) * resource.getpagesize()
    return None if most == resource.RLIM_INFINITY else max(0, most - taken)


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
