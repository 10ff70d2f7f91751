"""The folder of installed weights: one safetensors file and one record each."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.networks.gradicon import from_state
from regkit.networks.steps import Registration
from regkit.networks.weights.checkpoint import read_checkpoint, training_facts, write_checkpoint
from regkit.networks.weights.download import OnBytes, download
from regkit.networks.weights.known import KNOWN, SHIPPED, PublishedWeights, checked_name

FOLDER = "REGKIT_WEIGHTS"
OFFLINE = "REGKIT_OFFLINE"
_SHIPPED = Path(__file__).with_name("shipped")


@dataclass(frozen=True)
class Record:
    """The record of installed weights: where they came from, and their SHA-256.

    ``sha256`` is of the safetensors file, ``source_sha256`` of the file that it was made from.
    """

    source: str
    source_sha256: str
    sha256: str
    licence: str


def folder() -> Path:
    """Return the folder of installed weights: ``$REGKIT_WEIGHTS``, or one in the user's cache."""
    if own := os.environ.get(FOLDER):
        return Path(own)
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(cache or Path.home() / ".cache") / "regkit" / "weights"


def installed_weights() -> list[str]:
    """List the names of all weights that are installed, known ones first."""
    here = {path.stem for path in folder().glob("*.safetensors")}
    return [name for name in KNOWN if name in here] + sorted(here - set(KNOWN))


def available_weights() -> list[str]:
    """List the names of all weights that can be used: those installed, and those of regkit."""
    return [*installed_weights(), *SHIPPED]


def weights_path(name: str) -> Path:
    """Return the file of installed weights.

    Raises
    ------
    InputError
        If they are not installed; the message tells how to get them.
    """
    path = _file(name)
    if not path.is_file():
        how = f"regkit weights fetch {name}, or " if name in KNOWN else ""
        raise InputError(
            f"weights {name!r} are not installed; get them with: {how}"
            f"regkit weights import {name} FILE"
        )
    return path


def fetch(source: PublishedWeights, told: OnBytes, *, offline: bool = False) -> Path:
    """Download published weights and install them, unless they are here and whole.

    Parameters
    ----------
    source
        The published weights.
    told
        Called with the bytes that are here, and the bytes of the whole.
    offline
        Refuse to download.

    Returns
    -------
    Path
        The installed file.

    Raises
    ------
    InputError
        If the download fails, is not allowed, or is not what was published or fetched before.
    """
    with _locked(source.name):
        if _whole(source.name):
            return _file(source.name)
        _check_online(source, offline)
        part = folder() / f"{source.name}.download"
        download(source.url, part, told)
        try:
            return _install(source, part, source.url)
        finally:
            part.unlink(missing_ok=True)
            part.with_name(f"{part.name}.tag").unlink(missing_ok=True)


def import_file(name: str, path: Path) -> Path:
    """Install the weights in ``path``, which stays as it is, under ``name``.

    Raises
    ------
    InputError
        If the file is not of the GradICON network, or not what was published under this name.
    """
    own = PublishedWeights(checked_name(name), "", "not stated", "")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; give the weights to import")
    with _locked(name):
        return _install(KNOWN.get(name, own), path, path.name)


def verify(name: str) -> Record:
    """Check installed weights against their record, to the last bit, and their layout.

    Raises
    ------
    InputError
        If they are missing, or not what was installed.
    """
    load_weights(name)
    return read_weights_record(name)


def load_weights(name: str) -> Registration:
    """Build the network with installed weights, which must be those that were installed.

    Raises
    ------
    InputError
        If they are missing, or were changed since.
    """
    path = weights_path(name)
    if sha256(path) != read_weights_record(name).sha256:
        raise InputError(
            f"{path}: is not what was installed: its SHA-256 is not the recorded one; get it again "
            f"with: {_again(name)}"
        )
    return from_state(read_checkpoint(path), name=path.name)


def read_weights_record(name: str) -> Record:
    """Read what was recorded when ``name`` was installed.

    Raises
    ------
    InputError
        If there is no record, or it is not one.
    """
    path = _record_file(name)
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: the record of these weights is missing or damaged, so they cannot be "
            f"trusted; get them again with: {_again(name)}"
        ) from error


def _install(source: PublishedWeights, path: Path, origin: str) -> Path:
    found = sha256(path)
    _check_digest(source, path, found)
    state = from_state(read_checkpoint(path), name=path.name).state_dict()
    target = _file(source.name)
    write_checkpoint(state, target, training_facts(path))
    record = Record(origin, found, sha256(target), source.licence)
    part = target.with_name(f".{target.name}.json.part")
    part.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    part.replace(_record_file(source.name))
    return target


def _check_digest(source: PublishedWeights, path: Path, found: str) -> None:
    """Refuse what differs from the published file, or from the one that was fetched first."""
    wanted, whose = source.sha256, "the published one"
    if not wanted and source.url and _record_file(source.name).is_file():
        wanted, whose = (
            read_weights_record(source.name).source_sha256,
            "the one that was installed first",
        )
    if wanted and found != wanted:
        raise InputError(
            f"{path.name}: is not {whose}: SHA-256 {found[:12]}…, not {wanted[:12]}…; if its "
            f"authors have replaced it, delete {_record_file(source.name)} and try again"
        )


def _check_online(source: PublishedWeights, offline: bool) -> None:
    if offline or os.environ.get(OFFLINE, "") not in ("", "0"):
        raise InputError(
            f"weights {source.name!r} are not installed, and this run is offline; get {source.url} "
            f"on another machine and run: regkit weights import {source.name} FILE, which puts "
            f"them into {folder()}"
        )


def _whole(name: str) -> bool:
    if not (_file(name).is_file() and _record_file(name).is_file()):
        return False
    return sha256(_file(name)) == read_weights_record(name).sha256


def _again(name: str) -> str:
    command = "fetch" if name in KNOWN else "import"
    return f"regkit weights {command} {name}" + (" FILE" if command == "import" else "")


def _locked(name: str) -> FileLock:
    folder().mkdir(parents=True, exist_ok=True)
    return FileLock(folder() / f".{checked_name(name)}.lock")


def _file(name: str) -> Path:
    return _home(name) / f"{name}.safetensors"


def _record_file(name: str) -> Path:
    return _home(name) / f"{name}.json"


def _home(name: str) -> Path:
    """Return the folder of weights that can be used, or are to be installed, under ``name``."""
    if name in SHIPPED:
        return _SHIPPED
    checked_name(name)
    return folder()
