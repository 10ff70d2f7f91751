"""Any MONAI bundle: its network, its preprocessing and its sliding window, as its files say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.function import class_probability
from foundation.segmenters.given import given_image
from foundation.segmenters.segmenter import Capabilities, MissingWeightsError, Segmentation
from foundation.segmenters.weights import as_named, fill_network
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

_NETWORK = ("network_def", "network")
_INFERER, _PREPROCESSING = "inferer", "preprocessing"
_LOADERS = ("LoadImage", "LoadImaged", "EnsureChannelFirst", "EnsureChannelFirstd")
_CLASSES = ("monai.networks.nets", "monai.inferers", "monai.transforms")
_RUNS = ("_requires_", "_mode_")
_CONFIGS = ("inference.json", "inference.yaml", "inference.yml")
_REFERENCE = re.compile(r"[@%](?:::|#)?([A-Za-z_]\w*)")
_KINDS = (PromptKind.NONE, PromptKind.CLASSES)


def open_monai_bundle(path: Path | None, *, allow_code: bool = False) -> MonaiBundle:
    """Any MONAI bundle, in monai-bundle=FOLDER with configs/inference.json or .yaml.

    Of that file the network, the preprocessing and the inferer are made, nothing else.

    Parameters
    ----------
    path
        The folder of the bundle.
    allow_code
        Run the Python that is written in its configuration (``$...``), and make objects of other
        packages than MONAI. Say so only of bundles that you trust.

    Raises
    ------
    MissingWeightsError
        If the folder, its configuration or ``models/model.pt`` is not there.
    InputError
        If it holds code that is not allowed, or weights of another network.
    """
    config = _config(path or Path())
    weights = (path or Path()) / "models" / "model.pt"
    if path is None or config is None or not weights.is_file():
        raise MissingWeightsError(
            f"{as_named('monai-bundle', path)}: a bundle is a folder with configs/inference.json "
            "and models/model.pt; download it with MONAI and write monai-bundle=FOLDER"
        )
    bundle = require("monai.bundle", extra="monai")
    raw = bundle.ConfigParser.load_config_file(str(config))
    if not allow_code:
        _refuse_code(raw, config.name)
    parser = bundle.ConfigParser(raw)
    parser["bundle_root"] = str(path)
    return _bundle(parser, path, weights)


def _config(path: Path) -> Path | None:
    files = (path / "configs" / name for name in _CONFIGS)
    return next((file for file in files if file.is_file()), None)


@dataclass
class MonaiBundle:
    """A network that segments the whole image, and the class that is asked for.

    Parameters
    ----------
    network, inferer, preprocessing
        As the bundle defines them; ``preprocessing`` takes and returns ``{"image": MetaTensor}``.
    names
        Of the channels of the result, the background first; empty where the bundle names none.
    """

    network: nn.Module
    inferer: Any
    preprocessing: Any
    names: tuple[str, ...]
    name: str
    capabilities: Capabilities
    image: Volume | None = None
    logits: Volume | None = None

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image; the network sees it at the first prompt, once.

        Raises
        ------
        InputError
            If it is not 3-D.
        """
        if image.ndim != 3:
            raise InputError(f"{image.name}: {self.name} takes 3-D images")
        self.image, self.logits = image, None

    def segment(self, prompts: Prompts) -> Segmentation:
        """Return the classes that are asked for, or all that is not background.

        Raises
        ------
        UnsupportedPromptError
            If another kind of prompt is given, or a class that the bundle does not know.
        InputError
            If no image was set.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        if self.logits is None:
            self.logits = self._infer(image)
        data, grid = self.logits.data, self.logits.grid
        chance = class_probability(data, prompts.classes, self.name, self.names)
        onto = warp(Volume(chance[None], grid, image.name), Affine.identity(), onto=image.grid)
        details = {"seen_shape": list(grid.shape), "seen_spacing": list(grid.spacing)}
        return Segmentation.of(onto, details)

    def reset(self) -> None:
        """Forget the image."""
        self.image = self.logits = None

    def _infer(self, image: Volume) -> Volume:
        plain = Volume(image.data.float(), image.grid, image.name)
        seen = self.preprocessing({"image": plain.to_metatensor()})["image"]
        with torch.no_grad():
            logits = self.inferer(seen.as_tensor()[None].float(), self.network)
        if logits.shape[2:] != seen.shape[1:]:
            raise InputError(f"{self.name}: its result is not of the size of what it saw")
        return Volume(logits[0].float(), seen.affine.double().numpy(), image.name)


def _bundle(parser: Any, path: Path, weights: Path) -> MonaiBundle:
    network = _made(parser, next((key for key in _NETWORK if key in parser), _NETWORK[0]), path)
    inferer = _made(parser, _INFERER, path) if _INFERER in parser else _whole
    fill_network(network, read_checkpoint(weights), f"{path.name}: models/model.pt")
    names = channel_names(path)
    capabilities = Capabilities(_KINDS, classes=names[1:], weights=sha256(weights))
    chain = _preprocessing(parser, path)
    return MonaiBundle(network, inferer, chain, names, f"monai-bundle={path.name}", capabilities)


def _whole(seen: torch.Tensor, network: nn.Module) -> Any:
    return network(seen)


def _made(parser: Any, key: str, path: Path) -> Any:
    try:
        return parser.get_parsed_content(key)
    except Exception as error:  # whatever the classes that a bundle names may raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path.name}: {key} cannot be made: {reason}") from error


def _preprocessing(parser: Any, path: Path) -> Any:
    """The transforms of the bundle, but those that read files: the image is there."""
    compose = require("monai.transforms", extra="monai").Compose
    if _PREPROCESSING not in parser:
        return compose([])
    steps = parser[_PREPROCESSING].get("transforms", [])
    kept = [n for n, step in enumerate(steps) if step.get("_target_") not in _LOADERS]
    return compose([_made(parser, f"{_PREPROCESSING}::transforms::{n}", path) for n in kept])


def channel_names(path: Path) -> tuple[str, ...]:
    """Return what a bundle calls the channels of its result, the background first.

    Parameters
    ----------
    path
        Its folder; of one without ``configs/metadata.json`` nothing is known.
    """
    file = path / "configs" / "metadata.json"
    if not file.is_file():
        return ()
    data = require("monai.bundle", extra="monai").ConfigParser.load_config_file(str(file))
    found = data.get("network_data_format", {}).get("outputs", {}).get("pred", {})
    named = found.get("channel_def", {})
    return tuple(str(named[key]) for key in sorted(named, key=int))


def _refuse_code(raw: Mapping[str, Any], file: str) -> None:
    """Refuse Python, other files, and all but MONAI's own classes, in all that will be made."""
    for where, key, value in _needed(raw):
        code = value.startswith("$") or (value.startswith("%") and not value[1:].isidentifier())
        if code or key in _RUNS or (key == "_target_" and not _is_known_class(value)):
            raise InputError(
                f"{file}: {where} would run code: {value:.60}; where you trust the bundle, open it "
                "in Python with open_monai_bundle(path, allow_code=True)"
            )


def _is_known_class(target: str) -> bool:
    """Tell whether a bundle names a class that MONAI offers; a path could lead to anything."""
    home, _, name = target.rpartition(".")
    for module in _CLASSES:
        found = getattr(require(module, extra="monai"), name, None)
        if home in ("", module) and isinstance(found, type):
            return found.__module__.startswith("monai.")
    return False


def _needed(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """All texts of the sections that are made and of those that they refer to."""
    waiting = [*_NETWORK, _INFERER, _PREPROCESSING]
    seen: set[str] = set()
    while waiting:
        section = waiting.pop()
        if section in seen or section not in raw:
            continue
        seen.add(section)
        for key, text in _texts("", raw[section]):
            yield section, key, text
            waiting += _REFERENCE.findall(text)


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(str(name), each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(key, each)
