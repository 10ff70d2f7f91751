"""How near suppressors come to leaving half of their own cue, on small images."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from benchmarks.table import Row, Table
from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.samples import ImageSamples
from probes.reliance.matching import match_level
from probes.reliance.suppressor import SUPPRESSORS
from regkit.errors import InputError

_IMAGES, _TARGET, _NEAR = 48, 0.5, 0.1


def matching_table(data: Mapping[str, ImageSamples]) -> Table:
    """Every suppressor that has a cue of the images, a row each."""
    rows: list[Row] = []
    for name, samples in data.items():
        places = torch.arange(0, len(samples), max(1, len(samples) // _IMAGES))[:_IMAGES]
        images = samples.images[places].float().contiguous()
        batch = Batch(images, Bands.of(images))
        for suppressor in SUPPRESSORS.values():
            try:
                found = match_level(suppressor, batch, _TARGET)
            except InputError:  # it has no cue, or the images do not have its bands
                continue
            rows.append({
                "data": name, "side": min(batch.shape), "suppressor": suppressor.name,
                "cue": suppressor.cue, "strength": found.strength, "left": found.retained,
                "off": "" if abs(found.retained - _TARGET) <= _NEAR else "more than a tenth",
            })  # fmt: skip
    columns = {"data": "", "side": "", "suppressor": "", "cue": "", "strength": ".4g",
               "left": ".2f", "off": ""}  # fmt: skip
    notes = (f"{_IMAGES} images of each data set, one draw; {_TARGET:g} was asked for.",)
    return Table("What is left of each cue at matched levels", columns, rows, notes)
