"""`python -m benchmarks.contrasts OUT`: promptable segmenters in real T1, T2 and FLAIR.

Two patients with multiple sclerosis, one of them at two visits, were scanned raw, with the skull
(`ms_longitudinal`, `ms_second_patient`). No expert drew their brains. The truth is a **silver
standard**: what deepbet, which was trained on T1, finds in the T1 of a visit, carried to T2 and
FLAIR of that visit by the affines of the data set. Errors of deepbet and of the affines count as
errors of every model; of deepbet in T1 it says nothing, and one that errs as deepbet does looks
better than it is. Each patient is told the brain by an atlas too, the T1 of the other one with its
silver brain, which `regkit register` brings along. A third patient's lesions, in T1, T2 and FLAIR
of one space (`ms_multicontrast`), were drawn by experts.

Writes the silver standard, three configurations of `regkit study generalization` and their results
into OUT, and prints tables in which the two patients stand together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml

import regkit as rk
from benchmarks.data import data_folder
from benchmarks.hard_pairs.contrasts import SESSIONS, Scan, published_transform
from benchmarks.table import Row, Table
from foundation.prompts import Prompts
from foundation.segmenters.deepbet import open_deepbet
from foundation.segmenters.prompt_unet.structures import label_structures
from foundation.studies.cells import StudyCell, read_cells
from foundation.studies.config import read_study
from foundation.studies.generalization.config import GeneralizationConfig
from foundation.studies.generalization.gap import GapClosed, gaps
from foundation.studies.generalization.page import named_place, share_closed_text
from foundation.studies.measures import judgement_of
from foundation.studies.summary import summarise_cells
from foundation.studies.words import estimate_text
from regkit import Labels, Volume
from regkit.cli import main as regkit
from regkit.io import read_labels
from regkit.metrics import dice
from regkit.resample import warp

CONTRASTS = ("T1", "T2", "FLAIR")
ATLAS_OF = {"ms_longitudinal": SESSIONS[2], "ms_second_patient": SESSIONS[0]}
_MODELS = ("prompt-unet", "prompt-unet-robust", "echo")
_MOST_LESIONS = 5
_SILVER = (
    "a silver standard, which nobody drew: what deepbet finds in the T1 of a visit, carried to its "
    "T2 and FLAIR by the affines of the data set. Of deepbet in T1 it says nothing, and of all it "
    "hides the errors that deepbet makes."
)


def main() -> int:
    """Make the silver standard, run the studies and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contrasts", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT")
    out: Path = parser.parse_args().out.absolute()
    print(f"Silver brains of one patient's two visits: Dice {write_silver(out):.3f}.\n")
    brains = [carried_out(out, f"brain-{who}", brain_study(out, who)) for who in ATLAS_OF]
    print(_table("Brain, silver standard: two patients, three visits", brains))
    lesions = carried_out(out, "lesions", lesion_study(out))
    print(_table("Lesions, drawn by experts: one patient, one visit", [lesions]))
    return 0


@dataclass(frozen=True)
class Answers:
    """A study that was carried out: its configuration and its cells."""

    config: GeneralizationConfig
    cells: Sequence[StudyCell]


def write_silver(out: Path) -> float:
    """Write the silver brain of every scan; return the Dice of both visits of one patient."""
    out.mkdir(parents=True, exist_ok=True)
    model, found = open_deepbet(None), {}
    for who, visit in SESSIONS:
        source: Scan = (who, visit, "T1")
        model.set_image(rk.read(scan_file(source)).load())
        found[who, visit] = model.segment(Prompts()).probability
        for contrast in CONTRASTS:
            scan = (who, visit, contrast)
            silver_brain(found[who, visit], source, scan).save(
                silver_file(out, scan), overwrite=True
            )
    first, second = ((*session, "T1") for session in SESSIONS[:2])
    back = silver_brain(found[SESSIONS[1]], second, first)
    return dice(back, read_labels(silver_file(out, first)), [1])[1]


def silver_brain(probability: Volume, source: Scan, scan: Scan) -> Labels:
    """Carry what was found in one scan of a patient to another by the affines of the data set."""
    grid = rk.read(scan_file(scan)).grid
    there = warp(probability, published_transform(scan, source), onto=grid)
    return Labels((there.data > 0.5).to(torch.uint8), grid, "silver brain")


def scan_file(scan: Scan) -> Path:
    """The image of a patient, visit and contrast."""
    who, visit, contrast = scan
    name = contrast if contrast == "FLAIR" else f"{contrast}W"
    return data_folder().absolute() / who / f"study{visit}_{name}.nii.gz"


def silver_file(out: Path, scan: Scan) -> Path:
    """Where the silver brain of a scan is kept."""
    return out / f"silver_{scan[0]}_{scan[1]}_{scan[2]}.nii.gz"


