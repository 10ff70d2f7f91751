"""Memory and disk that a registration takes."""

from __future__ import annotations

from regkit.io.sizes import product
from regkit.losses.registry import FEATURES, traits_of
from regkit.networks.inference import preferred_precision
from regkit.networks.models import resolve, weights_file
from regkit.networks.weights.checkpoint import training_facts
from regkit.registration.backbones import backbone_files
from regkit.registration.config import RegisterConfig
from regkit.registration.devices import resolve_device
from regkit.registration.network import SHAPE
from regkit.runs.job import Needs
from regkit.runs.register.headers import Headers

# Fitted to the resident peaks of whole runs on one thread, beyond the 200 MB of the imports. Pairs
# of 160x192x224 and 256x256x256 voxels in int16 took 958 and 1434 MB by default, 898 and 1448 by
# `fast`; the first one 3602 and 1052 by MIND.
_START = 350 << 20
_PER_VOXEL_READ = 25
_MUCH = 100  # bytes a voxel: a similarity of more is most of what a run takes
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


def needs_of(headers: Headers, config: RegisterConfig) -> Needs:
    """Estimate what registering two images takes, by their headers alone."""
    pair = [headers.fixed, headers.moving]
    further = headers.fixed_with, headers.moving_with
    sizes = [
        (each.kept + len(more)) * product(each.grid.straightened().shape)
        for each, more in zip(pair, further, strict=True)
    ]
    network = network_memory(config, pair[0].grid.ndim)
    features = feature_memory(config, pair[0].grid.straightened().shape)
    memory = features + needed_memory(sizes[0], sizes[1], config, network=network)
    return Needs(
        memory,
        needed_space(sizes[0], config),
        " and ".join(f"{i.name} ({'x'.join(map(str, i.grid.shape))})" for i in pair),
        what_helps(config),
    )


def needed_memory(fixed: int, moving: int, config: RegisterConfig, *, network: int = 0) -> int:
    """Estimate the bytes that a registration takes at its peak, beyond the program.

    A GPU's own memory is not in it.

    Parameters
    ----------
    fixed, moving
        How many voxels each image has, in all channels.
    config
        Settings, which decide what is kept for each voxel.
    network
        What :func:`network_memory` says.

    Examples
    --------
    >>> from regkit.registration.config import make_config
    >>> round(needed_memory(160 * 192 * 224, 160 * 192 * 224, make_config()) / 1e6)
    766
    """
    out = _START + _PER_VOXEL_READ * (fixed + moving)
    if config.device.startswith("cuda") or config.transform != "deformable":
        return out
    return out + max(_per_voxel(config) * _worked(fixed, config), network)


def network_memory(config: RegisterConfig, ndim: int) -> int:
    """Estimate the peak bytes of the network of ``config``, its weights not loaded; 0 if none.

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
    each = _PER_VOXEL_NETWORK[preferred_precision(device) if auto else config.network.precision]
    if tuned:
        each = _PER_VOXEL_TUNED[config.tuning.save_memory]
    voxels: int = (config.network.shape or training_facts(path).shape or SHAPE) ** ndim
    return (_COPIES_TUNED if tuned else _COPIES) * size + each * voxels


def feature_memory(config: RegisterConfig, shape: tuple[int, ...]) -> int:
    """Estimate the bytes that features of a fixed image of ``shape`` take at least; 0 if none.

    Examples
    --------
    >>> from regkit.registration.config import make_config
    >>> round(feature_memory(make_config(similarity="features:x"), (192, 192, 160)) / 1e9, 1)
    1.6
    """
    if FEATURES not in config.similarity or config.transform != "deformable":
        return 0
    weights = sum(path.stat().st_size for path in backbone_files(config.similarity))
    if config.device.startswith("cuda"):
        return _FEATURES + weights
    slices = min(config.features.chunk, min(shape) if len(shape) > 2 else 1)
    pixels = product(sorted(shape)[-2:]) // min(config.field.factors) ** 2
    return _FEATURES + weights + _PER_PIXEL_FEATURES * slices * pixels


def what_helps(config: RegisterConfig) -> str:
    """Say what makes this run smaller, the most effective first."""
    out = []
    if config.model and config.refine == "weights":
        out.append("--refine field")
    if config.model:
        out.append("a smaller `network: {shape: ...}` in --config")
    if FEATURES in config.similarity:
        out.append("a smaller `features: {chunk: ...}` in --config")
    if _per_voxel(config) > _MUCH:
        out += ["--preset fast", "a --fixed-mask around what counts"]
    return "use " + " or ".join([*out, "images with larger voxels"])


def _per_voxel(config: RegisterConfig) -> int:
    """Bytes that the similarity takes a voxel, or the largest of those ``auto`` chooses from."""
    return max(traits_of(name).bytes_per_voxel for name in config.candidates)


def needed_space(fixed: int, config: RegisterConfig) -> int:
    """Estimate the bytes that the results take at least, mostly those of the two transforms."""
    written = _worked(fixed, config) if config.transform == "deformable" else 0
    return _REPORT + _PER_VOXEL_WRITTEN * written


def _worked(fixed: int, config: RegisterConfig) -> int:
    return min(fixed, config.field.max_voxels) // min(config.field.factors) ** 3
