"""One pair through every method, each in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.hard_pairs.judging import Outcome, judged, started, verdict
from benchmarks.hard_pairs.methods import Contender, Files
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.session import say
from regkit import Volume

_LONGEST = 160  # letters of a message that is kept


def run_pair(pair: HardPair, contenders: Sequence[Contender], folder: Path) -> list[Outcome]:
    """What every one of ``contenders`` makes of ``pair``; nothing is left in ``folder``."""
    place = folder / "pair"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    files = _written(pair, place)
    before = started(pair, "")
    entered = [each for each in contenders if each.enters(pair)]
    outcomes = [_outcome(pair, files, each, before) for each in entered]
    shutil.rmtree(place)
    return outcomes


def _outcome(pair: HardPair, files: Files, contender: Contender, before: Outcome) -> Outcome:
    method = contender.method(pair, files)
    out = files.fixed.parent / "".join(c if c.isalnum() else "_" for c in contender.name)
    found = replace(before, method=contender.name)
    try:
        cost = method.run(files.fixed, files.moving, out)
        found = replace(found, seconds=cost.cpu, verdict=verdict(out))
        found = judged(found, pair, method.found(out))
    # A peer may leave anything, or nothing: whatever goes wrong here is its failure.
    except Exception as error:
        found = replace(found, error=_line(error))
    say(f"{pair.family}: {pair.name}: {contender.name}: {_told(found)}")
    return found


def _written(pair: HardPair, place: Path) -> Files:
    def path(volume: Volume | None, name: str) -> Path | None:
        return None if volume is None else volume.save(place / f"{name}.nii.gz")

    fixed, moving = (
        pair.fixed.save(place / "fixed.nii.gz"),
        pair.moving.save(place / "moving.nii.gz"),
    )
    masks = path(pair.fixed_mask, "fixed_mask"), path(pair.moving_mask, "moving_mask")
    return Files(fixed, moving, *masks)


def _line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:_LONGEST]


def _told(found: Outcome) -> str:
    if found.error:
        return f"failed: {found.error}"
    start, now = (
        (found.dice_start, found.dice) if found.dice is not None else (found.start, found.mean)
    )
    numbers = "" if start is None or now is None else f"{start:.3f} before, {now:.3f} after, "
    return f"{numbers}{found.seconds or 0:.1f} CPU s, says {found.verdict}"