def brain_study(out: Path, patient: str) -> dict[str, Any]:
    """The study of one patient, all visits and contrasts, with the other one as the atlas."""
    scans = [(*each, contrast) for each in SESSIONS if each[0] == patient for contrast in CONTRASTS]
    atlas = (*ATLAS_OF[patient], "T1")
    return {
        "study": f"The brain of {patient} in three contrasts, silver standard",
        "truth": _SILVER,
        "models": ["deepbet", *_MODELS],
        "cases": [
            _case(f"{visit}-{contrast}", scan_file(scan), silver_file(out, scan), who, contrast)
            for scan in scans for who, visit, contrast in (scan,)
        ],
        "labels": {"brain": 1}, "sources": ["none", "box", "atlas", "mask"], "baseline": "box",
        "atlas": {
            "image": str(scan_file(atlas)), "labels": str(silver_file(out, atlas)),
            "subject": atlas[0],
        },
    }  # fmt: skip


def lesion_study(out: Path) -> dict[str, Any]:
    """The study of the largest lesions of a third patient, as experts drew them."""
    folder = data_folder().absolute() / "ms_multicontrast"
    whole = read_labels(folder / "lesions.nii.gz").load()
    numbered = torch.zeros_like(whole.data, dtype=torch.uint8)
    largest = sorted(label_structures(whole), key=lambda each: -int(each.data.sum()))
    for number, lesion in enumerate(largest[:_MOST_LESIONS], 1):
        first = whole.grid.to_index(lesion.grid.to_world(torch.zeros(3, dtype=torch.float64)))
        start = [-int(n) for n in first.round().tolist()]
        numbered += number * lesion.window(start, whole.grid.shape).data
    Labels(numbered, whole.grid).save(out / "lesions.nii.gz", overwrite=True)
    count = min(len(largest), _MOST_LESIONS)
    return {
        "study": "Lesions of one patient in three contrasts",
        "models": [*_MODELS, "random-walker"],
        "cases": [
            _case(name, folder / f"{name.lower()}.nii.gz", out / "lesions.nii.gz", "third", name)
            for name in CONTRASTS
        ],
        "labels": {f"lesion {n}": n for n in range(1, count + 1)},
        "sources": ["point", "box", "mask"],
    }  # fmt: skip


def _case(name: str, image: Path, labels: Path, subject: str, domain: str) -> dict[str, str]:
    return {
        "name": name, "image": str(image), "labels": str(labels), "subject": subject,
        "domain": domain,
    }  # fmt: skip


def carried_out(out: Path, name: str, study: Mapping[str, Any]) -> Answers:
    """Run a study as a user does, or go on with one that was stopped."""
    file = out / f"{name}.yaml"
    file.write_text(yaml.safe_dump({**study, "in_domain": "T1"}, sort_keys=False))
    words = ["study", "generalization", str(file), "-o", str(out / name), "--resume", "--quiet"]
    if regkit([*words, "--workers", "1"]):
        raise SystemExit(f"{name}: the study failed")
    return Answers(read_study(file, GeneralizationConfig), read_cells(out / name / "cells.parquet"))


def _table(title: str, studies: Sequence[Answers]) -> str:
    """Mean Dice of all patients together, with intervals by patient."""
    config = studies[0].config
    cells = [
        replace(cell, perturbation=named_place(cell), case=cell.subject)
        for study in studies for cell in study.cells
    ]  # fmt: skip
    columns = dict.fromkeys(("model", "told by", *CONTRASTS), "")
    rows = [*_scores(config, cells), *_shares(config, gaps(config, cells, CONTRASTS))]
    return Table(title, columns, rows).markdown() + "\n"


def _scores(config: GeneralizationConfig, cells: Sequence[StudyCell]) -> Iterator[Row]:
    found = summarise_cells(cells, lambda _: None, judgement_of(config, "dice"))
    for model in config.models:
        for source in config.sources:
            texts = {
                each.condition.perturbation: estimate_text(each.score)
                for each in found
                if (each.condition.model, each.condition.prompt) == (model, source) and each.score
            }
            if texts:
                yield {"model": model, "told by": source, **texts}


def _shares(config: GeneralizationConfig, closed: Sequence[GapClosed]) -> Iterator[Row]:
    told = f"of the gap from {config.baseline} to {config.oracle}, closed by "
    for model, source in dict.fromkeys((each.model, each.source) for each in closed):
        own = [each for each in closed if (each.model, each.source) == (model, source)]
        texts = {each.place: share_closed_text(each) for each in own}
        yield {"model": model, "told by": told + source, **texts}


if __name__ == "__main__":
    raise SystemExit(main())
